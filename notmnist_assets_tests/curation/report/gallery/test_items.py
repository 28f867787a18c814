"""The items of the gallery are those that loops over all rows find, and a selection of them keeps the first."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from notmnist_assets.curation.duplicates.pair_table import search_near
from notmnist_assets.curation.duplicates.row_index import METHODS, RowIndex
from notmnist_assets.curation.report.gallery.data import GalleryData
from notmnist_assets.curation.report.gallery.items import MOST_MEMBERS, Items, list_items
from notmnist_assets.curation.sanitizing.decision import Policy, sanitize
from notmnist_assets_tests.builders import ORDER, World, split_of, worlds
from notmnist_assets_tests.curation.report.gallery.gallery_values import gallery_data, label_issues, mistakes


def data_of(world: World) -> GalleryData:
    hashes = world.hashes()
    pairs = search_near(RowIndex(hashes), world.splits, 6.0).pairs
    index = RowIndex(hashes, pairs, world.radius)
    return gallery_data(
        dict(world.splits),
        index=index,
        near_pairs=pairs,
        radius=world.radius,
        removed=sanitize(index, Policy()).removed,
    )


def members(items: Items) -> list[list[int]]:
    starts = np.cumsum(items.sizes) - items.sizes
    return [items.rows[start : start + size].tolist() for start, size in zip(starts, items.sizes, strict=True)]


@settings(max_examples=10)
@given(worlds())
def test_pairs_across_splits_are_those_of_a_loop_over_all_rows(world: World) -> None:
    rows = world.rows()
    expected: set[tuple[bytes, bytes, str, str, float]] = set()
    for one, other in itertools.permutations(rows, 2):
        distance = world.related(one, other, "near")
        if distance is not None and ORDER.index(one.split) > ORDER.index(other.split):
            expected.add((one.image.tobytes(), other.image.tobytes(), one.split, other.split, round(distance, 6)))
    items = list_items(data_of(world))["pairs"]
    found = [
        (rows[one].image.tobytes(), rows[other].image.tobytes(), rows[one].split, rows[other].split, round(far, 6))
        for (one, other), far in zip(members(items), items.facts["distance"], strict=True)
    ]
    assert set(found) == expected
    assert len(found) == len(expected)
    groups = world.groups("near")
    turns = [groups[one] for one, _ in members(items)]
    assert len(set(turns[: len(set(turns))])) == len(set(turns)), "one of each group comes first"


@settings(max_examples=10)
@given(worlds())
def test_groups_and_conflicts_are_those_of_a_loop_over_all_rows(world: World) -> None:
    rows = world.rows()
    expected: dict[str, set[tuple[str, frozenset[int]]]] = {"groups": set(), "conflicts": set()}
    for method in METHODS:
        of_row = world.groups(method)
        for group in set(of_row):
            found = frozenset(row for row, its in enumerate(of_row) if its == group)
            several = len({rows[row].image.tobytes() for row in found}) > 1
            if len(found) > 1 and (several or method == "exact"):
                expected["groups"].add((method, found))
                if len({rows[row].letter for row in found}) > 1 and method != "cells":
                    expected["conflicts"].add((method, found))
    items = list_items(data_of(world))
    for kind, groups in expected.items():
        shown = list(zip(items[kind].facts["method"], map(frozenset, members(items[kind])), strict=True))
        assert set(shown) == groups
        assert len(shown) == len(groups)
        letters = [rows[group[0]].letter for group in members(items[kind])]
        for _, alike in items[kind].facts.groupby(["method", pd.Series(letters, dtype="int64")]):
            assert alike["size"].is_monotonic_decreasing


def test_each_removed_row_is_an_item_with_the_row_it_collides_with() -> None:
    data = gallery_data()
    items = list_items(data)["removed"]
    starts = {"train": 0, "valid": 60, "test": 80}
    expected = {
        (starts[row["split"]] + row["row"], starts[row["collides_split"]] + row["collides_row"], row["reason"])
        for row in data.removed.to_dict("records")
    }
    shown = {(*rows, reason) for rows, reason in zip(members(items), items.facts["reason"], strict=True)}
    assert shown == expected
    assert len(items) == len(data.removed)


def test_a_large_group_lists_its_images_first_and_counts_all_its_rows() -> None:
    images = np.zeros((MOST_MEMBERS + 20, 28, 28), np.uint8)
    images[:, 5, 5] = 255
    images[-1, 5, 5] = 254
    data = gallery_data({"train": split_of(images, [8] * len(images)), **two_empty_splits()})
    items = list_items(data)["groups"]
    near = items.facts.index[items.facts["method"] == "near"].item()
    assert items.facts.loc[near, "size"] == len(images)
    assert members(items)[near] == [0, len(images) - 1, *range(1, MOST_MEMBERS - 1)]
    assert items.facts.loc[near, "note"] == f"I {len(images)}"


def two_empty_splits() -> dict[str, Any]:
    return {name: split_of(np.zeros((0, 28, 28), np.uint8), [], name=name) for name in ("valid", "test")}


def test_issues_and_mistakes_are_listed_in_their_order_if_they_are_known() -> None:
    assert {"issues", "mistakes"} & set(list_items(gallery_data())) == set()
    items = list_items(gallery_data(issues=label_issues(), mistakes=mistakes()))
    assert members(items["issues"]) == [[3], [81]]
    assert items["issues"].facts["reason"].tolist() == ["wrong label", "blank"]
    assert items["issues"].facts["note"].tolist() == ["likely C, quality 0.010", "likely D"]
    assert items["mistakes"].facts["note"].tolist() == ["predicted E, 99 %", "predicted F, 70 %"]


@pytest.mark.parametrize("most", [0, 1, 7, 40, 10_000])
def test_a_selection_keeps_the_first_items_and_samples_the_others(most: int) -> None:
    items = list_items(gallery_data())["groups"]
    chosen = items.select(most)
    assert int(chosen.sizes.sum()) <= max(most, 0)
    assert chosen.total == len(items)
    every, found = (list(zip(some.facts["method"], members(some), strict=True)) for some in (items, chosen))
    places = [every.index(item) for item in found]
    assert places == sorted(set(places))
    first = int(np.searchsorted(np.cumsum(items.sizes), most // 2, side="right"))
    assert places[:first] == list(range(min(first, len(places))))
    assert members(items.select(most)) == members(chosen)
