"""Lower bounds of distances: sign projections and cell sums."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.duplicates.near.bounds import (
    PADDED_SUMS,
    PROJECTIONS,
    SUMS,
    as_pixels,
    cell_sums,
    choose_signs,
    projection_tolerance,
    sketch,
)
from notmnist_assets_tests.curation.duplicates.near.tables import Table, distances, noisy_copies, sparse_changes

seeds = st.integers(0, 2**32)


@pytest.mark.parametrize("make_images", [noisy_copies, sparse_changes])
@given(seed=seeds, signs_seed=seeds)
@settings(max_examples=30)
def test_no_bound_exceeds_the_distance_whatever_the_signs(
    make_images: Callable[[int, int], Table], seed: int, signs_seed: int
) -> None:
    images = make_images(12, seed)
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


@pytest.mark.parametrize("n", [0, 1, 5000])
def test_cell_sums_and_projections_are_those_of_plain_numpy(n: int) -> None:
    images = np.random.default_rng(n).integers(0, 256, (n, 28, 28), np.uint8)
    cells = images.reshape(-1, 7, 4, 7, 4).sum(axis=(2, 4), dtype=np.int64).reshape(-1, SUMS)
    signs = np.random.default_rng(1).choice(np.array([-1, 1], np.float32), (SUMS, PROJECTIONS))
    with ThreadPoolExecutor(2) as pool:
        sums = cell_sums(as_pixels(images, "images"), pool)
        result = sketch(sums, signs, pool)
    assert sums.dtype == np.uint16
    assert sums.shape == (n, PADDED_SUMS)
    np.testing.assert_array_equal(sums[:, :SUMS], cells)
    assert not sums[:, SUMS:].any()
    np.testing.assert_array_equal(result.projections, (cells @ signs.astype(np.int64) // 8).T)


def test_pixels_are_a_read_only_view_of_contiguous_images() -> None:
    images = np.zeros((3, 28, 28), np.uint8)
    pixels = as_pixels(images, "images")
    assert np.shares_memory(pixels, images)
    assert not pixels.flags.writeable
    assert images.flags.writeable
