"""Example pictures of duplicates, compared with brute force."""

import itertools
from collections import Counter
from collections.abc import Sequence
from operator import itemgetter

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from notmnist_assets.curation.core.exhibits import Exhibit
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.duplicates.examples import (
    conflicting_groups,
    diameter,
    largest_groups,
    pairs_across_splits,
    pairs_around_radius,
    removed_pairs,
)
from notmnist_assets.curation.duplicates.pair_table import search_near
from notmnist_assets.curation.duplicates.row_index import METHODS, RowIndex
from notmnist_assets.curation.sanitizing.decision import Policy, sanitize
from notmnist_assets_tests.builders import Row, World, distance_of, drawing, split_of, worlds


def world() -> World:
    """Return splits with a chain of images 0.2 apart in train and valid, and an image in three rows of two letters."""
    near = [drawing(0, visible=step) for step in range(5)]
    thrice = drawing(3)
    splits = {
        "train": split_of(np.stack([near[0], near[1], thrice, thrice]), [0, 0, 1, 2]),
        "valid": split_of(np.stack([near[2], near[4]]), [0, 0], name="large"),
        "test": split_of(np.stack([thrice, drawing(5)]), [1, 4], name="small"),
    }
    return World(splits, 0.2)


def indexed(example_world: World) -> tuple[RowIndex, pd.DataFrame]:
    """Return the index and the pairs of all images; no two images of a world are farther apart than 5."""
    pairs = search_near(RowIndex(example_world.hashes()), example_world.splits, 5.0).pairs
    return RowIndex(example_world.hashes(), pairs, example_world.radius), pairs


def captions_of(exhibits: Sequence[Exhibit]) -> list[str]:
    return [exhibit.caption for exhibit in exhibits]


def pairs_by_distance(example_world: World) -> list[tuple[float, Row, Row]]:
    """Return all pairs of distinct images, each image by its first row, the nearest pair first."""
    firsts: dict[bytes, Row] = {}
    for row in example_world.rows():
        firsts.setdefault(row.image.tobytes(), row)
    pairs = itertools.combinations(firsts.values(), 2)
    return sorted(((distance_of(a.image, b.image), a, b) for a, b in pairs), key=itemgetter(0))


def caption(distance: float, one: Row, other: Row) -> str:
    return f"{distance:.2f}: {one.split} {LETTERS[one.letter]} | {other.split} {LETTERS[other.letter]}"


def one_per_group(example_world: World, pairs: Sequence[tuple[float, Row, Row]]) -> list[str]:
    """Return the captions of the first pair between each two groups."""
    group_of = {
        row.image.tobytes(): group
        for row, group in zip(example_world.rows(), example_world.groups("near"), strict=True)
    }
    first: dict[frozenset[int], str] = {}
    for pair in pairs:
        first.setdefault(frozenset(group_of[row.image.tobytes()] for row in pair[1:]), caption(*pair))
    return list(first.values())


@given(example_world=worlds(), count=st.integers(1, 40))
@settings(max_examples=60)
def test_pairs_around_the_radius_are_the_widest_within_and_the_closest_beyond(example_world: World, count: int) -> None:
    index, pairs = indexed(example_world)
    pairs_of_all = pairs_by_distance(example_world)
    within = [pair for pair in pairs_of_all if pair[0] <= example_world.radius + 1e-9]
    first_within = one_per_group(example_world, within[::-1])
    first_beyond = one_per_group(example_world, pairs_of_all[len(within) :])
    inside, outside = pairs_around_radius(index, example_world.splits, pairs, example_world.radius, 1_000)
    assert captions_of(inside) == first_within
    assert captions_of(outside) == first_beyond
    inside, outside = pairs_around_radius(index, example_world.splits, pairs, example_world.radius, count)
    for found, first in ((inside, first_within), (outside, first_beyond)):
        assert len(found) == min(count, len(first))
        rest = iter(first)
        assert all(one in rest for one in captions_of(found)), "in the same order"


@given(example_world=worlds())
@settings(max_examples=60)
def test_pairs_across_splits_have_images_that_are_in_one_split_each_the_nearest_first(example_world: World) -> None:
    index, pairs = indexed(example_world)
    apart = []
    for distance, one, other in pairs_by_distance(example_world):
        in_splits = [
            {row.split for row in example_world.rows() if np.array_equal(row.image, image.image)}
            for image in (one, other)
        ]
        if (
            distance <= example_world.radius + 1e-9
            and len(in_splits[0]) == len(in_splits[1]) == 1
            and in_splits[0] != in_splits[1]
        ):
            apart.append((distance, one, other))
    expected = one_per_group(example_world, apart)
    assert captions_of(pairs_across_splits(index, example_world.splits, pairs, example_world.radius, 1000)) == expected


