"""Overlap of splits, groups and conflicts, compared with loops over all pairs of rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.duplicates.overlap import (
    conflict_groups,
    duplicate_groups,
    font_leakage,
    group_sizes,
    label_conflicts,
    overlap_report,
)
from notmnist_assets.curation.duplicates.row_index import METHODS
from notmnist_assets_tests.builders import ORDER, World, drawing, split_of, worlds


@given(world=worlds())
@settings(max_examples=80)
def test_the_report_counts_what_brute_force_counts(world: World) -> None:
    report = overlap_report(world.index())
    rows = world.rows()
    expected = []
    for method in METHODS:
        for rows_of in ORDER:
            for found_in in ORDER:
                counted = [
                    one
                    for one in rows
                    if one.split == rows_of
                    and any(
                        other.split == found_in
                        and (rows_of != found_in or other.row < one.row)
                        and world.related(one, other, method) is not None
                        for other in rows
                    )
                ]
                distinct = len({one.image.tobytes() for one in counted})
                share = len(counted) / max(1, len(world.splits[rows_of]))
                expected.append((method, rows_of, found_in, len(counted), distinct, share))
    assert report.columns.tolist() == ["method", "rows_of", "found_in", "rows", "distinct", "share"]
    assert list(report.itertuples(index=False, name=None)) == expected


def test_counts_depend_on_the_direction() -> None:
    splits = {
        "train": split_of(np.stack([drawing(0)] * 3), [0, 0, 0]),
        "valid": split_of(np.stack([drawing(0), drawing(1)]), [0, 0]),
        "test": split_of(np.stack([drawing(2)]), [0]),
    }
    report = overlap_report(World(splits, 0.0).index())
    found = {(line[0], line[1], line[2]): line[3:] for line in report.itertuples(index=False, name=None)}
    assert found["exact", "train", "valid"] == (3, 1, 1.0)
    assert found["exact", "valid", "train"] == (1, 1, 0.5)
    assert found["exact", "train", "train"] == (2, 1, 2 / 3)


@given(world=worlds())
@settings(max_examples=60)
def test_groups_and_their_sizes_are_connected_components(world: World) -> None:
    index, rows = world.index(), world.rows()
    for method in METHODS:
        expected = world.groups(method)
        found = duplicate_groups(index, method)[index.image].tolist()
        numbers = {first: number for number, first in enumerate(dict.fromkeys(expected))}
        assert found == [numbers[first] for first in expected]
        sizes: dict[int, list[int]] = {}
        for group in set(expected):
            members = [rows[place] for place, first in enumerate(expected) if first == group]
            groups, distinct = sizes.get(len(members), [0, 0])
            sizes[len(members)] = [groups + 1, distinct + len({row.image.tobytes() for row in members})]
        table = group_sizes(index, method)
        assert table["method"].eq(method).all()
        assert dict(zip(table["rows"], table[["groups", "distinct"]].to_numpy().tolist(), strict=True)) == sizes


@given(world=worlds())
@settings(max_examples=60)
def test_label_conflicts_are_all_rows_of_groups_with_several_letters(world: World) -> None:
    found = label_conflicts(world.index(), world.splits)
    rows = world.rows()
    expected = []
    for method in ("exact", "near"):
        groups = world.groups(method)
        number = 0
        for first in dict.fromkeys(groups):
            members = [row for row, group in zip(rows, groups, strict=True) if group == first]
            if len({row.letter for row in members}) > 1:
                images = len({row.image.tobytes() for row in members})
                expected += [
                    (method, number, images, row.split, row.row, LETTERS[row.letter], row.font) for row in members
                ]
                number += 1
    columns = ["method", "group", "images", "split", "row", "letter", "font"]
    assert list(found[columns].itertuples(index=False, name=None)) == expected
    hashes = world.hashes()
    for conflict in found.to_dict("records"):
        name, row = conflict["split"], conflict["row"]
        assert world.splits[name].sources["name"].iloc[row] == conflict["name"]
        assert hashes[name]["exact"].iloc[row] == conflict["exact"]


def test_conflicting_groups_are_sorted_by_size_with_the_first_row_of_the_rarest_letter() -> None:
    columns = ["method", "group", "images", "split", "row", "letter", "name", "font"]
    rows = [
        *(("exact", 0, 1, "train", row, letter, f"{row}.png", f"{row}.ttf") for row, letter in enumerate("AB")),
        *(("exact", 1, 1, "valid", row, letter, f"{row}.png", f"{row}.ttf") for row, letter in enumerate("DCD")),
        *(("near", 0, 4, "test", row, letter, f"{row}.png", f"{row}.ttf") for row, letter in enumerate("EEEF")),
    ]
    found = conflict_groups(pd.DataFrame(rows, columns=columns), 10)
    assert list(found.itertuples(index=False, name=None)) == [
        ("exact", "D 2, C 1", 3, 1, "valid 1", "1.ttf", 1, "1.png"),
        ("exact", "A 1, B 1", 2, 1, "train 1", "1.ttf", 0, "1.png"),
        ("near", "E 3, F 1", 4, 4, "test 3", "3.ttf", 0, "3.png"),
    ]
    assert conflict_groups(pd.DataFrame(rows, columns=columns), 1)["letters"].tolist() == ["D 2, C 1", "E 3, F 1"]
    assert conflict_groups(pd.DataFrame(rows, columns=columns)[:0], 1).empty


@given(world=worlds())
@settings(max_examples=60)
def test_font_leakage_is_that_of_brute_force(world: World) -> None:
    rows = world.rows()
    train = [row for row in rows if row.split == "train"]
    table = font_leakage(world.splits).set_index("rows_of")
    assert table.index.tolist() == ["valid", "test"]
    for name in ("valid", "test"):
        rows_of_split = [row for row in rows if row.split == name]
        known = [row for row in rows_of_split if any(row.font == other.font for other in train)]
        other_letter = [
            row
            for row in rows_of_split
            if any(row.font == other.font and row.letter != other.letter for other in train)
        ]
        assert table.loc[name, "rows"] == len(known)
        assert table.loc[name, "share"] == pytest.approx(len(known) / max(1, len(rows_of_split)))
        assert table.loc[name, "other_letter_share"] == pytest.approx(len(other_letter) / max(1, len(rows_of_split)))
