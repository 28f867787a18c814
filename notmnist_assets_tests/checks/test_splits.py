"""The checks of splits: balance, order, shared files and unused images."""

from collections.abc import Sequence

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from notmnist_assets.checks import splits as splits_checks
from notmnist_assets.checks.splits import optional_checks, split_checks, split_size_check
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.settings.model import read_settings
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets_tests.archives import tiny_members, write_archive
from notmnist_assets_tests.builders import split_of
from notmnist_assets_tests.checks.results import BALANCED, by_name, failed, results_of, shown
from notmnist_assets_tests.workspace import SIZES, Workspace


def split(name: str, labels: Sequence[int] = (), *, shuffle: bool = True) -> Split:
    chosen = np.array(labels or BALANCED, np.int32)
    if shuffle:
        chosen = np.random.default_rng(0).permutation(chosen)
    images = np.zeros((len(chosen), 28, 28), np.uint8)
    return split_of(images, chosen.tolist(), name=name)


@pytest.fixture
def readable(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Readable images of each letter of large; a test may change them."""
    counts = [30] * 10

    def readable_files(_files: pd.DataFrame, _set_name: str) -> list[int]:
        return counts

    monkeypatch.setattr(splits_checks, "readable_files", readable_files)
    monkeypatch.setenv("NOTMNIST_PROFILE", "custom")
    monkeypatch.setenv("NOTMNIST_ARCHIVES", "archives")
    return counts


def check_splits(**splits: Split) -> list[dg.AssetCheckResult]:
    given = {name: splits.get(name, split(name)) for name in SPLITS}
    return results_of(split_checks(dg.build_asset_check_context(), **given))


def check_size() -> dg.AssetCheckResult:
    result = split_size_check(SettingsResource(), split("train"), split("valid"), files=pd.DataFrame())
    assert isinstance(result, dg.AssetCheckResult)
    return result


@pytest.mark.usefixtures("readable")
def test_balanced_shuffled_disjoint_splits_pass() -> None:
    results = check_splits()
    assert len(results) == 9
    assert failed(results) == set()


@pytest.mark.usefixtures("readable")
def test_one_row_more_of_a_letter_fails() -> None:
    result = by_name(check_splits(valid=split("valid", [*BALANCED, 3])))["splits/valid:class_balance"]
    assert not result.passed
    assert shown(result) == ("1.1: most D 11, fewest A 10", "exactly 1")
    assert result.metadata["ratio"].value == 1.1


@pytest.mark.usefixtures("readable")
def test_a_missing_letter_fails_and_is_listed() -> None:
    labels = [label for label in BALANCED if label != 8]
    result = by_name(check_splits(test=split("test", labels)))["splits/test:class_balance"]
    assert not result.passed
    assert shown(result) == ("I has no rows", "exactly 1")


@pytest.mark.usefixtures("readable")
@pytest.mark.parametrize("labels", [sorted(BALANCED), BALANCED], ids=["sorted", "in turn"])
def test_labels_in_order_fail(labels: list[int]) -> None:
    assert "splits/train:labels_shuffled" in failed(check_splits(train=split("train", labels * 5, shuffle=False)))


@pytest.mark.usefixtures("readable")
def test_a_file_in_two_splits_fails_in_both() -> None:
    train, valid = split("train"), split("valid")
    valid.sources.iloc[7] = train.sources.iloc[2]
    results = by_name(check_splits(train=train, valid=valid))
    for name in ("train", "valid"):
        result = results[f"splits/{name}:disjoint_sources"]
        assert not result.passed
        assert result.severity == dg.AssetCheckSeverity.ERROR
        assert shown(result) == (1, 0)
    assert results["splits/test:disjoint_sources"].passed


@pytest.mark.usefixtures("readable")
def test_a_file_twice_in_one_split_fails() -> None:
    test = split("test")
    test.sources.iloc[7] = test.sources.iloc[2]
    assert "splits/test:disjoint_sources" in failed(check_splits(test=test))


@pytest.mark.usefixtures("readable")
def test_fractions_have_four_digits_and_thresholds_name_the_comparison() -> None:
    actual, threshold = shown(by_name(check_splits())["splits/train:labels_shuffled"])
    assert isinstance(actual, float)
    assert actual == float(f"{actual:.4g}")
    assert threshold == "at most 5 standard errors"


def test_a_letter_so_scarce_that_most_images_are_unused_is_a_warning_that_names_it(readable: list[int]) -> None:
    readable[:] = [2_041] * 9 + [20]
    result = check_size()
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert shown(result) == ("1.09 % of 18,389 readable images: the scarcest letter, J, has 20", "at least 50 %")
    readable[:] = [40] * 9 + [20]
    result = check_size()
    assert result.passed
    assert result.metadata["share (%)"].value == 52.6


def test_the_share_of_used_images_is_not_compared_if_no_letter_limits_the_size(
    readable: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert optional_checks(read_settings({"NOTMNIST_PROFILE": "sample"})) == [], "the size is set"
    readable[:] = [2_000] * 10
    result = check_size()
    assert result.passed
    assert "not compared: train has its largest default size, 100 rows;" in str(shown(result)[0])
    monkeypatch.setenv("NOTMNIST_TRAIN_SIZE", "100")
    result = check_size()
    assert result.passed
    actual = "not compared: the size of train is set to 100; 1 % of 20,000 readable images are used"
    assert shown(result) == (actual, "none")


def test_metadata_of_a_split_explain_its_size_and_count_the_unused_images(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def size_metadata(name: str) -> list[object]:
        recorded = workspace.metadata(f"splits/{name}")
        return [recorded[label].value for label in ("size", "scarcest_letter", "images_left_out")]

    assert size_metadata("train") == ["by its setting", "A: 30 readable images in large", 50]
    for size in SIZES:
        monkeypatch.delenv(size)
    large = tiny_members()["large"]
    for name in list(large["J"])[8:]:
        del large["J"][name]
    write_archive(workspace.archives, "large", large)
    keys = ["archives/large", "letters/large/J", "letters/files", *(f"splits/{name}" for name in SPLITS)]
    evaluations = workspace.run(keys).get_asset_check_evaluations()
    why = "limited by the scarcest letter (J: 8): each letter gives as many rows"
    assert size_metadata("train") == size_metadata("valid") == [why, "J: 8 readable images in large", 278 - 80]
    assert size_metadata("test")[2] == 0
    (result,) = [evaluation for evaluation in evaluations if evaluation.check_name == "uses_most_images"]
    assert not result.passed
    assert result.metadata["actual"].value == "28.8 % of 278 readable images: the scarcest letter, J, has 8"
