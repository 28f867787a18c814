"""The independent search for equal and near rows, compared with brute force and on planted copies."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.images import Images
from notmnist_assets.curation.sanitizing.decision import Policy, sanitize
from notmnist_assets.curation.sanitizing.verification import (
    equal_rows,
    near_contradictions,
    near_repeats,
    near_rows,
    number_images,
)
from notmnist_assets_tests.builders import ORDER, World, cells_of, distance_of, drawing, move, worlds

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


def test_a_difference_that_does_not_change_the_ink_of_a_tile_is_measured_on_pixels() -> None:
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


def test_a_copy_moved_by_two_pixels_is_not_found() -> None:
    images = noise(3, 1)
    others = np.stack([move(move(image, 0, 1), 0, 1) for image in images])
    assert near_rows(images, others, 50.0, shifts=True) == []


@given(seed=st.integers(0, 2**32), radius=st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, 6.0]))
@settings(max_examples=12)
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


def pairs_found(world: World, name: str) -> set[tuple[int, int]]:
    split = world.splits[name]
    found = near_contradictions(split.images, split.labels, world.radius)
    assert all(np.isclose(distance, distance_of(split.images[a], split.images[b])) for a, b, distance in found)
    return {(min(a, b), max(a, b)) for a, b, _ in found}


@given(world=worlds(largest_split=12))
def test_contradictions_are_found_as_long_as_there_are_any(world: World) -> None:
    for name, split in world.splits.items():
        real = {
            (a, b)
            for a, b in itertools.combinations(range(len(split)), 2)
            if split.labels[a] != split.labels[b]
            and distance_of(split.images[a], split.images[b]) <= world.radius + 1e-9
        }
        found = pairs_found(world, name)
        assert found <= real
        assert bool(found) == bool(real)


@given(world=worlds(largest_split=12))
@settings(max_examples=60)
def test_near_repeats_are_found_as_long_as_there_are_any(world: World) -> None:
    for split in world.splits.values():
        real = {
            (a, b)
            for a, b in itertools.permutations(range(len(split)), 2)
            if distance_of(split.images[a], split.images[b]) <= world.radius + 1e-9
        }
        found = {(a, b) for a, b, _ in near_repeats(split.images, world.radius)}
        assert found <= real
        assert {a for a, _ in found} == {a for a, _ in real}


def test_a_moved_repeat_is_found_only_with_shifts() -> None:
    image = drawing(1, visible=3)
    images = np.stack([image, np.roll(image, 1, axis=0)])
    assert near_repeats(images, 0.2) == []
    assert {pair[:2] for pair in near_repeats(images, 0.2, shifts=True)} == {(0, 1), (1, 0)}


@given(seed=st.integers(0, 2**32), radius=st.sampled_from([0.0, 1.0, 2.0, 4.0]))
@settings(max_examples=12)
def test_rows_in_contradictions_with_shifts_are_those_of_brute_force(seed: int, radius: float) -> None:
    random = np.random.default_rng(seed)
    images = np.zeros((10, 28, 28), np.uint8)
    for image in images:
        y, x = random.choice([0, 1, 2, 13, 25, 26, 27], 2)
        image[y, x] = image[13, random.integers(12, 16)] = 255
    labels = random.integers(0, 3, 10).astype(np.int32)
    steps = list(itertools.product((-1, 0, 1), repeat=2))
    close = {
        row
        for row, other in itertools.permutations(range(10), 2)
        if labels[row] != labels[other]
        and min(
            min(
                distance_of(move(images[row], *step), images[other]),
                distance_of(images[row], move(images[other], *step)),
            )
            for step in steps
        )
        <= radius
    }
    found = near_contradictions(images, labels, radius, shifts=True)
    assert {row for pair in found for row in pair[:2]} <= close
    assert all(labels[row] != labels[other] and distance <= radius for row, other, distance in found)
    # At least one row of each pair is found: the rows that are left have no contradictions.
    left = np.setdiff1d(np.arange(10), [row for pair in found for row in pair[:2]])
    assert near_contradictions(images[left], labels[left], radius, shifts=True) == []
    assert bool(found) == bool(close)


@pytest.mark.parametrize("radius", [0.0, 3.0, 30.0, 784.0])
def test_pairs_at_the_radius_are_found_whatever_their_ink(radius: float) -> None:
    """The ink of each half ranges from none to all, so that all buckets are used."""
    random = np.random.default_rng(0)
    change = min(int(radius), 700)
    ones = np.zeros((200, 784), np.uint8)
    for row, image in enumerate(ones):
        image[random.permutation(784)[: row * 3 % 700]] = 255
    others = ones.copy()
    for image in others:
        image[random.permutation(784)[:change]] ^= 255
    for one, other in zip(ones, others, strict=True):
        images = np.stack([one, other]).reshape(-1, 28, 28)
        labels = np.array([0, 1], np.int32)
        assert near_contradictions(images, labels, radius) == [(0, 1, change), (1, 0, change)]
        assert near_contradictions(images, labels, change - 0.5) == [] if change else True


@given(world=worlds())
def test_equal_images_of_all_splits_have_the_same_number(world: World) -> None:
    rows = world.rows()
    for by_cells in (False, True):
        numbers = np.concatenate(number_images([split.images for split in world.splits.values()], by_cells=by_cells))
        for (a, one), (b, other) in itertools.combinations(enumerate(rows), 2):
            equal = cells_of(one.image) == cells_of(other.image) if by_cells else np.array_equal(one.image, other.image)
            assert (numbers[a] == numbers[b]) == equal


def test_splits_without_rows_have_no_contradictions_and_no_numbers() -> None:
    none: Images = np.empty((0, 28, 28), np.uint8)
    assert near_contradictions(none, np.empty(0, np.int32), 5.0) == []
    assert [len(numbers) for numbers in number_images([none, none])] == [0, 0]
