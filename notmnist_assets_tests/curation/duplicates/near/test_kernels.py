"""The compiled loop, called with explicit windows and compared with a loop over all rows."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest

from notmnist_assets.curation.duplicates.near import kernels
from notmnist_assets.curation.duplicates.near.bounds import (
    as_pixels,
    cell_sums,
    choose_signs,
    projection_tolerance,
    sketch,
)
from notmnist_assets_tests.curation.duplicates.near.tables import Triples, distances, noisy_copies

IMAGES = noisy_copies(40, 3)
LIMIT = 8_000


def search(windows: list[tuple[int, int]], limit: int, capacity: int) -> tuple[int, npt.NDArray[np.int32]]:
    """Search all images in the same windows of rows of the same table; return the count and the buffer."""
    pixels = as_pixels(IMAGES, "images")
    with ThreadPoolExecutor(1) as pool:
        sums = cell_sums(pixels, pool)
        sketched = sketch(sums, choose_signs(sums), pool)
    rows = np.arange(len(IMAGES), dtype=np.int32)
    begins, ends = (np.tile(np.array(side, np.int64), (len(IMAGES), 1)) for side in zip(*windows, strict=True))
    found = np.full((capacity, 3), -1, np.int32)
    table = sketched.projections, sketched.sums, rows, pixels
    tolerance = projection_tolerance(limit)
    return kernels.search(0, begins, ends, *table, *table, limit, tolerance, found), found


def by_loop(windows: list[tuple[int, int]], limit: int) -> Triples:
    apart = distances(IMAGES, IMAGES)
    return [
        (query, row, int(apart[query, row]))
        for query in range(len(IMAGES))
        for begin, end in windows
        for row in range(begin, end)
        if apart[query, row] <= limit
    ]


@pytest.mark.parametrize("windows", [[(0, 40)], [(5, 5)], [(3, 20), (30, 40), (25, 24)]])
@pytest.mark.parametrize("limit", [0, 500, LIMIT])
def test_pairs_in_windows_are_those_of_a_loop(windows: list[tuple[int, int]], limit: int) -> None:
    expected = by_loop(windows, limit)
    count, found = search(windows, limit, 1600)
    assert count == len(expected)
    assert list(map(tuple, found[:count].tolist())) == expected


def test_pairs_beyond_the_capacity_are_counted_and_not_stored() -> None:
    expected = by_loop([(0, 40)], LIMIT)
    assert len(expected) > 45
    count, found = search([(0, 40)], LIMIT, 5)
    assert count == len(expected)
    assert list(map(tuple, found.tolist())) == expected[:5]
