"""Metadata of `baselines/*`: confusion, scores by letter, mistakes, leakage, compared with fits of the test."""

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from notmnist_assets.assets.baseline_metadata import recorded_confusions
from notmnist_assets.assets.baselines import METRICS
from notmnist_assets.curation.baselines.fitting import pixel_rows
from notmnist_assets.curation.baselines.models import DEFAULT_MODEL, MODELS
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets_tests.workspace import Workspace


def test_the_confusion_matrices_are_those_of_models_of_all_rows_on_clean_test_rows(finished: Workspace) -> None:
    splits = finished.load_all(["splits/train", "sanitized/train", "sanitized/test"])
    test = splits["sanitized/test"]
    with finished.instance() as instance:
        recorded = recorded_confusions(instance, METRICS.asset_key)
    assert list(recorded) == ["raw", "sanitized"]
    for train_on, group in (("raw", "splits"), ("sanitized", "sanitized")):
        train = splits[f"{group}/train"]
        fit = MODELS[DEFAULT_MODEL].create().fit(pixel_rows(train.images), train.labels)
        predicted = fit.predict(pixel_rows(test.images))
        expected = np.zeros((10, 10), np.int64)
        for given, read in zip(test.labels, predicted, strict=True):
            expected[given, read] += 1
        np.testing.assert_array_equal(recorded[train_on], expected)


def test_without_recorded_confusion_matrices_there_are_none(finished: Workspace) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert recorded_confusions(instance, METRICS.asset_key) == {}
        instance.report_runless_asset_event(dg.AssetMaterialization(METRICS.asset_key, metadata={"rows": 60}))
        assert recorded_confusions(instance, METRICS.asset_key) == {}


def test_recall_and_precision_of_each_letter_are_shown_with_its_rows(finished: Workspace) -> None:
    metadata = finished.metadata("baselines/metrics")
    shown = metadata["by_letter"]
    assert isinstance(shown, dg.TableMetadataValue)
    test = finished.load("sanitized/test")
    rows = {record.data["letter"]: record.data["rows"] for record in shown.records}
    assert rows == {letter: int((test.labels == label).sum()) for label, letter in enumerate(LETTERS)}
    metrics = finished.load("baselines/metrics").query("train_rows == 'all' and eval_on == 'test'")
    for train_on in ("raw", "sanitized"):
        recalls = pd.Series({record.data["letter"]: record.data[f"{train_on}_recall"] for record in shown.records})
        right = (recalls.str.removesuffix(" %").astype(float) / 100 * pd.Series(rows)).sum()
        clean = metrics.query("train_on == @train_on and eval_rows == 'clean'").iloc[0]
        assert right == pytest.approx(clean["accuracy"] * clean["rows"], abs=0.05)
    assert {"confusion", "weights", "learning_curve"} <= set(metadata)


def test_the_removed_test_rows_are_told_apart_by_image(finished: Workspace) -> None:
    metadata = finished.metadata("baselines/metrics")
    removed = finished.load("sanitized/removed").query("split == 'test'")
    images = finished.load("splits/test").images[removed["row"]].reshape(len(removed), -1)
    most = int(np.unique(images, axis=0, return_counts=True)[1].max())
    text = " ".join(str(metadata["summary"].value).split())
    assert f"{len(removed)} test rows were removed" in text
    assert f"{most} of them are one image" in text
    groups = finished.load("baselines/metrics").query("eval_on == 'test' and eval_rows == 'removed'")["groups"]
    scored = metadata["test_rows"]
    assert isinstance(scored, dg.TableMetadataValue)
    assert set(groups) == {record.data["groups"] for record in scored.records if record.data["test"] == "removed"}
    assert groups.max() <= len(removed)


def test_mistakes_are_those_of_the_model_of_all_sanitized_rows(finished: Workspace) -> None:
    mistakes = finished.load("baselines/mistakes")
    metrics = finished.load("baselines/metrics").query(
        "train_on == 'sanitized' and train_rows == 'all' and eval_rows == 'raw'"
    )
    for row in metrics.itertuples():
        assert (mistakes["split"] == row.eval_on).sum() == round((1 - row.accuracy) * row.rows)
    for name, part in mistakes.groupby("split"):
        labels = finished.load(f"splits/{name}").labels[part["row"]]
        assert part["label"].tolist() == [LETTERS[label] for label in labels]


def test_leakage_answers_for_the_test_rows_that_have_a_twin(finished: Workspace) -> None:
    report = finished.load("overlap/report").set_index(["method", "rows_of", "found_in"])["rows"]
    metadata, table = finished.metadata("baselines/leakage"), finished.load("baselines/leakage")
    assert metadata["test_rows_with_a_twin"].value == report["near", "test", "train"] > 0
    assert set(table.query("scored == 'rows with a twin'")["rows"]) == {report["near", "test", "train"]}
    assert "Positive control" in " ".join(str(metadata["summary"].value).split())


def test_reference_has_the_models_of_the_assignment(finished: Workspace) -> None:
    table = finished.load("baselines/reference")
    assert table.groupby("model")["train_rows"].unique().map(list).to_dict() == {
        "one_vs_rest_liblinear": ["50", "100"],
        "multinomial_lbfgs": ["50", "100"],
    }
    assert "published" not in finished.metadata("baselines/reference"), "these are not the originals"


def test_the_data_version_leaves_out_the_duration_of_the_fit(finished: Workspace) -> None:
    metrics = finished.load("baselines/metrics")
    with finished.instance() as instance:
        event = instance.get_latest_materialization_event(METRICS.asset_key)
    assert event is not None
    assert event.asset_materialization is not None
    version = (event.asset_materialization.tags or {})["dagster/data_version"]
    assert version == fingerprint(metrics, leave_out=("seconds",))
