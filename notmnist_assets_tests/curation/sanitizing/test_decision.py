"""Every policy, compared with loops over all pairs of rows and pixels."""

import itertools
import math

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.duplicates.row_index import METHODS, RowIndex
from notmnist_assets.curation.sanitizing.decision import REASONS, Policy, Sanitizing, sanitize
from notmnist_assets_tests.builders import ORDER, Row, World, drawing, split_of, worlds

CHOICES = (METHODS, ("evaluation", "training"), ("drop", "majority", "keep"), ("drop", "exact", "keep"))
POLICIES = [Policy(*parts) for parts in itertools.product(*CHOICES)]  # type: ignore[arg-type]
policies = st.sampled_from(POLICIES)
LEAK_SOURCES = {
    "evaluation": {"train": (), "valid": ("train",), "test": ("train", "valid")},
    "training": {"train": ("valid", "test"), "valid": ("test",), "test": ()},
}


def world_of(rows: dict[str, list[tuple[npt.NDArray[np.uint8], int]]], radius: float = 0.2) -> World:
    splits = {}
    for name in ORDER:
        images = np.array([image for image, _ in rows.get(name, [])], np.uint8).reshape(-1, 28, 28)
        splits[name] = split_of(images, [label for _, label in rows.get(name, [])], name=name)
    return World(splits, radius)


def kept_rows(world: World, outcome: Sanitizing) -> list[Row]:
    return [row for row in world.rows() if row.row in outcome.kept[row.split]]


def letters_around(world: World, row: Row, rows: list[Row], method: str) -> list[int]:
    return [other.letter for other in rows if world.related(row, other, method) is not None]


def has_majority(row: Row, letters: list[int]) -> bool:
    return 2 * letters.count(row.letter) > len(letters)


def expected_reason(world: World, row: Row, policy: Policy) -> str | None:
    """Return the reason to remove a row, except for repeats, which depend on the other rows that are kept."""
    rows = world.rows()
    for name in LEAK_SOURCES[policy.remove_from][row.split]:
        if any(other.split == name and world.related(row, other, policy.method) is not None for other in rows):
            return f"also in {name}"
    around = letters_around(world, row, rows, policy.method)
    if policy.conflicts == "keep" or len(set(around)) == 1:
        return None
    if policy.conflicts == "drop" or not has_majority(row, around):
        return "conflicting letters"
    winners = [
        other
        for other in rows
        if world.related(row, other, policy.method) is not None
        and has_majority(other, letters_around(world, other, rows, policy.method))
    ]
    return "conflicting letters" if len({other.letter for other in winners}) > 1 else None


def is_repeat(world: World, row: Row, other: Row, policy: Policy) -> bool:
    method = policy.method if policy.repeats == "drop" else "exact"
    return row.split == other.split and world.related(row, other, method) is not None


def repeat_of_one_taken(world: World, row: Row, taken: list[Row], policy: Policy) -> str | None:
    repeated = [other for other in taken if policy.repeats != "keep" and is_repeat(world, row, other, policy)]
    if not repeated:
        return None
    return "repeat" if any(world.related(row, other, "exact") == 0 for other in repeated) else "near repeat"


@given(world=worlds(), policy=policies)
@settings(max_examples=100)
def test_each_row_is_kept_or_removed_once_and_for_the_reason_that_brute_force_gives(
    world: World, policy: Policy
) -> None:
    outcome = sanitize(world.index(), policy)
    reasons = {(row.split, row.row): row.reason for row in outcome.removed.itertuples()}
    assert len(reasons) == len(outcome.removed)
    taken: list[Row] = []
    for row in world.rows():
        expected = expected_reason(world, row, policy) or repeat_of_one_taken(world, row, taken, policy)
        if expected is None:
            taken.append(row)
        assert reasons.get((row.split, row.row)) == expected
        assert (row.row in outcome.kept[row.split]) == (expected is None)
    for name in ORDER:
        assert outcome.kept[name].tolist() == sorted(set(outcome.kept[name].tolist()))
        assert outcome.kept[name].dtype == np.int64


