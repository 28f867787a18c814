"""Accuracies by part and their spread against plain means; groups of rows against brute force."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from notmnist_assets.curation.baselines.scoring import (
    SCORE_COLUMNS,
    image_groups,
    most_frequent_image,
    row_groups,
    score,
    spread,
)
from notmnist_assets_tests.builders import ORDER, World, drawing, worlds

RANDOM = np.random.default_rng(0)
RIGHT = {name: RANDOM.random((rows, 3)) < [0.5, 0.9, 1.0] for name, rows in (("valid", 60), ("test", 90))}
CLEAN = {"valid": np.ones(60, np.bool_), "test": np.arange(90) % 3 > 0}
GROUPS = {"valid": np.arange(60), "test": np.arange(90) // 6}


def test_each_fit_is_scored_on_all_clean_and_removed_rows() -> None:
    table = score(RIGHT, CLEAN, GROUPS)
    assert tuple(table.columns) == SCORE_COLUMNS
    assert table.loc[table["fit"] == 0, ["eval_on", "eval_rows", "rows", "groups"]].to_numpy().tolist() == [
        ["valid", "raw", 60, 60],
        ["valid", "clean", 60, 60],
        ["test", "raw", 90, 15],
        ["test", "clean", 60, 15],
        ["test", "removed", 30, 15],
    ]
    removed = table[(table["eval_on"] == "test") & (table["eval_rows"] == "removed")]
    np.testing.assert_array_equal(removed["accuracy"], RIGHT["test"][::3].mean(axis=0))
    assert (table["ci_low"] < table["accuracy"]).all()
    assert (table["ci_high"] > table["accuracy"])[table["accuracy"] < 1].all()
    assert (table["ci_high"] == 1)[table["accuracy"] == 1].all()


def test_rows_that_are_right_together_have_wider_intervals() -> None:
    together = {**RIGHT, "test": np.repeat(RANDOM.random((15, 1)) < 0.5, 6, axis=0)}
    alone = {**GROUPS, "test": np.arange(90)}
    widths = []
    for groups in (GROUPS, alone):
        table = score({**together, "valid": RIGHT["valid"][:, :1]}, CLEAN, groups)
        row = table[(table["eval_on"] == "test") & (table["eval_rows"] == "raw")].iloc[0]
        widths.append(row["ci_high"] - row["ci_low"])
    assert widths[0] > 2 * widths[1]


def test_an_added_fit_does_not_change_the_intervals_of_the_others() -> None:
    fewer = score({name: right[:, :1] for name, right in RIGHT.items()}, CLEAN, GROUPS)
    more = score(RIGHT, CLEAN, GROUPS)
    first = more[more["fit"] == 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(fewer, first)


def test_the_spread_is_mean_and_standard_deviation_over_fits() -> None:
    table = spread({name: list(right.T) for name, right in RIGHT.items()}, CLEAN)
    row = table[(table["eval_on"] == "test") & (table["eval_rows"] == "clean")].iloc[0]
    accuracies = RIGHT["test"][CLEAN["test"]].mean(axis=0)
    assert row["samples"] == 3
    assert row["mean"] == pytest.approx(accuracies.mean())
    assert row["sd"] == pytest.approx(np.std(accuracies, ddof=1))


@settings(max_examples=15)
@given(worlds())
def test_groups_are_the_connected_duplicates(world: World) -> None:
    expected = dict(zip([(row.split, row.row) for row in world.rows()], world.groups("near"), strict=True))
    found = row_groups(world.index())
    for name in ("valid", "test"):
        brute = [expected[name, row] for row in range(len(world.splits[name]))]
        same = [[a == b for b in brute] for a in brute]
        assert (found[name][:, None] == found[name]).tolist() == same
    assert set(found) == set(ORDER) - {"train"}


def test_the_most_frequent_image_is_that_of_most_rows_in_the_mask() -> None:
    images = np.stack([drawing(number) for number in (1, 2, 2, 2, 3, 3, 4)])
    mask = np.array([True, True, False, False, True, True, True])
    assert np.flatnonzero(most_frequent_image(images, mask)).tolist() == [4, 5]
    assert not most_frequent_image(images, np.zeros(7, np.bool_)).any()
    assert image_groups(images).tolist() == [0, 1, 1, 1, 2, 2, 3]
