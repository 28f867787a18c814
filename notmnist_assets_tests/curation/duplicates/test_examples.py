"""What is shown of duplicates is what brute force says of them."""

import io
import itertools
from collections import Counter
from collections.abc import Sequence
from operator import itemgetter

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.distance import pdist

from notmnist_assets.curation.core.gallery import Exhibit, gallery, pair_exhibit
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
    """Three splits: a chain of near images 0.2 apart through train and valid, one image thrice with two letters."""
    near = [drawing(0, visible=step) for step in range(5)]
    thrice = drawing(3)
    splits = {
        "train": split_of(np.stack([near[0], near[1], thrice, thrice]), [0, 0, 1, 2]),
        "valid": split_of(np.stack([near[2], near[4]]), [0, 0], name="large"),
        "test": split_of(np.stack([thrice, drawing(5)]), [1, 4], name="small"),
    }
    return World(splits, 0.2)


def indexed(made: World) -> tuple[RowIndex, pd.DataFrame]:
    """Return the index, and the pairs of all images; none of a world are farther apart than 5."""
    pairs = search_near(RowIndex(made.hashes()), made.splits, 5.0).pairs
    return RowIndex(made.hashes(), pairs, made.radius), pairs


def captions_of(exhibits: Sequence[Exhibit]) -> list[str]:
    return [shown.caption for shown in exhibits]


def pairs_by_distance(made: World) -> list[tuple[float, Row, Row]]:
    """Return all pairs of different images, each as its first row, the nearest first."""
    firsts: dict[bytes, Row] = {}
    for row in made.rows():
        firsts.setdefault(row.image.tobytes(), row)
    pairs = itertools.combinations(firsts.values(), 2)
    return sorted(((distance_of(a.image, b.image), a, b) for a, b in pairs), key=itemgetter(0))


def told(distance: float, one: Row, other: Row) -> str:
    return f"{distance:.2f}: {one.split} {LETTERS[one.letter]} | {other.split} {LETTERS[other.letter]}"


@given(made=worlds(), count=st.integers(1, 40))
@settings(max_examples=60)
def test_pairs_at_the_edge_are_the_widest_inside_and_the_closest_outside(made: World, count: int) -> None:
    index, pairs = indexed(made)
    inside, outside = pairs_around_radius(index, made.splits, pairs, made.radius, count)
    pairs_of_all = pairs_by_distance(made)
    within = [told(*pair) for pair in pairs_of_all if pair[0] <= made.radius + 1e-9]
    beyond = [told(*pair) for pair in pairs_of_all[len(within) :]]
    assert captions_of(inside) == within[::-1][:count]
    assert captions_of(outside) == beyond[:count]


@given(made=worlds())
@settings(max_examples=60)
def test_pairs_across_splits_have_images_of_one_split_each_the_nearest_first(made: World) -> None:
    index, pairs = indexed(made)
    expected = []
    for distance, one, other in pairs_by_distance(made):
        holds = [{row.split for row in made.rows() if np.array_equal(row.image, x.image)} for x in (one, other)]
        if distance <= made.radius + 1e-9 and len(holds[0]) == len(holds[1]) == 1 and holds[0] != holds[1]:
            expected.append(told(distance, one, other))
    assert captions_of(pairs_across_splits(index, made.splits, pairs, made.radius, 1000)) == expected


def test_pairs_across_splits_are_shown_with_their_images() -> None:
    made = world()
    index, pairs = indexed(made)
    shown = pairs_across_splits(index, made.splits, pairs, 0.2, 10)
    assert [exhibit.caption for exhibit in shown] == ["0.20: train A | valid A"]
    np.testing.assert_array_equal(shown[0].images[0], drawing(0, visible=1))
    np.testing.assert_array_equal(shown[0].images[1], drawing(0, visible=2))


@pytest.mark.parametrize("twice", ["the first", "the second"])
def test_an_image_of_two_splits_is_not_shown_with_one_of_a_third_whichever_comes_first(twice: str) -> None:
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
    assert pairs_across_splits(index, splits, pairs, 0.2, 10) == []


def groups_by_size(made: World, method: str) -> list[list[Row]]:
    """Return the groups, those with most rows first, of equally large ones that with the first row."""
    rows, groups = made.rows(), made.groups(method)
    members = [
        [row for row, group in zip(rows, groups, strict=True) if group == first] for first in dict.fromkeys(groups)
    ]
    return sorted(members, key=len, reverse=True)


def exhibit_of(group: list[Row]) -> tuple[str, list[bytes]]:
    """Return what to say of a group, and the images to show."""
    letters = Counter(LETTERS[row.letter] for row in group)
    images = {row.image.tobytes(): row.image for row in group}
    wide = max(itertools.starmap(distance_of, itertools.combinations(images.values(), 2)), default=0.0)
    rows = ", ".join(f"{letter} {letters[letter]}" for letter in sorted(letters))
    return f"rows: {rows}; {len(images)} image{'s' * (len(images) > 1)}, diameter {wide:.2f}", list(images)[:8]