@given(world=worlds(), policy=policies)
@settings(max_examples=100)
def test_kept_rows_have_no_leaks_conflicts_and_repeats_that_the_policy_removes(world: World, policy: Policy) -> None:
    left = kept_rows(world, sanitize(world.index(), policy))
    for one, other in itertools.permutations(left, 2):
        related = world.related(one, other, policy.method) is not None
        assert not (related and other.split in LEAK_SOURCES[policy.remove_from][one.split])
        if policy.conflicts != "keep":
            assert not (related and one.letter != other.letter)
        assert policy.repeats == "keep" or not is_repeat(world, one, other, policy)


def is_evidence(reason: str, row: Row, other: Row) -> bool:
    """Return whether a related row is evidence of a reason."""
    if reason == "conflicting letters":
        return other.letter != row.letter
    if reason in ("repeat", "near repeat"):
        equal = other.image.tobytes() == row.image.tobytes()
        return other.split == row.split and other.row < row.row and equal == (reason == "repeat")
    return reason == f"also in {other.split}"


@given(world=worlds(), policy=policies)
@example(world=world_of({"train": [(drawing(0), letter) for letter in range(3)]}), policy=Policy())
@settings(max_examples=100)
def test_a_removed_row_collides_with_the_nearest_row_that_is_evidence_of_the_reason(
    world: World, policy: Policy
) -> None:
    """The first of equally near rows; for conflicting letters, the first of the first letter."""
    rows = world.rows()
    outcome = sanitize(world.index(), policy)
    for removed in outcome.removed.to_dict("records"):
        (row,) = (row for row in rows if (row.split, row.row) == (removed["split"], removed["row"]))
        reason = removed["reason"]
        assert reason in REASONS
        distance, _, place = min(
            (distance, other.letter if reason == "conflicting letters" else 0, place)
            for place, other in enumerate(rows)
            if is_evidence(reason, row, other)
            and ("repeat" not in reason or other.row in outcome.kept[other.split])
            and (distance := world.related(row, other, policy.method)) is not None
        )
        assert (removed["collides_split"], removed["collides_row"]) == (rows[place].split, rows[place].row)
        recorded = math.inf if np.isnan(removed["distance"]) else removed["distance"]
        assert recorded == pytest.approx(distance)


@given(world=worlds(), policy=policies)
@settings(max_examples=100)
def test_sanitizing_sanitized_splits_removes_nothing_more(world: World, policy: Policy) -> None:
    kept = sanitize(world.index(), policy).kept
    again = World({name: world.splits[name].take(kept[name]) for name in ORDER}, world.radius)
    assert len(sanitize(again.index(), policy).removed) == 0


@given(world=worlds(), policy=policies, seed=st.integers(0, 2**32))
@settings(max_examples=50)
def test_the_order_and_direction_of_pairs_do_not_matter(world: World, policy: Policy, seed: int) -> None:
    one, other = sanitize(world.index(seed=1), policy), sanitize(world.index(seed=seed), policy)
    pd.testing.assert_frame_equal(one.removed, other.removed)


def test_leaks_are_looked_up_in_the_other_splits_before_sanitizing() -> None:
    leaked, near_it = drawing(0), drawing(0, visible=1)
    world = world_of({"train": [(drawing(0, hidden=1), 0)], "valid": [(leaked, 0)], "test": [(near_it, 0)]})
    removed = sanitize(world.index(), Policy()).removed
    assert removed[["split", "reason"]].to_numpy().tolist() == [["valid", "also in train"], ["test", "also in valid"]]


def test_with_removal_from_training_no_test_row_is_removed() -> None:
    image = (drawing(0), 0)
    world = world_of({"train": [image], "valid": [image], "test": [image]})
    outcome = sanitize(world.index(), Policy(remove_from="training"))
    assert {name: len(rows) for name, rows in outcome.kept.items()} == {"train": 0, "valid": 0, "test": 1}


