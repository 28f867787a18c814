"""Equal images and near ones under different letters, as loops over all pairs find them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.images import Images
from notmnist_assets.curation.likeness import near_contradictions, number_images
from notmnist_assets_tests.builders import World, cells_of, distance_of, move, worlds


def pairs_found(world: World, name: str) -> set[tuple[int, int]]:
    split = world.splits[name]
    found = near_contradictions(split.images, split.labels, world.radius)
    assert all(np.isclose(distance, distance_of(split.images[a], split.images[b])) for a, b, distance in found)
    return {(min(a, b), max(a, b)) for a, b, _ in found}


@given(world=worlds(largest_split=12))
def test_contradictions_are_real_and_none_is_missed_while_any_is_left(world: World) -> None:
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


@given(seed=st.integers(0, 2**32), radius=st.sampled_from([0.0, 1.0, 2.0, 4.0]))
@settings(max_examples=25)
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
    # One pair for each row that has a later one: what is left when these go is clean.
    left = np.setdiff1d(np.arange(10), [row for pair in found for row in pair[:2]])
    assert near_contradictions(images[left], labels[left], radius, shifts=True) == []
    assert bool(found) == bool(close)


@pytest.mark.parametrize("radius", [0.0, 3.0, 30.0, 784.0])
def test_pairs_at_the_radius_are_found_whatever_their_ink(radius: float) -> None:
    """Ink anywhere from none to all, in every half: neighbours in all buckets."""
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
        ((row, other_row, distance),) = near_contradictions(images, labels, radius)
        assert {row, other_row} == {0, 1}
        assert distance == change
        assert near_contradictions(images, labels, change - 0.5) == [] if change else True


@given(world=worlds())
def test_equal_images_of_all_splits_have_one_number(world: World) -> None:
    rows = world.rows()
    for by_cells in (False, True):
        numbers = np.concatenate(number_images([split.images for split in world.splits.values()], by_cells=by_cells))
        for (a, one), (b, other) in itertools.combinations(enumerate(rows), 2):
            equal = cells_of(one.image) == cells_of(other.image) if by_cells else np.array_equal(one.image, other.image)
            assert (numbers[a] == numbers[b]) == equal


def test_no_rows_are_no_trouble() -> None:
    none: Images = np.empty((0, 28, 28), np.uint8)
    assert near_contradictions(none, np.empty(0, np.int32), 5.0) == []
    assert [len(numbers) for numbers in number_images([none, none])] == [0, 0]