def shown_in(exhibits: Sequence[Exhibit]) -> list[tuple[str, list[bytes]]]:
    return [(shown.caption, [image.tobytes() for image in shown.images]) for shown in exhibits]


def nine_connected_images() -> World:
    images = np.stack([drawing(0, *steps) for steps in itertools.product(range(3), repeat=2)])
    none = split_of(images[:0], [])
    return World({"train": split_of(images, [0] * 9), "valid": none, "test": none}, 0.2)


@given(made=worlds(), count=st.integers(1, 6), fewest=st.integers(1, 3))
@example(made=nine_connected_images(), count=1, fewest=1)
@settings(max_examples=60)
def test_groups_with_most_rows_come_first_with_their_images_letters_and_diameter(
    made: World, count: int, fewest: int
) -> None:
    index, _ = indexed(made)
    for method in METHODS:
        groups = groups_by_size(made, method)
        large = [exhibit_of(group) for group in groups if len(group) > 1]
        assert shown_in(largest_groups(index, made.splits, method, count)) == large[:count]
        conflicting = [
            exhibit_of(group)
            for group in groups
            if len({row.letter for row in group}) > 1 and len({row.image.tobytes() for row in group}) >= fewest
        ]
        found = conflicting_groups(index, made.splits, method, count, fewest_images=fewest)
        assert shown_in(found) == conflicting[:count]


def test_a_group_is_told_in_words() -> None:
    made = world()
    first, second = largest_groups(indexed(made)[0], made.splits, "near", 5)
    assert first.caption == "rows: A 3; 3 images, diameter 0.40"
    assert second.caption == "rows: B 2, C 1; 1 image, diameter 0.00"


def test_removed_rows_are_shown_beside_what_they_collide_with() -> None:
    made = world()
    index, _ = indexed(made)
    removed = sanitize(index, Policy()).removed
    shown = removed_pairs(made.splits, removed, 2)
    captions = [exhibit.caption for exhibit in shown]
    assert "also in train: valid A | train A" in captions
    assert len(removed_pairs(made.splits, removed, 1)) == removed["reason"].nunique()
    leaked = shown[captions.index("also in train: valid A | train A")]
    np.testing.assert_array_equal(leaked.images[0], drawing(0, visible=2))
    np.testing.assert_array_equal(leaked.images[1], drawing(0, visible=1))


def test_the_diameter_is_the_largest_distance_of_two_members() -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, 28, 28), np.uint8)
    expected = pdist(images.reshape(9, -1).astype(float), "cityblock").max() / 255
    assert diameter(images) == pytest.approx(expected)
    assert diameter(images[:1]) == 0.0


def test_a_gallery_shows_both_images_and_their_difference_side_by_side() -> None:
    one, other = drawing(0), drawing(1)
    assert (np.maximum(one, other) - np.minimum(one, other)).max() == 255, "nothing to amplify"
    exhibit = pair_exhibit("a pair", one, other)
    difference = np.maximum(one, other) - np.minimum(one, other)
    np.testing.assert_array_equal(exhibit.images, np.stack([one, other, difference]))
    with Image.open(io.BytesIO(gallery([exhibit, exhibit], per_line=1))) as picture:
        pixels = np.asarray(picture)
    enlarged = np.kron(difference, np.ones((2, 2), np.uint8))
    places = [
        (top, left)
        for top in range(pixels.shape[0] - 55)
        for left in range(pixels.shape[1] - 55)
        if pixels[top, left] == enlarged[0, 0] and np.array_equal(pixels[top : top + 56, left : left + 56], enlarged)
    ]
    assert len(places) == 2
    assert all((pixels[top : top + 56, left - 3 : left] == 190).all() for top, left in places), "paper between images"


def test_a_faint_difference_is_amplified_to_full_contrast() -> None:
    one = np.full((28, 28), 100, np.uint8)
    other = one.copy()
    other[3, 4], other[5, 6] = 103, 99
    difference = pair_exhibit("a faint pair", one, other).images[2]
    assert [int(difference[3, 4]), int(difference[5, 6]), np.count_nonzero(difference)] == [255, 85, 2]
    assert not pair_exhibit("equal", one, one).images[2].any()


def test_a_gallery_of_nothing_is_still_a_picture() -> None:
    with Image.open(io.BytesIO(gallery([], per_line=2))) as picture:
        assert picture.width > 0
    with Image.open(io.BytesIO(gallery([Exhibit("empty", np.zeros((0, 28, 28), np.uint8))], per_line=2))) as picture:
        assert picture.height > 0
