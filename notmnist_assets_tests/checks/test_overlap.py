"""The checks of the overlap report: images in two splits are a warning."""

from typing import ClassVar

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.checks.overlap import enough_pairs_to_choose, optional_checks, overlap_checks
from notmnist_assets.curation.core.intervals import wilson_interval
from notmnist_assets.curation.core.prefetch import WorkMap
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.hashes import hash_table
from notmnist_assets.curation.duplicates.overlap import overlap_report
from notmnist_assets.curation.duplicates.pair_table import search_near
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.settings.model import read_settings
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets_tests.builders import drawing, split_of
from notmnist_assets_tests.checks.results import by_name, failed, results_of, shown

RADIUS = 0.5
OTHERS = {"train": [0, 1], "valid": [2, 3], "test": [4, 5]}
"""Drawings that no other split has."""
HIDDEN, VISIBLE = (1, 0), (0, 1)
"""Changes of 0.2 that keep the maxima of cells, and that change them."""


class ValuesOf(ValueLoader):
    """Stored values with an index in memory."""

    index: ClassVar[RowIndex]

    def row_index(self, work_map: WorkMap | None = None) -> RowIndex:  # noqa: ARG002
        return self.index


def check_overlap(
    rows: dict[str, list[int]], changed: dict[str, tuple[int, int]] | None = None
) -> dict[str, dg.AssetCheckResult]:
    """Check splits with their own drawings and `rows`; `changed` changes the drawings in `rows` of a split."""
    splits: dict[str, Split] = {}
    for name, others in OTHERS.items():
        change = (changed or {}).get(name, (0, 0))
        images = [*(drawing(number) for number in others), *(drawing(number, *change) for number in rows.get(name, []))]
        splits[name] = split_of(np.stack(images), [0] * len(images), name=name)
    hashes = {name: hash_table(split) for name, split in splits.items()}
    pairs = search_near(RowIndex(hashes), splits, RADIUS).pairs
    report = overlap_report(RowIndex(hashes, pairs, RADIUS))
    radius = pd.DataFrame({"radius": [0.0, RADIUS], "chosen": [False, True]})
    ValuesOf.index = RowIndex(hashes)
    values = ValuesOf(settings=SettingsResource())
    context = dg.build_asset_check_context()
    return by_name(results_of(overlap_checks(context, values, report=report, near_pairs=pairs, radius=radius)))


def methods(results: dict[str, dg.AssetCheckResult]) -> set[str]:
    return {name.removeprefix("overlap/report:no_leakage_") for name in failed(results.values())}


@pytest.mark.parametrize(("rows_of", "found_in"), [("valid", "train"), ("test", "train"), ("test", "valid")])
def test_shared_images_of_merged_splits_are_a_warning_for_each_method_that_finds_them(
    rows_of: str, found_in: str
) -> None:
    shared: dict[str, list[int]] = {rows_of: [6, 6, 0 if found_in == "train" else 2], found_in: [6]}
    results = check_overlap(shared)
    assert methods(results) == {"exact", "cells", "near"}
    assert {result.severity for result in results.values()} == {dg.AssetCheckSeverity.WARN}
    assert shown(results["overlap/report:no_leakage_exact"]) == (f"3 rows (3 of {rows_of}) with equal pixels", 0)
    link = results["overlap/report:no_leakage_exact"].metadata
    assert link["look_at_rows"].value == dg.AssetKey(["report", "gallery"])
    assert str(link["rows_in_gallery"].value).startswith("gallery.html#pairs ")
    assert methods(check_overlap(shared, {rows_of: HIDDEN})) == {"cells", "near"}
    near = check_overlap(shared, {rows_of: VISIBLE})
    assert methods(near) == {"near"}
    assert shown(near["overlap/report:no_leakage_near"]) == (f"3 rows (3 of {rows_of}) within the radius 0.5", 0)


def test_a_test_row_that_is_in_train_and_in_valid_is_counted_once() -> None:
    result = check_overlap({"train": [6], "valid": [6, 6], "test": [6, 2]})["overlap/report:no_leakage_exact"]
    assert shown(result)[0] == "4 rows (2 of valid, 2 of test) with equal pixels"
    counts = [result.metadata[f"leaking_rows{of}"].value for of in ("", "_of_valid", "_of_test")]
    assert counts == [4, 2, 2]


@pytest.mark.parametrize("name", ["train", "valid", "test"])
def test_repeats_within_a_split_are_no_leakage(name: str) -> None:
    results = check_overlap({name: [6, 6]})
    assert methods(results) == set()
    assert shown(results["overlap/report:no_leakage_near"]) == ("0 rows within the radius 0.5", 0)


def radius_curve_of(pairs: int) -> pd.DataFrame:
    curve = pd.DataFrame({"radius": [0.0, 5.0, 12.0], "pairs": [0, pairs, 400], "cross_letter": [0.0, 1.0, 1.0]})
    low, high = wilson_interval(curve["cross_letter"], curve["pairs"])
    share = curve["cross_letter"] / curve["pairs"].clip(lower=1)
    return curve.assign(share=share, ci_low=low, ci_high=high, chosen=[False, True, False])


def test_too_few_pairs_to_choose_a_radius_are_a_warning() -> None:
    enough, few = (enough_pairs_to_choose(radius_curve_of(pairs)) for pairs in (200, 199))
    assert isinstance(enough, dg.AssetCheckResult)
    assert isinstance(few, dg.AssetCheckResult)
    assert enough.passed
    assert (few.passed, few.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert shown(few) == ("199 pairs within radius 5", "at least 200")
    assert few.metadata["radius"].value == 5.0
    assert "with fewer than 200 pairs" in str(few.metadata["why"].value)


def test_a_set_radius_needs_no_pairs() -> None:
    assert optional_checks(read_settings({"NOTMNIST_NEAR_RADIUS": "3"})) == []
    assert optional_checks(read_settings({})) == [enough_pairs_to_choose]
