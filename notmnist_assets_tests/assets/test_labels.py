"""`labels/issues` of a run: every image, the numbers in the metadata, and the setting that leaves issues out."""

import dagster as dg
import numpy as np
import pytest

from notmnist_assets.assets.labels import recorded_rates
from notmnist_assets.curation.baselines.evaluation import baseline_metrics
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.labels.issues import KINDS, NO_ISSUE, without_issues
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.curation.summaries.text import rounded
from notmnist_assets_tests.workspace import Workspace


def test_all_images_of_both_archives_are_judged(finished: Workspace) -> None:
    issues = finished.load("labels/issues")
    images = sum(len(finished.load(f"letters/{name}/{letter}")) for name in SETS for letter in LETTERS)
    assert len(issues) == images
    for name in SPLITS:
        assert (issues["split"] == name).sum() == len(finished.load(f"splits/{name}"))


def test_the_metadata_count_issues_and_show_rates_effect_and_pictures(finished: Workspace) -> None:
    metadata, issues = finished.metadata("labels/issues"), finished.load("labels/issues")
    assert metadata["issues"].value == (issues["kind"] != NO_ISSUE).sum()
    kinds = metadata["kinds"]
    assert isinstance(kinds, dg.TableMetadataValue)
    for kind in KINDS:
        assert sum(int(str(record.data[kind])) for record in kinds.records) == (issues["kind"] == kind).sum()
    with finished.instance() as instance:
        rates = recorded_rates(instance)
    assert rates["set"].tolist() == list(SETS)
    assert metadata["wrong labels (%): large"].value == rounded(100 * rates["wrong"][0])
    effect = metadata["effect"]
    assert isinstance(effect, dg.TableMetadataValue)
    assert [record.data["eval_on"] for record in effect.records] == ["valid", "valid", "test", "test"]
    assert "data:image/png" in str(metadata["pictures"].value)


def test_without_a_materialization_no_rates_are_recorded() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert recorded_rates(instance).empty


@pytest.mark.extended
def test_the_setting_leaves_rows_with_an_issue_out_of_training(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notmnist_assets.curation.labels.issues.LEAST_QUALITY", 0.9999)
    assert workspace.run(["labels/issues"]).success
    splits = workspace.load_all([f"{group}/{name}" for group in ("splits", "sanitized") for name in SPLITS])
    issues = workspace.load("labels/issues")
    config = {"resources": {"settings": {"config": {"drop_label_issues": True}}}}
    assert workspace.run(["baselines/metrics"], config).success
    raw, clean = ({name: splits[f"{group}/{name}"] for name in SPLITS} for group in ("splits", "sanitized"))
    for of in (raw, clean):
        of["train"] = without_issues(of["train"], issues)
    expected = baseline_metrics(raw, clean)
    found = workspace.load("baselines/metrics")
    np.testing.assert_array_equal(found["fitted_rows"], expected["fitted_rows"])
    np.testing.assert_array_equal(found["accuracy"], expected["accuracy"])
    assert found["fitted_rows"].max() < len(splits["splits/train"])
    assert workspace.metadata("baselines/metrics")["without_label_issues"].value is True
