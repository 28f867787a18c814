"""The index of rows by image, compared with loops over all pairs of rows."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.duplicates.row_index import METHODS, NO_ROW, RowIndex, first_per_key, later_of_pairs
from notmnist_assets_tests.builders import ORDER, World, drawing, split_of, worlds


@given(world=worlds())
@settings(max_examples=60)
def test_the_nearest_of_any_rows_is_that_of_brute_force(world: World) -> None:
    index, rows = world.index(), world.rows()
    for method in METHODS:
        for name in ORDER:
            nearest = index.nearest(index.in_split(name), method)
            for number, row in enumerate(rows):
                candidates = [
                    (distance, place)
                    for place, other in enumerate(rows)
                    if other.split == name and (distance := world.related(row, other, method)) is not None
                ]
                distance, place = min(candidates, default=(math.inf, NO_ROW))
                found = nearest.distance[index.image[number]]
                assert nearest.row[index.image[number]] == place
                assert found == pytest.approx(distance) if distance < math.inf else np.isnan(found)


@given(world=worlds())
@settings(max_examples=60)
def test_letters_around_an_image_are_those_of_all_its_related_rows(world: World) -> None:
    index, rows = world.index(), world.rows()
    masks = (None, np.arange(len(rows)) % 2 == 0)
    for method in METHODS:
        for mask in masks:
            around = np.stack(list(index.letters_around(method, mask)), axis=1)
            for number, row in enumerate(rows):
                expected = [0] * 10
                for place, other in enumerate(rows):
                    if (mask is None or mask[place]) and world.related(row, other, method) is not None:
                        expected[other.letter] += 1
                assert around[index.image[number]].tolist() == expected


@given(world=worlds())
@settings(max_examples=60)
def test_rows_are_taken_in_order_and_left_out_if_related_to_one_taken(world: World) -> None:
    index, rows = world.index(), world.rows()
    masks = (np.ones(len(rows), np.bool_), np.arange(len(rows)) % 3 > 0)
    for method in METHODS:
        for mask in masks:
            taken: list[int] = []
            for number in np.flatnonzero(mask).tolist():
                if all(world.related(rows[number], rows[other], method) is None for other in taken):
                    taken.append(number)
            assert np.flatnonzero(index.unrelated(mask, method)).tolist() == taken


@given(st.sets(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=80))
def test_the_later_numbers_of_pairs_are_left_out_as_by_a_loop(pairs: set[tuple[int, int]]) -> None:
    ordered = [pair for pair in pairs if pair[0] < pair[1]]
    left_out: set[int] = set()
    for number in range(31):
        if any(one not in left_out for one, other in ordered if other == number):
            left_out.add(number)
    earlier, later = (np.array([pair[side] for pair in ordered], np.int64) for side in (0, 1))
    assert np.flatnonzero(later_of_pairs(earlier, later, 31)).tolist() == sorted(left_out)


@given(world=worlds())
@settings(max_examples=30)
def test_the_order_of_pairs_and_pairs_beyond_the_radius_change_nothing(world: World) -> None:
    one = RowIndex(world.hashes(), world.pairs(beyond=0, seed=1), world.radius)
    other = RowIndex(world.hashes(), world.pairs(beyond=100, seed=2), world.radius)
    for ours, theirs in zip(one.edges, other.edges, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(keys=st.lists(st.integers(0, 5), max_size=20), start=st.integers(0, 3))
def test_the_first_row_of_each_key_is_that_of_a_loop(keys: list[int], start: int) -> None:
    rows = list(range(start, start + 2 * len(keys), 2))
    expected = [rows[keys.index(key)] if key in keys else -1 for key in range(6)]
    assert first_per_key(np.array(keys, np.int64), np.array(rows, np.int64), 6).tolist() == expected


def chain() -> World:
    """Return three splits of one image: train and test are 0.4 from valid and 0.8 from each other."""
    images = {"train": drawing(0, visible=0), "valid": drawing(0, visible=2), "test": drawing(0, visible=4)}
    return World({name: split_of(image[None], [0], name=name) for name, image in images.items()}, 0.4)


def test_a_neighbour_of_a_neighbour_is_not_related() -> None:
    index = chain().index()
    assert index.nearest(index.in_split("train"), "near").row.tolist() == [0, 0, NO_ROW]
    assert index.nearest(index.in_split("test"), "near").row.tolist() == [NO_ROW, 2, 2]


def test_equal_pixels_are_nearer_than_a_neighbour_in_an_earlier_row() -> None:
    splits = {
        "train": split_of(np.stack([drawing(0, hidden=1), drawing(0)]), [0, 0]),
        "valid": split_of(drawing(0)[None], [0]),
        "test": split_of(np.empty((0, 28, 28), np.uint8), []),
    }
    index = World(splits, 1.0).index()
    nearest = index.nearest(index.in_split("train"), "near")
    assert (nearest.row[index.image[2]], nearest.distance[index.image[2]]) == (1, 0.0)


def test_pairs_with_images_that_are_in_no_split_are_ignored() -> None:
    world = chain()
    (gone,) = world.hashes()["train"]["exact"]
    pairs = world.pairs().replace(gone, "f" * 32)
    for table in (pairs, pairs.rename(columns={"exact_a": "exact_b", "exact_b": "exact_a"})):
        source, target, distance = RowIndex(world.hashes(), table, world.radius).edges
        assert (source.tolist(), target.tolist(), distance.tolist()) == ([1, 2], [2, 1], [0.4, 0.4])


def test_the_near_relation_without_pairs_is_an_error() -> None:
    index = RowIndex(chain().hashes())
    assert index.nearest(index.in_split("train"), "exact").row.tolist() == [0, NO_ROW, NO_ROW]
    with pytest.raises(ValueError, match="near pairs"):
        index.nearest(index.in_split("train"), "near")


def test_digests_are_mapped_to_image_numbers() -> None:
    world = chain()
    index = RowIndex(world.hashes())
    digests = world.hashes()["test"]["exact"]
    assert index.image_numbers(digests).tolist() == [2]
    assert index.image_numbers(digests.str.upper() + "x").tolist() == [-1]
