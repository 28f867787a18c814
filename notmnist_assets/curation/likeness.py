"""Equal images, and like images under different letters, found on the stored pixels.

Belongs here: the second, independent look at what sanitizing leaves. It uses no digest, no projection and no pair
that the search found: equal images are found by their bytes, near ones by the ink of their halves and of their
sixteenths, both of which bound the distance from below, and then by their pixels. Near images of two splits are
looked for in `proof`.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.images import PIXEL_DEPTH, PIXELS, SIDE, Images
from notmnist_assets.curation.proof import PLACES, moved
from notmnist_assets.curation.tiles import ACROSS, tile_sums

Indices = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int32]

_NARROWEST: Final = 1024
_CHUNK: Final = 4096
_THREADS: Final = 2


class Contradiction(NamedTuple):
    """Two rows of a split that are one image under two letters, and their distance in units of 255."""

    row: int
    other_row: int
    distance: float


def number_images(splits: Sequence[Images], *, by_cells: bool = False) -> list[Indices]:
    """Return a number for each row of each split; rows, of whichever split, have the same when their images are equal.

    Args:
        splits: images of each split.
        by_cells: images count as equal when the maxima of their cells of 4x4 pixels are.
    """
    seen: dict[bytes, int] = {}
    return [
        np.fromiter((seen.setdefault(data, len(seen)) for data in _row_bytes(images, by_cells)), np.int64, len(images))
        for images in splits
    ]


def _row_bytes(images: Images, by_cells: bool) -> Iterator[bytes]:
    for start in range(0, len(images), _CHUNK):
        part = np.ascontiguousarray(images[start : start + _CHUNK])
        if by_cells:
            part = part.reshape(-1, SIDE // 4, 4, SIDE // 4, 4).max(axis=(2, 4))
        yield from part.reshape(len(part), -1).view(f"V{part[0].size}")[:, 0].tolist()


def near_contradictions(images: Images, labels: Labels, radius: float, *, shifts: bool = False) -> list[Contradiction]:
    """Return rows within `radius` of a row of another letter, each such row in at least one pair.

    Args:
        images: uint8 (n, 28, 28).
        labels: int32 (n,).
        radius: how near is the same image, in units of 255.
        shifts: either row of a pair may also be moved by one pixel.
    """
    limit = int(np.floor(radius * PIXEL_DEPTH + 1e-6))
    flat = np.ascontiguousarray(images).reshape(len(images), PIXELS)
    rows = len(flat)
    found = _pairs(flat, labels, np.zeros(rows, np.uint8), limit, across=False)
    for place in PLACES if shifts else ():
        both, sides = np.concatenate([flat, moved(flat, place)]), np.repeat(np.arange(2, dtype=np.uint8), rows)
        found += [
            Contradiction(row % rows, other % rows, distance)
            for row, other, distance in _pairs(both, np.tile(labels, 2), sides, limit, across=True)
        ]
    return found


def _pairs(
    flat: npt.NDArray[np.uint8], labels: Labels, sides: npt.NDArray[np.uint8], limit: int, *, across: bool
) -> list[Contradiction]:
    """Return, for rows up to `limit` from a later one of another letter (and side), one such pair each."""
    tiles = tile_sums(flat)
    by_place = tiles.reshape(-1, ACROSS, ACROSS)
    upper, lower, left = (
        part.sum(axis=(1, 2), dtype=np.int64)
        for part in (by_place[:, : ACROSS // 2], by_place[:, ACROSS // 2 :], by_place[:, :, : ACROSS // 2])
    )
    # By the ink of two halves, near images are in one bucket or in two that touch; in each they are sorted by a third.
    width = max(limit, _NARROWEST)
    columns = int(left.max(initial=0)) // width + 3  # with an empty one at both ends, so that no row touches the next
    bucket = upper // width * columns + left // width + 1
    order = np.lexsort((lower, bucket))
    starts = np.searchsorted(bucket[order], np.arange(int(bucket.max(initial=0)) + columns + 3))
    given = (flat, labels, sides, across, tiles[order], lower[order], bucket[order], starts, columns, order, limit)
    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(lambda first: _search(*given, first, _THREADS), range(_THREADS)))
    return [
        Contradiction(int(row), int(hit[row]), float(distance[row]) / PIXEL_DEPTH)
        for hit, distance in found
        for row in np.flatnonzero(hit >= 0)
    ]


@numba.njit(cache=True, nogil=True)
def _search(
    images: npt.NDArray[np.uint8],
    labels: Labels,
    sides: npt.NDArray[np.uint8],
    across: bool,
    tiles: npt.NDArray[np.int32],
    lower: Indices,
    bucket: Indices,
    starts: Indices,
    columns: int,
    order: Indices,
    limit: int,
    first: int,
    step: int,
) -> tuple[Indices, Indices]:
    """Compare each row, every `step`th in order, with those after it that it may be near to."""
    hit = np.full(len(order), -1, np.int64)
    best = np.zeros(len(order), np.int64)
    for place in range(first, len(order), step):
        row = order[place]
        for beside in (0, 1, columns - 1, columns, columns + 1):
            begin, end = starts[bucket[place] + beside], starts[bucket[place] + beside + 1]
            start = begin + np.searchsorted(lower[begin:end], lower[place] - limit) if beside else place + 1
            for other_place in range(start, end):
                if lower[other_place] > lower[place] + limit:
                    break
                bound = 0
                for tile in range(tiles.shape[1]):  # a constant of another file would stay in Numba's cache
                    bound += abs(tiles[place, tile] - tiles[other_place, tile])
                other = order[other_place]
                if bound > limit or labels[other] == labels[row] or (across and sides[other] == sides[row]):
                    continue
                distance = 0
                for pixel in range(PIXELS):
                    distance += abs(np.int64(images[row, pixel]) - np.int64(images[other, pixel]))
                if distance <= limit:
                    hit[row], best[row] = other, distance
                    break
            if hit[row] >= 0:
                break
    return hit, best
