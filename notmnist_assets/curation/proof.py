"""Proof that two sets of images share nothing, by another way than the one that removed what they shared.

Belongs here: the second, independent look at stored images. It uses no digest, no projection and no grid: equal
images are found by their bytes, near ones by the ink of the whole image and of its sixteenths, both of which bound
the distance from below, and then by their pixels. Copies moved by one pixel are moved here, by cropping a wider frame.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.images import PIXEL_DEPTH, PIXELS, SIDE, Images
from notmnist_assets.curation.tiles import tile_sums

_CHUNK: Final = 4096
PLACES: Final = tuple((down, right) for down in range(3) for right in range(3) if (down, right) != (1, 1))
"""Where the frame may lie when an image is moved by one pixel: rows and columns below and right of its border."""

Pixels = npt.NDArray[np.uint8]


class Counterexample(NamedTuple):
    """Two rows that are too close: row of the one, row of the other, and their distance in units of 255."""

    row: int
    other_row: int
    distance: float


def equal_rows(images: Images, others: Images) -> list[Counterexample]:
    """Return, for each row of `images` whose bytes are those of a row of `others`, the first such row."""
    own = list(_row_bytes(images))
    wanted = set(own)
    rows: dict[bytes, int] = {}
    for row, data in enumerate(_row_bytes(others)):
        if data in wanted:
            rows.setdefault(data, row)
    found = ((row, rows.get(data)) for row, data in enumerate(own))
    return [Counterexample(row, other, 0.0) for row, other in found if other is not None]


def _row_bytes(images: Images) -> Iterator[bytes]:
    """Yield the 784 bytes of each row."""
    flat = _flat(images)
    for start in range(0, len(flat), _CHUNK):
        yield from flat[start : start + _CHUNK].view(f"V{PIXELS}")[:, 0].tolist()


def near_rows(images: Images, others: Images, radius: float, *, shifts: bool = False) -> list[Counterexample]:
    """Return, for each row of `images` within `radius` of a row of `others`, the first such pair in ink order.

    Args:
        images: uint8 (n, 28, 28).
        others: uint8 (m, 28, 28).
        radius: how near is too near.
        shifts: either row of a pair may also be moved by one pixel. Pairs of rows where they are come first.
    """
    limit = int(np.floor(radius * PIXEL_DEPTH + 1e-6))
    hit, distance = np.full(len(images), -1, np.int64), np.zeros(len(images), np.int64)
    for flat, other_flat in _placements(_flat(images), _flat(others), shifts=shifts):
        left = np.flatnonzero(hit < 0)
        hit[left], distance[left] = _first_near(flat[left], other_flat, limit)
    rows = np.flatnonzero(hit >= 0)
    return [Counterexample(int(row), int(hit[row]), float(distance[row]) / PIXEL_DEPTH) for row in rows]


def _placements(flat: Pixels, other_flat: Pixels, *, shifts: bool) -> Iterator[tuple[Pixels, Pixels]]:
    """Yield both tables where they are, then with either moved: what a move pushes out of the frame is lost."""
    yield flat, other_flat
    for place in PLACES if shifts else ():
        yield moved(flat, place), other_flat
        yield flat, moved(other_flat, place)


def moved(flat: Pixels, place: tuple[int, int]) -> Pixels:
    """Return images (n, 784) as a frame at one of `PLACES` shows them when they have a border of background."""
    down, right = place
    bordered = np.pad(flat.reshape(-1, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)))
    return _flat(bordered[:, down : down + SIDE, right : right + SIDE])


def _first_near(flat: Pixels, other_flat: Pixels, limit: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return, for each row, the first other row in ink order up to `limit` away, or -1, and their distance."""
    tiles, other_tiles = tile_sums(flat), tile_sums(other_flat)
    other_ink = other_tiles.sum(axis=1, dtype=np.int64)
    order = np.argsort(other_ink, kind="stable")
    found: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] = _search(
        flat,
        tiles,
        tiles.sum(axis=1, dtype=np.int64),
        other_flat,
        other_tiles[order],  # read in this order: from memory line by line
        other_ink[order],
        order,
        limit,
    )
    return found


def _flat(images: Images) -> Pixels:
    return np.ascontiguousarray(images).reshape(len(images), PIXELS)


@numba.njit(cache=True, nogil=True)
def _search(
    images: npt.NDArray[np.uint8],
    tiles: npt.NDArray[np.int32],
    ink: npt.NDArray[np.int64],
    others: npt.NDArray[np.uint8],
    sorted_tiles: npt.NDArray[np.int32],
    sorted_ink: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
    limit: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    hit = np.full(len(images), -1, np.int64)
    best = np.zeros(len(images), np.int64)
    for row in range(len(images)):
        first = np.searchsorted(sorted_ink, ink[row] - limit)
        for place in range(first, len(order)):
            if sorted_ink[place] > ink[row] + limit:
                break
            bound = 0
            for tile in range(tiles.shape[1]):  # a constant of another file would stay in Numba's cache
                bound += abs(tiles[row, tile] - sorted_tiles[place, tile])
            if bound > limit:
                continue
            other = order[place]
            distance = 0
            for pixel in range(PIXELS):
                distance += abs(np.int64(images[row, pixel]) - np.int64(others[other, pixel]))
            if distance <= limit:
                hit[row], best[row] = other, distance
                break
    return hit, best
