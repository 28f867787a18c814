"""The near-duplicate search against brute force."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.images import moved
from notmnist_assets.curation.duplicates.near import SHIFTS, NearPairs, largest_sum, near_pairs
from notmnist_assets.curation.duplicates.near.bounds import PROJECTIONS, SUMS, choose_signs, projection_tolerance

Table = npt.NDArray[np.uint8]
Triples = list[tuple[int, int, int]]


def letters_like(n: int, seed: int, spread: float = 12.0) -> Table:
    """Return n images around a few drawings, some of them repeated: uint8 (n, 28, 28)."""
    rng = np.random.default_rng(seed)
    drawings = (rng.random((4, 28, 28)) < 0.4) * 255
    scale = rng.choice([0.0, 1.0, spread, 4 * spread], (n, 1, 1))
    noisy = drawings[rng.integers(0, 4, n)] + np.rint(rng.normal(0, 1, (n, 28, 28)) * scale)
    images: Table = np.clip(noisy, 0, 255).astype(np.uint8)
    return images


def barely_different(n: int, seed: int) -> Table:
    """Return n images that differ in one to seven pixels, each in a cell of its own: uint8 (n, 28, 28).

    A cell then changes by as much as the distance: the bounds are met, not merely kept.
    """
    rng = np.random.default_rng(seed)
    images = np.zeros((n, 28, 28), np.uint8)
    cells = rng.choice(49, rng.integers(1, 8), replace=False)
    images[:, cells // 7 * 4, cells % 7 * 4] = rng.integers(0, 256 >> rng.integers(0, 6), (n, len(cells)))
    return images


def distances(a: Table, b: Table) -> npt.NDArray[np.int64]:
    """Return all distances by brute force: int64 (len(a), len(b))."""
    left, right = (t.reshape(len(t), 784).astype(np.int16) for t in (a, b))
    return np.array([np.abs(right - x).sum(axis=1, dtype=np.int64) for x in left], np.int64).reshape(len(a), len(b))


def shifted_distances(a: Table, b: Table) -> npt.NDArray[np.int64]:
    """Return all smallest distances over moves by one pixel, by brute force with padding and cropping."""
    smallest = distances(a, b)
    for y, x in [(y, x) for y in range(3) for x in range(3) if (y, x) != (1, 1)]:
        moved_a, moved_b = (
            np.pad(t.reshape(-1, 28, 28), ((0, 0), (1, 1), (1, 1)))[:, y : y + 28, x : x + 28] for t in (a, b)
        )
        smallest = np.minimum(smallest, np.minimum(distances(moved_a, b), distances(a, moved_b)))
    return smallest


def expected(matrix: npt.NDArray[np.int64], limit: int, *, within: bool) -> Triples:
    close = np.argwhere(matrix <= limit)
    return [(int(i), int(j), int(matrix[i, j])) for i, j in close if not within or i < j]


def triples(pairs: NearPairs) -> Triples:
    assert pairs.a.dtype == pairs.b.dtype == pairs.distance.dtype == np.int32
    return list(zip(pairs.a.tolist(), pairs.b.tolist(), pairs.distance.tolist(), strict=True))


sizes = st.integers(0, 40)
seeds = st.integers(0, 2**32)
radii = st.one_of(st.sampled_from([0.0, 0.5, 784.0]), st.floats(0, 784))


@given(n=sizes, seed=seeds, radius=radii, workers=st.integers(1, 3))
@settings(max_examples=60)
def test_pairs_within_a_table_are_those_of_brute_force(n: int, seed: int, radius: float, workers: int) -> None:
    images = letters_like(n, seed)
    found = near_pairs(images, radius, workers=workers)
    assert triples(found) == expected(distances(images, images), largest_sum(radius), within=True)


@pytest.mark.parametrize("limit", [0, 3, 7, 8, 15, 16, 23, 40, 100])
@given(seed=seeds)
@settings(max_examples=12)
def test_pairs_exactly_at_the_limit_are_found_where_the_bounds_are_met(limit: int, seed: int) -> None:
    images = barely_different(150, seed)
    apart = distances(images, images)
    assert triples(near_pairs(images, limit / 255)) == expected(apart, limit, within=True)
    between = near_pairs(images[:50], limit / 255, others=images[50:])
    assert triples(between) == expected(apart[:50, 50:], limit, within=False)


@given(n=sizes, m=sizes, seed=seeds, radius=radii, workers=st.integers(1, 3))
@settings(max_examples=60)
def test_pairs_between_tables_are_those_of_brute_force(n: int, m: int, seed: int, radius: float, workers: int) -> None:
    both = letters_like(n + m, seed)
    images, others = both[:n], both[n:]
    found = near_pairs(images, radius, others=others, workers=workers)
    assert triples(found) == expected(distances(images, others), largest_sum(radius), within=False)


@given(n=st.integers(0, 12), m=st.integers(0, 12), seed=seeds, radius=st.floats(0, 400))
@settings(max_examples=20)
def test_shifted_pairs_are_those_of_brute_force(n: int, m: int, seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    both = letters_like(n + m, seed)
    for i in range(len(both)):
        both[i : i + 1] = moved(both[i : i + 1], int(rng.integers(-1, 2)), int(rng.integers(-1, 2)))
    images, others, limit = both[:n], both[n:], largest_sum(radius)
    within = near_pairs(images, radius, shifts=True)
    assert triples(within) == expected(shifted_distances(images, images), limit, within=True)
    between = near_pairs(images, radius, others=others, shifts=True)
    assert triples(between) == expected(shifted_distances(images, others), limit, within=False)


@given(seed=seeds, radius=st.floats(0, 200), smaller=st.floats(0, 1))
@settings(max_examples=30)
def test_a_smaller_radius_needs_no_new_search(seed: int, radius: float, smaller: float) -> None:
    images = letters_like(40, seed)
    narrowed = near_pairs(images, radius).within(radius * smaller)
    assert triples(narrowed) == triples(near_pairs(images, radius * smaller))


def test_a_table_of_several_pieces_agrees_with_brute_force_for_any_number_of_workers() -> None:
    rng = np.random.default_rng(7)
    half = np.kron(rng.integers(0, 256, (2200, 7, 7)), np.ones((4, 4))) * rng.random((2200, 1, 1))
    touched = rng.random(half.shape) < rng.random((2200, 1, 1)) * 0.2
    copies = np.where(touched, rng.integers(0, 256, half.shape), half)
    images = np.concatenate([half, copies])[rng.permutation(4400)].astype(np.uint8)
    flat, limit, wanted = images.reshape(-1, 784).astype(np.int16), largest_sum(20), []
    ink = flat.sum(axis=1, dtype=np.int64)
    for i in range(len(images)):
        rest = i + 1 + np.flatnonzero(np.abs(ink[i + 1 :] - ink[i]) <= limit)
        sums = np.abs(flat[rest] - flat[i]).sum(axis=1, dtype=np.int64)
        wanted += [(i, int(j), int(d)) for j, d in zip(rest, sums, strict=True) if d <= limit]
    for radius in (1, 5, 20):
        near = [triple for triple in wanted if triple[2] <= radius * 255]
        assert len(near) > 20
        assert triples(near_pairs(images, radius, workers=1)) == near
        assert triples(near_pairs(images, radius, workers=3)) == near


@pytest.mark.parametrize("drawn", [letters_like, barely_different])
@given(seed=seeds, signs_seed=seeds)
@settings(max_examples=30)
def test_no_bound_exceeds_the_distance_whatever_the_signs(
    drawn: Callable[[int, int], Table], seed: int, signs_seed: int
) -> None:
    images = drawn(12, seed)
    cells = images.reshape(-1, 7, 4, 7, 4).sum(axis=(2, 4), dtype=np.int64).reshape(-1, SUMS)
    apart = distances(images, images)
    assert (np.abs(cells[:, None] - cells).sum(axis=2) <= apart).all()
    tolerance = np.vectorize(projection_tolerance)(apart)
    for signs in (
        np.random.default_rng(signs_seed).choice([-1, 1], (SUMS, PROJECTIONS)),
        choose_signs(cells.astype(np.uint16)).astype(np.int64),
    ):
        assert set(np.unique(signs)) <= {-1, 1}
        stored = cells @ signs // 8
        assert (np.abs(stored[:, None] - stored).max(axis=2) <= tolerance).all()


def test_equal_images_are_pairs_at_distance_0() -> None:
    images = np.full((300, 28, 28), 200, np.uint8)
    found = near_pairs(images, 0)
    assert len(found) == 300 * 299 // 2
    assert not found.distance.any()


def test_the_two_farthest_images_meet_at_radius_784_and_not_below() -> None:
    images = np.stack([np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)])
    assert triples(near_pairs(images, 784)) == [(0, 1, 784 * 255)]
    assert len(near_pairs(images, 783.99)) == 0


def test_a_radius_that_is_a_distance_takes_that_distance_in() -> None:
    assert all(largest_sum(distance / 255) == distance for distance in range(784 * 255 + 1))


def test_a_moved_image_is_found_only_with_shifts() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 5:20, 8:12] = 255
    for dy, dx in SHIFTS:
        both = np.concatenate([image, moved(image, dy, dx)])
        assert len(near_pairs(both, 1)) == 0
        assert triples(near_pairs(both, 1, shifts=True)) == [(0, 1, 0)]


def test_flat_rows_strided_rows_and_memory_maps_give_the_same_pairs(tmp_path: Path) -> None:
    images = letters_like(60, 3)
    wanted = triples(near_pairs(images, 30))
    assert wanted
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    strided = np.repeat(images, 2, axis=0)[::2]
    for table in (images.reshape(60, 784), mapped, strided):
        assert triples(near_pairs(table, 30)) == wanted


@pytest.mark.parametrize("n", [0, 1])
def test_tables_too_small_for_a_pair_have_none(n: int) -> None:
    images = np.zeros((n, 28, 28), np.uint8)
    assert len(near_pairs(images, 784)) == 0
    assert len(near_pairs(images, 784, shifts=True)) == 0
    assert len(near_pairs(images, 784, others=np.zeros((3, 28, 28), np.uint8))) == 3 * n


def test_what_is_not_a_table_of_images_or_a_radius_is_refused() -> None:
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
