"""Compiled loops of the near-duplicate search.

Belongs here: loops over pixels and candidates that NumPy cannot do, each free of the GIL and of shared
writes. What they compute, and why nothing is missed, is told in `bounds` and `grid`.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from notmnist_assets.curation.near.layout import CELLS_SIDE, PADDED_SUMS, PROJECTIONS

PIXELS: Final = 784
BLOCK: Final = 1024
"""Candidates that are tested together."""

Int32 = npt.NDArray[np.int32]


@njit(cache=True, nogil=True)
def cell_sums(images: npt.NDArray[np.uint8], out: npt.NDArray[np.uint16]) -> None:
    """Write the sums over 4x4 cells of uint8 (n, 784) into the first 49 columns of uint16 (n, 64)."""
    columns = np.zeros(28, np.uint16)
    for i in range(len(images)):
        for y in range(CELLS_SIDE):
            for x in range(28):
                p = 4 * 28 * y + x
                columns[x] = np.uint16(
                    np.uint16(images[i, p])
                    + np.uint16(images[i, p + 28])
                    + np.uint16(images[i, p + 56])
                    + np.uint16(images[i, p + 84])
                )
            for x in range(CELLS_SIDE):
                out[i, y * CELLS_SIDE + x] = np.uint16(
                    columns[4 * x] + columns[4 * x + 1] + columns[4 * x + 2] + columns[4 * x + 3]
                )


@njit(cache=True, nogil=True)
def _mark_candidates(
    projections: npt.NDArray[np.int16],
    first: np.uint64,
    count: np.uint64,
    low: npt.NDArray[np.uint16],
    width: np.uint16,
    mark: npt.NDArray[np.uint8],
) -> None:
    """Set mark[k] to 1 where every projection of row first + k lies in low to low + width, else to 0.

    The subtraction wraps around on purpose: one unsigned comparison tests both ends. Projection 2 is left
    out, the window was cut by it. Unsigned indices spare the test for negative ones, so that the loop is
    vectorized.
    """
    low0, low1, low3 = low[0], low[1], low[3]
    low4, low5, low6, low7 = low[4], low[5], low[6], low[7]
    for k in range(count):
        j = first + k
        mark[k] = (
            (np.uint16(np.uint16(projections[0, j]) - low0) <= width)
            & (np.uint16(np.uint16(projections[1, j]) - low1) <= width)
            & (np.uint16(np.uint16(projections[3, j]) - low3) <= width)
            & (np.uint16(np.uint16(projections[4, j]) - low4) <= width)
            & (np.uint16(np.uint16(projections[5, j]) - low5) <= width)
            & (np.uint16(np.uint16(projections[6, j]) - low6) <= width)
            & (np.uint16(np.uint16(projections[7, j]) - low7) <= width)
        )


@njit(cache=True, nogil=True)
def _sums_distance(a: npt.NDArray[np.uint16], i: int, b: npt.NDArray[np.uint16], j: int) -> np.int32:
    """Return the L1 distance of two rows of cell sums."""
    total = np.int32(0)
    for k in range(PADDED_SUMS):
        difference = np.int32(np.int32(a[i, k]) - np.int32(b[j, k]))
        total = np.int32(total + np.int32(abs(difference)))
    return total


@njit(cache=True, nogil=True)
def _pixel_distance(a: npt.NDArray[np.uint8], i: np.uint64, b: npt.NDArray[np.uint8], j: np.uint64) -> np.int32:
    """Return the L1 distance of two images.

    Written so that the compiler uses the processor's sum of absolute differences: faster than an early exit.
    """
    total = np.int32(0)
    for k in range(PIXELS):
        difference = np.int32(np.int32(a[i, k]) - np.int32(b[j, k]))
        total = np.int32(total + np.int32(abs(difference)))
    return total


@njit(cache=True, nogil=True)
def _first_at_least(projections: npt.NDArray[np.int16], start: int, stop: int, value: int) -> int:
    """Return the first position in start:stop whose projection 2 is at least `value`, or stop."""
    while start < stop:
        middle = (start + stop) >> 1
        if projections[2, middle] < value:
            start = middle + 1
        else:
            stop = middle
    return start


@njit(cache=True, nogil=True)
def search(
    first: int,
    last: int,
    query_cells: Int32,
    query_projections: npt.NDArray[np.int16],
    query_sums: npt.NDArray[np.uint16],
    query_rows: Int32,
    query_images: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    shape: tuple[int, int],
    reach: tuple[int, int],
    projections: npt.NDArray[np.int16],
    sums: npt.NDArray[np.uint16],
    rows: Int32,
    images: npt.NDArray[np.uint8],
    limit: int,
    tolerance: int,
    within: bool,
) -> tuple[Int32, Int32, Int32]:
    """Find all pairs of the queries first:last and the rows of a grid with a distance up to `limit`.

    Queries and grid rows are sorted by column and, within a column, by projection 2 (see `grid.Grid`).

    Args:
        first: first query of this piece of work.
        last: end of this piece of work.
        query_cells: int32 (q, 2), the column of each query; may lie outside the grid.
        query_projections: int16 (8, q).
        query_sums: uint16 (q, 64).
        query_rows: int32 (q,), row of each query in `query_images`.
        query_images: uint8 (?, 784).
        starts: int64 (columns + 1,), where each column of the grid starts.
        shape: columns along each axis of the grid.
        reach: how many columns away a partner can be, along each axis.
        projections: int16 (8, n) of the grid's rows.
        sums: uint16 (n, 64) of the grid's rows.
        rows: int32 (n,), row of each of the grid's rows in `images`.
        images: uint8 (?, 784).
        limit: largest sum of absolute pixel differences.
        tolerance: largest difference of two projections that `limit` allows.
        within: the queries are the grid's rows themselves; each pair is found once, no row with itself.

    Returns:
        Row in `query_images`, row in `images` and distance of each pair, int32 each, in no useful order.
    """
    found = 0
    found_query, found_row = np.empty(1024, np.int32), np.empty(1024, np.int32)
    found_distance = np.empty(1024, np.int32)
    mark = np.zeros(BLOCK, np.uint8)
    low = np.zeros(PROJECTIONS, np.uint16)
    width = np.uint16(2 * tolerance)
    run = first
    while run < last:
        # A run is the queries of one column: they share the neighbouring columns.
        x, y = query_cells[run, 0], query_cells[run, 1]
        run_end = run + 1
        while run_end < last and query_cells[run_end, 0] == x and query_cells[run_end, 1] == y:
            run_end += 1
        x_start = x if within else max(0, x - reach[0])
        for nx in range(x_start, min(shape[0], x + reach[0] + 1)):
            y_start = y if within and nx == x else max(0, y - reach[1])
            for ny in range(y_start, min(shape[1], y + reach[1] + 1)):
                column = nx * shape[1] + ny
                end = starts[column + 1]
                if starts[column] == end:
                    continue
                same_column = within and nx == x and ny == y
                window = _first_at_least(projections, starts[column], end, query_projections[2, run] - tolerance)
                window_end = window
                for q in range(run, run_end):
                    value = np.int32(query_projections[2, q])
                    while window < end and projections[2, window] < value - tolerance:
                        window += 1
                    window_end = max(window_end, window)
                    while window_end < end and projections[2, window_end] <= value + tolerance:
                        window_end += 1
                    position = max(window, q + 1) if same_column else window
                    if position >= window_end:
                        continue
                    for p in range(PROJECTIONS):
                        low[p] = np.uint16(query_projections[p, q] - tolerance)
                    while position < window_end:
                        count = min(BLOCK, window_end - position)
                        _mark_candidates(projections, np.uint64(position), np.uint64(count), low, width, mark)
                        for k in range(count):
                            if not mark[k]:
                                continue
                            j = position + k
                            if _sums_distance(query_sums, q, sums, j) > limit:
                                continue
                            distance = _pixel_distance(
                                query_images, np.uint64(query_rows[q]), images, np.uint64(rows[j])
                            )
                            if distance > limit:
                                continue
                            if found == len(found_query):
                                found_query = np.concatenate((found_query, found_query))
                                found_row = np.concatenate((found_row, found_row))
                                found_distance = np.concatenate((found_distance, found_distance))
                            found_query[found] = query_rows[q]
                            found_row[found] = rows[j]
                            found_distance[found] = distance
                            found += 1
                        position += count
        run = run_end
    return found_query[:found].copy(), found_row[:found].copy(), found_distance[:found].copy()