def test_pairs_across_splits_are_shown_with_their_images() -> None:
    example_world = world()
    index, pairs = indexed(example_world)
    examples = pairs_across_splits(index, example_world.splits, pairs, 0.2, 10)
    assert [exhibit.caption for exhibit in examples] == ["0.20: train A | valid A"]
    np.testing.assert_array_equal(examples[0].images[0], drawing(0, visible=1))
    np.testing.assert_array_equal(examples[0].images[1], drawing(0, visible=2))


@pytest.mark.parametrize("twice", ["the first", "the second"])
def test_an_image_in_two_splits_is_not_paired_with_an_image_of_a_third_in_any_order(twice: str) -> None:
    one, other = drawing(0), drawing(0, visible=1)
    again, alone = (one, other) if twice == "the first" else (other, one)
    order = [[again], [again], [alone]] if twice == "the first" else [[alone], [again], [again]]
    splits = {
        name: split_of(np.stack(images), [0] * len(images), name=name)
        for name, images in zip(("train", "valid", "test"), order, strict=True)
    }
    index = RowIndex(World(splits, 0.2).hashes())
    pairs = search_near(index, splits, 5.0).pairs
    assert len(pairs) == 1
    assert pairs_across_splits(index.with_pairs(pairs, 0.2), splits, pairs, 0.2, 10) == []


def groups_by_size(example_world: World, method: str) -> list[list[Row]]:
    """Return the groups, the largest first; groups of the same size in the order of first rows."""
    rows, groups = example_world.rows(), example_world.groups(method)
    members = [
        [row for row, group in zip(rows, groups, strict=True) if group == first] for first in dict.fromkeys(groups)
    ]
    return sorted(members, key=len, reverse=True)


def expected_exhibit(group: list[Row]) -> tuple[str, list[bytes]]:
    """Return the caption and the images of a group."""
    letters = Counter(LETTERS[row.letter] for row in group)
    images = {row.image.tobytes(): row.image for row in group}
    width = max(itertools.starmap(distance_of, itertools.combinations(images.values(), 2)), default=0.0)
    rows = ", ".join(f"{letter} {letters[letter]}" for letter in sorted(letters))
    return f"rows: {rows}; {len(images)} image{'s' * (len(images) > 1)}, diameter {width:.2f}", list(images)[:8]


def contents_of(exhibits: Sequence[Exhibit]) -> list[tuple[str, list[bytes]]]:
    return [(exhibit.caption, [image.tobytes() for image in exhibit.images]) for exhibit in exhibits]


def nine_connected_images() -> World:
    images = np.stack([drawing(0, *steps) for steps in itertools.product(range(3), repeat=2)])
    none = split_of(images[:0], [])
    return World({"train": split_of(images, [0] * 9), "valid": none, "test": none}, 0.2)


@given(example_world=worlds(), count=st.integers(1, 6), fewest=st.integers(1, 3))
@example(example_world=nine_connected_images(), count=1, fewest=1)
@settings(max_examples=60)
def test_groups_with_most_rows_come_first_with_their_images_letters_and_diameter(
    example_world: World, count: int, fewest: int
) -> None:
    index, _ = indexed(example_world)
    for method in METHODS:
        groups = groups_by_size(example_world, method)
        large = [expected_exhibit(group) for group in groups if len(group) > 1]
        assert contents_of(largest_groups(index, example_world.splits, method, count)) == large[:count]
        conflicting = [
            expected_exhibit(group)
            for group in groups
            if len({row.letter for row in group}) > 1 and len({row.image.tobytes() for row in group}) >= fewest
        ]
        found = conflicting_groups(index, example_world.splits, method, count, fewest_images=fewest)
        assert contents_of(found) == conflicting[:count]


def test_the_caption_of_a_group_counts_rows_by_letter_and_images_and_gives_the_diameter() -> None:
    example_world = world()
    first, second = largest_groups(indexed(example_world)[0], example_world.splits, "near", 5)
    assert first.caption == "rows: A 3; 3 images, diameter 0.40"
    assert second.caption == "rows: B 2, C 1; 1 image, diameter 0.00"


def test_removed_rows_are_shown_beside_what_they_collide_with() -> None:
    example_world = world()
    index, _ = indexed(example_world)
    removed = sanitize(index, Policy()).removed
    examples = removed_pairs(index, example_world.splits, removed, 2)
    captions = [exhibit.caption for exhibit in examples]
    assert "also in train: valid A | train A" in captions
    assert len(removed_pairs(index, example_world.splits, removed, 1)) == removed["reason"].nunique()
    leaked = examples[captions.index("also in train: valid A | train A")]
    np.testing.assert_array_equal(leaked.images[0], drawing(0, visible=2))
    np.testing.assert_array_equal(leaked.images[1], drawing(0, visible=1))


def test_the_diameter_is_the_largest_distance_of_two_members() -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, 28, 28), np.uint8)
    expected = pdist(images.reshape(9, -1).astype(float), "cityblock").max() / 255
    assert diameter(images) == pytest.approx(expected)
    assert diameter(images[:1]) == 0.0