def test_a_majority_is_more_than_half_of_the_rows() -> None:
    image = drawing(0)
    two_of_four = world_of({"train": [(image, 0), (image, 0), (image, 1), (image, 2)]})
    two_of_three = world_of({"train": [(image, 0), (image, 0), (image, 1)]})
    policy = Policy(conflicts="majority", repeats="keep")
    assert sanitize(two_of_four.index(), policy).kept["train"].tolist() == []
    assert sanitize(two_of_three.index(), policy).kept["train"].tolist() == [0, 1]


def test_a_row_is_a_repeat_only_of_a_kept_row() -> None:
    image = drawing(0)
    world = world_of({"train": [(image, 1), (image, 0), (image, 0)]})
    outcome = sanitize(world.index(), Policy(conflicts="majority"))
    assert outcome.kept["train"].tolist() == [1]
    assert outcome.removed["reason"].tolist() == ["conflicting letters", "repeat"]
    assert outcome.removed["collides_row"].tolist() == [1, 1]


def test_rows_that_are_near_the_same_row_but_not_each_other_stay_both() -> None:
    left, middle, right = drawing(0), drawing(0, visible=1), drawing(0, visible=2)
    middle_first = world_of({"train": [(middle, 0), (left, 0), (right, 0)]})
    middle_last = world_of({"train": [(left, 0), (right, 0), (middle, 0), (middle, 0)]})
    assert sanitize(middle_first.index(), Policy()).kept["train"].tolist() == [0]
    outcome = sanitize(middle_last.index(), Policy())
    assert outcome.kept["train"].tolist() == [0, 1]
    assert outcome.removed["reason"].tolist() == ["near repeat"] * 2, "no equal row is kept"
    assert sanitize(middle_last.index(), Policy(repeats="exact")).kept["train"].tolist() == [0, 1, 2]


def test_a_near_copy_in_another_split_is_no_repeat() -> None:
    world = world_of({"valid": [(drawing(0), 0)], "test": [(drawing(0, visible=1), 0)]})
    assert sanitize(world.index(), Policy()).removed["reason"].tolist() == ["also in valid"]


def test_related_images_with_different_majorities_are_both_removed() -> None:
    left, right, beside_right = drawing(0), drawing(0, visible=1), drawing(0, visible=2)
    world = world_of({"train": [(left, 0)] * 4 + [(right, 1)] * 3 + [(beside_right, 1)] * 5})
    kept = sanitize(world.index(), Policy(conflicts="majority", repeats="keep")).kept["train"]
    assert kept.tolist() == [7, 8, 9, 10, 11]


def test_a_conflicting_row_with_equal_pixels_is_preferred_to_one_with_equal_cells() -> None:
    image = drawing(0)
    world = world_of({"train": [(drawing(0, hidden=1), 0), (image, 2), (image, 1)]})
    removed = sanitize(world.index(), Policy("cells")).removed
    last = removed[removed["row"] == 2]
    assert last[["collides_row", "distance"]].to_numpy().tolist() == [[1, 0.0]]


def test_the_near_method_without_near_pairs_is_an_error() -> None:
    world = world_of({"train": [(drawing(0), 0)], "test": [(drawing(1), 0)]})
    with pytest.raises(ValueError, match="near pairs"):
        sanitize(RowIndex(world.hashes()), Policy())


def test_nothing_to_remove_gives_an_empty_table_with_all_columns() -> None:
    world = world_of({"train": [(drawing(0), 0)], "test": [(drawing(1), 1)]})
    outcome = sanitize(world.index(), Policy())
    columns = ("split", "row", "reason", "collides_split", "collides_row", "distance")
    assert tuple(outcome.removed.columns) == columns
    assert len(outcome.removed) == 0
    assert {name: rows.tolist() for name, rows in outcome.kept.items()} == {"train": [0], "valid": [], "test": [0]}
