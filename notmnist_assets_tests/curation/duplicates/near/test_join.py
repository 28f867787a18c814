"""The search for near pairs, compared with brute force."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.images import shift_pixels
from notmnist_assets.curation.duplicates.near import SHIFTS, largest_sum, near_pairs
from notmnist_assets_tests.curation.duplicates.near.tables import (
    distances,
    expected,
    noisy_copies,
    shifted_distances,
    sparse_changes,
    triples,
)

sizes = st.integers(0, 40)
seeds = st.integers(0, 2**32)
radii = st.one_of(st.sampled_from([0.0, 0.5, 784.0]), st.floats(0, 784))


@given(n=sizes, seed=seeds, radius=radii, workers=st.integers(1, 3))
@settings(max_examples=60)
def test_pairs_within_a_table_are_those_of_brute_force(n: int, seed: int, radius: float, workers: int) -> None:
    images = noisy_copies(n, seed)
    found = near_pairs(images, radius, workers=workers)
    assert triples(found) == expected(distances(images, images), largest_sum(radius), within=True)


@pytest.mark.parametrize("limit", [0, 3, 7, 8, 15, 16, 23, 40, 100])
@given(seed=seeds)
@settings(max_examples=12)
def test_pairs_exactly_at_the_limit_are_found_if_a_bound_equals_the_distance(limit: int, seed: int) -> None:
    images = sparse_changes(150, seed)
    apart = distances(images, images)
    assert triples(near_pairs(images, limit / 255)) == expected(apart, limit, within=True)
    between = near_pairs(images[:50], limit / 255, others=images[50:])
    assert triples(between) == expected(apart[:50, 50:], limit, within=False)


@given(n=sizes, m=sizes, seed=seeds, radius=radii, workers=st.integers(1, 3))
@settings(max_examples=60)
def test_pairs_between_tables_are_those_of_brute_force(n: int, m: int, seed: int, radius: float, workers: int) -> None:
    both = noisy_copies(n + m, seed)
    images, others = both[:n], both[n:]
    found = near_pairs(images, radius, others=others, workers=workers)
    assert triples(found) == expected(distances(images, others), largest_sum(radius), within=False)


@given(n=st.integers(0, 12), m=st.integers(0, 12), seed=seeds, radius=st.floats(0, 400))
@settings(max_examples=20)
def test_shifted_pairs_are_those_of_brute_force(n: int, m: int, seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    both = noisy_copies(n + m, seed)
    for i in range(len(both)):
        both[i : i + 1] = shift_pixels(both[i : i + 1], int(rng.integers(-1, 2)), int(rng.integers(-1, 2)))
    images, others, limit = both[:n], both[n:], largest_sum(radius)
    within = near_pairs(images, radius, shifts=True)
    assert triples(within) == expected(shifted_distances(images, images), limit, within=True)
    between = near_pairs(images, radius, others=others, shifts=True)
    assert triples(between) == expected(shifted_distances(images, others), limit, within=False)


def test_pairs_of_a_table_of_several_batches_are_those_of_brute_force_for_any_number_of_workers() -> None:
    rng = np.random.default_rng(7)
    half = np.kron(rng.integers(0, 256, (2200, 7, 7)), np.ones((4, 4))) * rng.random((2200, 1, 1))
    touched = rng.random(half.shape) < rng.random((2200, 1, 1)) * 0.2
    copies = np.where(touched, rng.integers(0, 256, half.shape), half)
    images = np.concatenate([half, copies])[rng.permutation(4400)].astype(np.uint8)
    flat, limit, expected_pairs = images.reshape(-1, 784).astype(np.int16), largest_sum(20), []
    ink = flat.sum(axis=1, dtype=np.int64)
    for i in range(len(images)):
        rest = i + 1 + np.flatnonzero(np.abs(ink[i + 1 :] - ink[i]) <= limit)
        sums = np.abs(flat[rest] - flat[i]).sum(axis=1, dtype=np.int64)
        expected_pairs += [(i, int(j), int(d)) for j, d in zip(rest, sums, strict=True) if d <= limit]
    for radius in (1, 5, 20):
        near = [triple for triple in expected_pairs if triple[2] <= radius * 255]
        assert len(near) > 20
        assert triples(near_pairs(images, radius, workers=1)) == near
        assert triples(near_pairs(images, radius, workers=3)) == near


def test_equal_images_are_pairs_at_distance_0() -> None:
    images = np.full((300, 28, 28), 200, np.uint8)
    found = near_pairs(images, 0)
    assert len(found) == 300 * 299 // 2
    assert not found.distance.any()


def test_the_two_farthest_images_are_a_pair_at_radius_784_and_not_below() -> None:
    images = np.stack([np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)])
    assert triples(near_pairs(images, 784)) == [(0, 1, 784 * 255)]
    assert len(near_pairs(images, 783.99)) == 0


def test_a_moved_image_is_found_only_with_shifts() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 5:20, 8:12] = 255
    for dy, dx in SHIFTS:
        both = np.concatenate([image, shift_pixels(image, dy, dx)])
        assert len(near_pairs(both, 1)) == 0
        assert triples(near_pairs(both, 1, shifts=True)) == [(0, 1, 0)]


def test_flat_rows_strided_rows_and_memory_maps_give_the_same_pairs(tmp_path: Path) -> None:
    images = noisy_copies(60, 3)
    expected_pairs = triples(near_pairs(images, 30))
    assert expected_pairs
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    strided = np.repeat(images, 2, axis=0)[::2]
    for table in (images.reshape(60, 784), mapped, strided):
        assert triples(near_pairs(table, 30)) == expected_pairs


@pytest.mark.parametrize("n", [0, 1])
def test_tables_of_less_than_two_images_have_no_pairs(n: int) -> None:
    images = np.zeros((n, 28, 28), np.uint8)
    assert len(near_pairs(images, 784)) == 0
    assert len(near_pairs(images, 784, shifts=True)) == 0
    assert len(near_pairs(images, 784, others=np.zeros((3, 28, 28), np.uint8))) == 3 * n


def test_tables_of_other_types_radii_below_zero_and_no_workers_are_errors() -> None:
    images = np.zeros((2, 28, 28), np.uint8)
    with pytest.raises(ValueError, match="images must be uint8"):
        near_pairs(images.astype(np.float32), 1)
    with pytest.raises(ValueError, match="others must be uint8"):
        near_pairs(images, 1, others=np.zeros((2, 27, 28), np.uint8))
    with pytest.raises(ValueError, match="radius"):
        near_pairs(images, float("nan"))
    with pytest.raises(ValueError, match="radius"):
        near_pairs(images, -1)
    with pytest.raises(ValueError, match="worker"):
        near_pairs(images, 1, workers=0)
