"""The compiled loop of the near-duplicate search: selects the pairs within the radius from windows of candidates.

It releases the GIL and writes only to its own buffers. `bounds` and `grid` explain why no pair is missed.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from notmnist_assets.curation.duplicates.near.bounds import PADDED_SUMS, PROJECTIONS

PIXELS: Final = 784
BLOCK: Final = 1024
"""Candidates that are tested at a time."""

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]


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

    The subtraction wraps around on purpose: one unsigned comparison tests both ends. Projection 2 is left out: the
    window has limited it already. Unsigned indices need no test for negative values, so that the loop is vectorized.
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
def search(
    first: int,
    begins: Int64,
    ends: Int64,
    query_projections: npt.NDArray[np.int16],
    query_sums: npt.NDArray[np.uint16],
    query_rows: Int32,
    query_images: npt.NDArray[np.uint8],
    projections: npt.NDArray[np.int16],
    sums: npt.NDArray[np.uint16],
    rows: Int32,
    images: npt.NDArray[np.uint8],
    limit: int,
    tolerance: int,
    found: Int32,
) -> int:
    """Find all pairs of some queries and the grid's rows in their windows with a distance up to `limit`.

    Args:
        first: the first query.
        begins: int64 (queries, windows), the first grid row of each window of the queries from `first` on.
        ends: int64 (queries, windows), the end of each window.
        query_projections: int16 (8, q).
        query_sums: uint16 (q, 64).
        query_rows: int32 (q,), row of each query in `query_images`.
        query_images: uint8 (?, 784).
        projections: int16 (8, n) of the grid's rows.
        sums: uint16 (n, 64) of the grid's rows.
        rows: int32 (n,), row of each of the grid's rows in `images`.
        images: uint8 (?, 784).
        limit: largest sum of absolute pixel differences.
        tolerance: largest difference of two projections that `limit` allows.
        found: int32 (capacity, 3), receives row in `query_images`, row in `images` and distance of each pair.

    Returns:
        The number of pairs. Pairs beyond the capacity of `found` are counted but not stored.
    """
    pairs = 0
    mark = np.zeros(BLOCK, np.uint8)
    low = np.zeros(PROJECTIONS, np.uint16)
    for query in range(len(begins)):
        q = first + query
        for p in range(PROJECTIONS):
            low[p] = np.uint16(query_projections[p, q] - tolerance)
        for window in range(begins.shape[1]):
            end = ends[query, window]
            for position in range(begins[query, window], end, BLOCK):
                count = min(BLOCK, end - position)
                _mark_candidates(
                    projections, np.uint64(position), np.uint64(count), low, np.uint16(2 * tolerance), mark
                )
                for k in range(count):
                    if not mark[k]:
                        continue
                    j = position + k
                    bound = np.int32(0)
                    for s in range(PADDED_SUMS):
                        bound += np.int32(abs(np.int32(query_sums[q, s]) - np.int32(sums[j, s])))
                    if bound > limit:
                        continue
                    # Without an early exit: the compiler then uses the processor's sum of absolute differences.
                    a, b = np.uint64(query_rows[q]), np.uint64(rows[j])
                    distance = np.int32(0)
                    for pixel in range(PIXELS):
                        distance += np.int32(abs(np.int32(query_images[a, pixel]) - np.int32(images[b, pixel])))
                    if distance > limit:
                        continue
                    if pairs < len(found):
                        found[pairs, 0], found[pairs, 1], found[pairs, 2] = query_rows[q], rows[j], distance
                    pairs += 1
    return pairs
