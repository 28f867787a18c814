"""What is shown of duplicates is what brute force says of them."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import pdist

from notmnist_assets.curation.evidence import (
    conflicting_groups,
    diameter,
    largest_groups,
    pairs_across_splits,
    pairs_at_the_edge,
    removed_pairs,
)
from notmnist_assets.curation.gallery import Exhibit, gallery, pair_exhibit
from notmnist_assets.curation.near_table import search_near
from notmnist_assets.curation.relation import RowIndex
from notmnist_assets.curation.sanitizing import Policy, sanitize
from notmnist_assets_tests.builders import World, drawing, split_of


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


def indexed() -> tuple[World, RowIndex]:
    made = world()
    pairs = search_near(RowIndex(made.hashes()), made.splits, 5.0).pairs
    return made, RowIndex(made.hashes(), pairs, made.radius)


def test_pairs_at_the_edge_are_the_widest_inside_and_the_closest_outside() -> None:
    made, index = indexed()
    pairs = search_near(RowIndex(made.hashes()), made.splits, 5.0).pairs
    inside, outside = pairs_at_the_edge(index, made.splits, pairs, 0.4, 2)
    assert [shown.caption.split(":")[0] for shown in inside] == ["0.40", "0.40"]
    assert [shown.caption.split(":")[0] for shown in outside] == ["0.60", "0.80"]


def test_pairs_across_splits_have_images_of_different_splits() -> None:
    made, index = indexed()
    pairs = search_near(RowIndex(made.hashes()), made.splits, 5.0).pairs
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


def test_groups_are_told_with_their_letters_and_diameter() -> None:
    made, index = indexed()
    first, second = largest_groups(index, made.splits, "near", 5)
    captions = sorted([first.caption, second.caption])
    assert captions == ["rows: A 3; 3 images, diameter 0.40", "rows: B 2, C 1; 1 image, diameter 0.00"]
    (conflict,) = conflicting_groups(index, made.splits, "exact", 5)
    assert conflict.caption == "rows: B 2, C 1; 1 image, diameter 0.00"


def test_removed_rows_are_shown_beside_what_they_collide_with() -> None:
    made, index = indexed()
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
