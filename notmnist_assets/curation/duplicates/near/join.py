"""Searches tables of images for all pairs within a radius, in batches, by several threads."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import SIDE, shift_pixels
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.curation.duplicates.near import bounds
from notmnist_assets.curation.duplicates.near.bounds import Pixels, Signs, as_pixels
from notmnist_assets.curation.duplicates.near.grid import Grid, Queries, build_grid, sort_queries, windows
from notmnist_assets.curation.duplicates.near.pairs import NearPairs, PairColumns, collect, largest_sum

SHIFTS: Final = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))
"""The eight moves by one pixel: rows down, columns right."""

_BATCH: Final = 2048
"""Queries of one batch: small enough that two threads finish at about the same time."""
_CAPACITY: Final = 16_384
"""Pairs that the first buffer of a batch can store; a batch with more pairs is searched again with a larger one."""
_QUERY_BLOCK: Final = 65_536
"""Queries that are sketched at a time: limits the memory of moved copies to 51 MB."""


def near_pairs(
    images: npt.NDArray[np.uint8],
    radius: float,
    *,
    others: npt.NDArray[np.uint8] | None = None,
    workers: int = 2,
    shifts: bool = False,
) -> NearPairs:
    """Find exactly the pairs of images within a radius.

    The distance of two images is the sum of |a - b| / 255 over the pixels. The result is the same for any number of
    workers. Equal images are pairs at distance 0: an image with k rows makes k * (k - 1) / 2 pairs, so pass distinct
    images if repeats are many.

    Args:
        images: uint8 (n, 784) or (n, 28, 28), an array or a memory map.
        radius: largest distance, 0 to 784.
        others: a second table, to find the pairs between the two; None for the pairs within `images`. The smaller table
            is looked up in the larger: the larger takes one pass over its pixels, the rest of the time grows with the
            smaller.
        workers: threads.
        shifts: whether to take the smallest distance over moves by one pixel: with m(a) one of the eight moves of a, or
            a itself, the distance is the minimum over m of the distances of m(a), b and of a, m(b). Pixels that leave
            the frame are lost, pixels that enter it are 0 (background). Takes about 17 times as long.

    Returns:
        The pairs, sorted; no image is paired with itself.

    Raises:
        ValueError: a table does not contain images, the radius is negative or not a number, or there is no worker.
    """
    limit = largest_sum(radius)
    table = as_pixels(images, "images")
    other = None if others is None else as_pixels(others, "others")
    if workers < 1:
        raise ValueError(f"at least one worker is needed, not {workers}")
    if not len(table) or (other is not None and not len(other)):
        return collect([])
    with ThreadPoolExecutor(workers) as pool:
        if other is None:
            return collect(_pairs_within(table, limit, shifts, pool))
        return collect(_pairs_between(table, other, limit, shifts, pool))


def _pairs_within(table: Pixels, limit: int, shifts: bool, pool: Executor) -> Iterator[PairColumns]:
    """Yield the pairs of one table, smaller row first."""
    index = _Index.build(table, limit, pool)
    for a, b, distance in index.pairs():
        yield np.minimum(a, b), np.maximum(a, b), distance
    for shift in SHIFTS if shifts else ():
        for a, b, distance in index.look_up(table, shift):
            other = a != b
            yield np.minimum(a, b)[other], np.maximum(a, b)[other], distance[other]


def _pairs_between(table: Pixels, other: Pixels, limit: int, shifts: bool, pool: Executor) -> Iterator[PairColumns]:
    """Yield the pairs of two tables, rows of `table` first."""
    if len(other) < len(table):
        for b, a, distance in _pairs_between(other, table, limit, shifts, pool):
            yield a, b, distance
        return
    index = _Index.build(other, limit, pool)
    yield from index.look_up(table, (0, 0))
    if shifts:
        reverse = _Index.build(table, limit, pool)
        for shift in SHIFTS:
            yield from index.look_up(table, shift)
            for b, a, distance in reverse.look_up(other, shift):
                yield a, b, distance


@dataclass(frozen=True, eq=False)
class _Index:
    """A table with its grid."""

    images: Pixels
    signs: Signs
    grid: Grid
    limit: int
    pool: Executor

    @classmethod
    def build(cls, images: Pixels, limit: int, pool: Executor) -> "_Index":
        """Sketch a table of at least one image and build its grid."""
        sums = bounds.cell_sums(images, pool)
        signs = bounds.choose_signs(sums)
        sketch = bounds.sketch(sums, signs, pool)
        return cls(images, signs, build_grid(sketch, bounds.projection_tolerance(limit)), limit, pool)

    def pairs(self) -> Iterator[PairColumns]:
        """Yield the pairs of the table itself, each once."""
        queries = Queries(self.grid.sketch, self.grid.rows, self.grid.columns)
        return self._search(queries, self.images, 0, within=True)

    def look_up(self, table: Pixels, shift: tuple[int, int]) -> Iterator[PairColumns]:
        """Yield the pairs of a moved table and the index: rows of `table`, rows of the index, distances."""
        for start in range(0, len(table), _QUERY_BLOCK):
            block = table[start : start + _QUERY_BLOCK]
            if shift != (0, 0):
                block = as_pixels(shift_pixels(block.reshape(-1, SIDE, SIDE), *shift), "moved images")
            sums = bounds.cell_sums(block, self.pool)
            queries = sort_queries(bounds.sketch(sums, self.signs, self.pool), self.grid)
            yield from self._search(queries, block, start, within=False)

    def _search(self, queries: Queries, images: Pixels, offset: int, *, within: bool) -> Iterator[PairColumns]:
        """Yield the pairs of sorted queries; `offset` is added to their rows."""
        from notmnist_assets.curation.duplicates.near import kernels

        grid, count = self.grid, len(queries.rows)
        tolerance = bounds.projection_tolerance(self.limit)

        def search_batch(first: int) -> PairColumns:
            begins, ends = windows(queries, first, min(first + _BATCH, count), grid, tolerance, within=within)

            def search(found: npt.NDArray[np.int32]) -> int:
                return kernels.search(
                    first,
                    begins,
                    ends,
                    queries.sketch.projections,
                    queries.sketch.sums,
                    queries.rows,
                    images,
                    grid.sketch.projections,
                    grid.sketch.sums,
                    grid.rows,
                    self.images,
                    self.limit,
                    tolerance,
                    found,
                )

            found = np.empty((_CAPACITY, 3), np.int32)
            pairs = search(found)
            if pairs > _CAPACITY:
                found = np.empty((pairs, 3), np.int32)
                search(found)
            a, b, distance = found[:pairs].T.copy()
            return a, b, distance

        with progress_bar("near duplicates", count, "images") as advance:
            starts = range(0, count, _BATCH)
            for first, (a, b, distance) in zip(starts, self.pool.map(search_batch, starts), strict=True):
                yield a + np.int32(offset), b, distance
                advance(min(_BATCH, count - first))
