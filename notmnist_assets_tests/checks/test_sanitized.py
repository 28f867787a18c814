"""The checks of sanitized splits: leaks, repeats, conflicts, lost rows and unbalanced classes fail."""

from collections import Counter

import dagster as dg
import numpy as np
import pytest

from notmnist_assets.checks.within_split import WITHIN_SPLIT_CHECKS
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.sanitizing import verification
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets_tests.checks.results import BALANCED, failed, shown
from notmnist_assets_tests.checks.sanitized_splits import (
    RADIUS,
    check_splits,
    clean,
    emptied,
    noise,
    records,
    rows_of,
    with_row,
)
from notmnist_assets_tests.workspace import QUIET, Workspace


def test_all_checks_of_clean_splits_pass() -> None:
    results = check_splits(clean())
    assert len(results) == 19
    assert failed(results.values()) == set()


@pytest.mark.parametrize(("split", "other"), [("valid", "train"), ("test", "train"), ("test", "valid")])
def test_a_shared_image_fails_and_is_listed(split: str, other: str) -> None:
    splits = clean()
    splits[split] = with_row(splits[split], 9, splits[other].images[9])
    results = check_splits(splits)
    assert failed(results.values()) == {f"sanitized/{split}:no_shared_images", f"sanitized/{split}:no_near_duplicates"}
    result = results[f"sanitized/{split}:no_shared_images"]
    assert (result.severity, shown(result)) == (dg.AssetCheckSeverity.ERROR, (1, 0))
    assert records(result)[0] == {"found_in": other, "row": 9, "other_row": 9, "distance": 0.0}


@pytest.mark.parametrize(("levels", "passes"), [(510, False), (511, True)], ids=["at the radius", "just beyond"])
def test_a_near_duplicate_fails_up_to_the_radius(levels: int, passes: bool) -> None:
    splits = clean()
    flat = np.zeros((28, 28), np.uint8)
    moved = flat.copy()
    moved[3, :3] = (255, 255, levels - 510) if levels > 510 else (255, levels - 255, 0)
    splits["train"] = with_row(splits["train"], 1, flat)
    splits["valid"] = with_row(splits["valid"], 2, moved)
    result = check_splits(splits)["sanitized/valid:no_near_duplicates"]
    assert result.passed == passes
    assert result.metadata["radius"].value == RADIUS


def test_near_duplicates_warn_if_the_method_is_not_near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_SANITIZE_METHOD", "exact")
    splits = clean()
    near = splits["train"].images[0].copy()
    near[0, 0] ^= 1
    splits["test"] = with_row(splits["test"], 0, near)
    result = check_splits(splits)["sanitized/test:no_near_duplicates"]
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN


