"""The second look at stored splits finds what is planted, and exactly what brute force finds."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.images import Images
from notmnist_assets.curation.proof import equal_rows, near_rows
from notmnist_assets.curation.sanitizing import Policy, sanitize
from notmnist_assets_tests.builders import ORDER, World, distance_of, drawing, move, worlds

Which = tuple[int, int, int]
tables = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 3)), max_size=8)


def images_of(rows: list[Which]) -> Images:
    return np.array([drawing(*row) for row in rows], np.uint8).reshape(-1, 28, 28)


def noise(rows: int, seed: int) -> Images:
    return np.random.default_rng(seed).integers(0, 256, (rows, 28, 28), dtype=np.uint8)


@given(rows=tables, others=tables)
@settings(max_examples=60)
def test_equal_rows_are_those_of_brute_force(rows: list[Which], others: list[Which]) -> None:
    expected = [(place, others.index(row), 0.0) for place, row in enumerate(rows) if row in others]
    assert equal_rows(images_of(rows), images_of(others)) == expected


@given(rows=tables, others=tables, radius=st.sampled_from([0.0, 0.1, 0.2, 0.4, 0.6, 1.0, 2.0, 5.0, 784.0]))
@settings(max_examples=100)
def test_near_rows_are_those_of_brute_force(rows: list[Which], others: list[Which], radius: float) -> None:
    images, other_images = images_of(rows), images_of(others)
    found = near_rows(images, other_images, radius)
    close = {
        row
        for row, image in enumerate(images)
        if any(distance_of(image, other) <= radius + 1e-9 for other in other_images)
    }
    assert [example.row for example in found] == sorted(close)
    for example in found:
        assert example.distance == distance_of(images[example.row], other_images[example.other_row]) <= radius + 1e-9


def test_a_planted_copy_is_found_among_noise() -> None:
    images, others = noise(50, 1), noise(80, 2)
    others[33] = images[7]
    assert equal_rows(images, others) == near_rows(images, others, 5.0) == [(7, 33, 0.0)]


def test_a_planted_near_copy_is_found_at_its_distance_and_not_below() -> None:
    images, others = noise(50, 1), noise(80, 2)
    others[33] = images[7]
    others[33].reshape(-1)[::50] ^= 64
    distance = distance_of(images[7], others[33])
    assert near_rows(images, others, distance) == [(7, 33, distance)]
    assert near_rows(images, others, distance - 1 / 255) == []
    assert equal_rows(images, others) == []


def test_a_difference_that_leaves_all_ink_in_place_is_measured_on_pixels() -> None:
    one, other = drawing(0), drawing(0)
    one[0, 2], other[0, 3] = 255, 255
    assert near_rows(one[None], other[None], 1.9) == []
    assert near_rows(one[None], other[None], 2.0) == [(0, 0, 2.0)]


@pytest.mark.parametrize(("down", "right"), [s for s in itertools.product((-1, 0, 1), repeat=2) if s != (0, 0)])
def test_a_copy_moved_by_one_pixel_is_found_only_with_shifts(down: int, right: int) -> None:
    images, others = noise(9, 1) // 8 + 1, noise(12, 2)
    others[5] = move(images[7], down, right)
    assert near_rows(images, others, 0.0) == []
    assert near_rows(images, others, 0.0, shifts=True) == [(7, 5, 0.0)]
    assert near_rows(others, images, 0.0, shifts=True) == [(5, 7, 0.0)]
    assert equal_rows(images, others) == []


def test_a_copy_moved_by_two_pixels_is_none() -> None:
    images = noise(3, 1)
    others = np.stack([move(move(image, 0, 1), 0, 1) for image in images])
    assert near_rows(images, others, 50.0, shifts=True) == []


@given(seed=st.integers(0, 2**32), radius=st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, 6.0]))
@settings(max_examples=25)
def test_near_rows_with_shifts_are_those_of_brute_force(seed: int, radius: float) -> None:
    random = np.random.default_rng(seed)
    images = np.zeros((12, 28, 28), np.uint8)
    for image in images:
        y, x = random.choice([0, 1, 2, 13, 25, 26, 27], 2)
        image[y, x] = image[13, random.integers(12, 16)] = 255
    one, other = images[:6], images[6:]
    steps = [-1, 0, 1]
    close = {
        (row, place): min(
            min(distance_of(move(a, down, right), b), distance_of(a, move(b, down, right)))
            for down in steps
            for right in steps
        )
        for row, a in enumerate(one)
        for place, b in enumerate(other)
    }
    found = near_rows(one, other, radius, shifts=True)
    assert [example.row for example in found] == sorted({row for (row, _), least in close.items() if least <= radius})
    assert all(close[example.row, example.other_row] <= example.distance <= radius for example in found)


@given(world=worlds())
@settings(max_examples=60)
def test_nothing_is_found_between_sanitized_splits(world: World) -> None:
    kept = sanitize(world.index(), Policy()).kept
    images = {name: world.splits[name].images[kept[name]] for name in ORDER}
    for one, other in itertools.permutations(ORDER, 2):
        assert equal_rows(images[one], images[other]) == []
        assert near_rows(images[one], images[other], world.radius) == []
