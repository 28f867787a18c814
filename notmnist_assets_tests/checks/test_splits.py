"""The checks of merged splits: balance, order and shared files."""

from collections.abc import Sequence

import dagster as dg
import numpy as np
import pytest

from notmnist_assets.checks.splits import split_checks
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.values import Split
from notmnist_assets_tests.builders import split_of
from notmnist_assets_tests.checks.judging import BALANCED, by_name, failed, results_of, shown


def split(name: str, labels: Sequence[int] = (), *, shuffle: bool = True) -> Split:
    chosen = np.array(labels or BALANCED, np.int32)
    if shuffle:
        chosen = np.random.default_rng(0).permutation(chosen)
    images = np.zeros((len(chosen), 28, 28), np.uint8)
    return split_of(images, chosen.tolist(), name=name)


def judge(**splits: Split) -> list[dg.AssetCheckResult]:
    given = {name: splits.get(name, split(name)) for name in SPLITS}
    return results_of(split_checks(dg.build_asset_check_context(), **given))


def test_balanced_shuffled_disjoint_splits_pass() -> None:
    results = judge()
    assert len(results) == 9
    assert failed(results) == set()


def test_one_row_more_of_a_letter_fails() -> None:
    result = by_name(judge(valid=split("valid", [*BALANCED, 3])))["splits/valid:class_balance"]
    assert not result.passed
    assert shown(result) == ("1.1: most D 11, fewest A 10", "exactly 1")
    assert result.metadata["ratio"].value == 1.1


def test_a_missing_letter_fails_and_is_named() -> None:
    labels = [label for label in BALANCED if label != 8]
    result = by_name(judge(test=split("test", labels)))["splits/test:class_balance"]
    assert not result.passed
    assert shown(result) == ("I has no rows", "exactly 1")


@pytest.mark.parametrize("labels", [sorted(BALANCED), BALANCED], ids=["sorted", "in turn"])
def test_labels_in_order_fail(labels: list[int]) -> None:
    assert "splits/train:labels_shuffled" in failed(judge(train=split("train", labels * 5, shuffle=False)))


def test_a_file_in_two_splits_fails_in_both() -> None:
    train, valid = split("train"), split("valid")
    valid.sources.iloc[7] = train.sources.iloc[2]
    results = by_name(judge(train=train, valid=valid))
    for name in ("train", "valid"):
        result = results[f"splits/{name}:disjoint_sources"]
        assert not result.passed
        assert result.severity == dg.AssetCheckSeverity.ERROR
        assert shown(result) == (1, 0)
    assert results["splits/test:disjoint_sources"].passed


def test_a_file_twice_in_one_split_fails() -> None:
    test = split("test")
    test.sources.iloc[7] = test.sources.iloc[2]
    assert "splits/test:disjoint_sources" in failed(judge(test=test))


def test_fractions_have_four_digits_and_limits_say_how_they_are_compared() -> None:
    actual, threshold = shown(by_name(judge())["splits/train:labels_shuffled"])
    assert isinstance(actual, float)
    assert actual == float(f"{actual:.4g}")
    assert threshold == "at most 5 standard errors"