def test_a_moved_copy_fails_with_shifts(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = clean()
    splits["test"] = with_row(splits["test"], 0, np.pad(splits["valid"].images[4], ((0, 0), (0, 1)))[:, 1:])
    assert failed(check_splits(splits).values()) == set()
    monkeypatch.setenv("NOTMNIST_NEAR_SHIFTS", "true")
    results = check_splits(splits)
    assert failed(results.values()) == {"sanitized/test:no_near_duplicates"}
    assert results["sanitized/test:no_near_duplicates"].severity == dg.AssetCheckSeverity.ERROR


def test_a_moved_copy_with_another_letter_in_the_same_split_fails_with_shifts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    splits = clean()
    other = int(np.flatnonzero(splits["test"].labels != splits["test"].labels[0])[0])
    splits["test"] = with_row(splits["test"], 0, np.pad(splits["test"].images[other], ((0, 0), (0, 1)))[:, 1:])
    assert failed(check_splits(splits).values()) == set()
    monkeypatch.setenv("NOTMNIST_NEAR_SHIFTS", "true")
    result = check_splits(splits)["sanitized/test:no_contradictions"]
    assert not result.passed
    assert set(rows_of(result)) == {0, other}


def test_a_row_that_is_missing_without_being_removed_fails() -> None:
    raw = clean()
    splits = {**raw, "test": raw["test"].take(np.arange(97))}
    result = check_splits(splits, raw, {"test": 2})["sanitized/test:all_rows_accounted_for"]
    assert (result.passed, result.severity, shown(result)) == (False, dg.AssetCheckSeverity.ERROR, (1, 0))
    (record,) = records(result, "unaccounted")
    assert (record["row"], record["problem"]) == (97, "lost")
    assert record["name"] == raw["test"].sources["name"].iloc[97]
    assert check_splits(splits, raw, {"test": 3})["sanitized/test:all_rows_accounted_for"].passed


@pytest.mark.parametrize(
    ("kept", "removed", "problems"),
    [
        ([0] * 10 + list(range(10, 100)), 0, {"lost": 9, "kept twice": 1}),
        (list(range(100)), 1, {"kept and removed": 1}),
        ([*range(97), 0], 2, {"lost": 1, "kept twice": 1}),
    ],
    ids=["one row for ten", "kept and removed", "right in number only"],
)
def test_rows_are_accounted_for_one_by_one(kept: list[int], removed: int, problems: dict[str, int]) -> None:
    raw = clean()
    splits = {**raw, "test": raw["test"].take(np.array(kept))}
    result = check_splits(splits, raw, {"test": removed})["sanitized/test:all_rows_accounted_for"]
    assert not result.passed
    assert Counter(record["problem"] for record in records(result, "unaccounted")) == problems


def test_a_row_with_different_pixels_or_of_an_unknown_file_is_not_accounted_for() -> None:
    raw = clean()
    sources = raw["valid"].sources.copy()
    sources.loc[4, "name"] = "unknown.png"
    splits = {
        **raw,
        "train": with_row(raw["train"], 3, noise(9)[0]),
        "valid": Split(raw["valid"].images, raw["valid"].labels, sources),
    }
    results = check_splits(splits, raw)
    assert rows_of(results["sanitized/train:all_rows_accounted_for"], "unaccounted") == [3]
    assert rows_of(results["sanitized/valid:all_rows_accounted_for"], "unaccounted") == [4, -1]


def test_a_repeat_within_a_split_fails_and_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = clean()
    splits["train"] = with_row(splits["train"], 12, splits["train"].images[2])
    results = check_splits(splits)
    assert failed(results.values()) == {"sanitized/train:no_repeats", "sanitized/train:no_near_repeats"}
    result = results["sanitized/train:no_repeats"]
    assert (result.severity, shown(result), rows_of(result)) == (dg.AssetCheckSeverity.ERROR, (2, 0), [2, 12])
    monkeypatch.setenv("NOTMNIST_SANITIZE_REPEATS", "keep")
    for check in ("no_repeats", "no_near_repeats"):
        kept = check_splits(splits)[f"sanitized/train:{check}"]
        assert kept.passed
        assert shown(kept) == (2, "kept by NOTMNIST_SANITIZE_REPEATS=keep")


def with_near_repeat(split: Split, row: int, other_row: int) -> Split:
    """Return a split whose `other_row` differs from `row` by one gray level, below the maximum of its cell."""
    near = split.images[row].copy()
    near.flat[near.argmin()] += 1
    return with_row(split, other_row, near)


def test_a_near_repeat_within_a_split_fails_and_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = clean()
    splits["test"] = with_near_repeat(splits["test"], 12, 22)
    results = check_splits(splits)
    assert failed(results.values()) == {"sanitized/test:no_near_repeats"}
    result = results["sanitized/test:no_near_repeats"]
    assert (result.severity, rows_of(result)) == (dg.AssetCheckSeverity.ERROR, [12, 22])
    assert shown(result) == (2, "0 rows within radius 2")
    monkeypatch.setenv("NOTMNIST_SANITIZE_METHOD", "cells")
    assert shown(check_splits(splits)["sanitized/test:no_near_repeats"]) == (2, 0)
    monkeypatch.setenv("NOTMNIST_SANITIZE_METHOD", "exact")
    kept = check_splits(splits)["sanitized/test:no_near_repeats"]
    assert kept.passed
    assert shown(kept) == (2, "kept by NOTMNIST_SANITIZE_METHOD=exact")
    monkeypatch.setenv("NOTMNIST_SANITIZE_REPEATS", "exact")
    assert shown(check_splits(splits)["sanitized/test:no_near_repeats"]) == (
        2,
        "kept by NOTMNIST_SANITIZE_REPEATS=exact",
    )


@pytest.mark.parametrize("conflicts", ["drop", "majority", "keep"])
def test_equal_images_with_two_letters_fail_within_and_across_splits(
    conflicts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_SANITIZE_CONFLICTS", conflicts)
    splits = clean()
    splits["train"] = with_row(splits["train"], 13, splits["train"].images[2])
    splits["test"] = with_row(splits["test"], 7, splits["valid"].images[8])
    results = check_splits(splits)
    rows = {name: rows_of(results[f"sanitized/{name}:no_contradictions"]) for name in SPLITS}
    assert rows == {"train": [2, 13], "valid": [8], "test": [7]}
    for name in SPLITS:
        result = results[f"sanitized/{name}:no_contradictions"]
        assert result.passed == (conflicts == "keep")
        assert result.severity == dg.AssetCheckSeverity.ERROR
    threshold = "kept by NOTMNIST_SANITIZE_CONFLICTS=keep" if conflicts == "keep" else 0
    assert shown(results["sanitized/train:no_contradictions"]) == (2, threshold)


@pytest.mark.parametrize(("method", "fails"), [("near", True), ("cells", True), ("exact", False)])
def test_similar_images_with_two_letters_fail_if_the_method_calls_them_the_same(
    method: str, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_SANITIZE_METHOD", method)
    splits = clean()
    splits["train"] = with_near_repeat(splits["train"], 2, 13)
    result = check_splits(splits)["sanitized/train:no_contradictions"]
    assert result.passed != fails
    assert rows_of(result) == ([2, 13] if fails else [])


def test_checks_that_are_not_selected_are_not_computed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for unused in ("near_rows", "near_repeats", "number_images"):
        monkeypatch.delattr(verification, unused)
    selected = dg.AssetCheckKey(dg.AssetKey(["sanitized", "test"]), "class_balance")
    with workspace.instance() as instance:
        definitions = workspace.definitions
        ended = dg.materialize(
            [*(definitions.assets or []), *(definitions.asset_checks or [])],  # type: ignore[list-item]
            selection=dg.AssetSelection.checks(selected),
            resources=definitions.resources,
            instance=instance,
            run_config=QUIET,
        )
    assert [result.asset_check_key for result in ended.get_asset_check_evaluations()] == [selected]


def test_a_letter_with_fewer_rows_than_the_setting_allows_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = clean()
    kept = np.array([row for row in range(100) if row % 10 != 8 or row < 80])
    splits = {**raw, "train": raw["train"].take(kept)}
    result = check_splits(splits, raw)["sanitized/train:class_balance"]
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert shown(result) == ("1.25: most A 10, fewest I 8", "at most 1.1")
    assert result.metadata["ratio"].value == 1.25
    monkeypatch.setenv("NOTMNIST_LARGEST_IMBALANCE", "1.25")
    assert check_splits(splits, raw)["sanitized/train:class_balance"].passed


def test_checks_of_an_empty_split_warn_that_there_are_no_rows() -> None:
    raw = clean()
    results = check_splits(emptied(raw, "test"), raw, {"test": len(BALANCED)})
    on_rows = {"no_shared_images", "no_near_duplicates", "class_balance", *WITHIN_SPLIT_CHECKS}
    assert failed(results.values()) == {f"sanitized/test:{name}" for name in on_rows}
    for name in on_rows:
        result = results[f"sanitized/test:{name}"]
        assert shown(result) == ("no rows", "at least 1 row")
        assert result.severity == dg.AssetCheckSeverity.WARN
    assert results["sanitized/test:all_rows_accounted_for"].passed, "all rows were removed with a reason"


def test_rows_that_can_be_compared_with_no_other_row_are_a_warning() -> None:
    raw = clean()
    results = check_splits(emptied(raw, "train"), raw, {"train": len(BALANCED)})
    assert {name for name in failed(results.values()) if not name.startswith("sanitized/train")} == {
        "sanitized/valid:no_shared_images",
        "sanitized/valid:no_near_duplicates",
    }


def test_nothing_to_account_for_is_a_warning() -> None:
    result = check_splits(emptied(clean(), "valid"))["sanitized/valid:all_rows_accounted_for"]
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert shown(result)[0] == "no rows"
