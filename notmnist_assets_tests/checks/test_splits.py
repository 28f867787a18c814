"""The checks of merged splits: balance, order and shared files are errors, shared images a warning."""

from collections.abc import Sequence

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from notmnist_assets.checks.splits import overlap_checks, split_checks
from notmnist_assets.curation.relation import METHODS
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
    assert shown(result) == (1.1, 1.0)


def test_a_missing_letter_fails() -> None:
    labels = [label for label in BALANCED if label != 8]
    assert "splits/test:class_balance" in failed(judge(test=split("test", labels)))


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


def report(rows_of: str, found_in: str, rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": list(METHODS),
            "rows_of": rows_of,
            "found_in": found_in,
            "rows": [0, rows, 0],
            "distinct": [0, rows, 0],
            "share": [0.0, rows / 100, 0.0],
        }
    )


def judge_overlap(table: pd.DataFrame) -> list[dg.AssetCheckResult]:
    return results_of(overlap_checks(dg.build_asset_check_context(), table))


@pytest.mark.parametrize(("rows_of", "found_in"), [("valid", "train"), ("test", "train"), ("test", "valid")])
def test_shared_images_of_merged_splits_are_a_warning_for_their_method(rows_of: str, found_in: str) -> None:
    results = by_name(judge_overlap(report(rows_of, found_in, 3)))
    assert failed(results.values()) == {"overlap/report:no_leakage_cells"}
    result = results["overlap/report:no_leakage_cells"]
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert shown(result) == (3, 0)


@pytest.mark.parametrize(("rows_of", "found_in"), [("train", "test"), ("train", "train"), ("valid", "valid")])
def test_repeats_and_training_rows_are_no_leakage(rows_of: str, found_in: str) -> None:
    assert failed(judge_overlap(report(rows_of, found_in, 3))) == set()
