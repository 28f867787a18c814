"""Finds equal and near images of stored splits with an algorithm independent of the search that sanitizing used.

It shares no code with `duplicates`: no projections, no stored digests or pairs. Equal images have an equal xxh3-128.
Near images are looked up by the ink (sum of pixels) of two halves of the image, compared by the ink of 16 tiles, which
is a lower bound of the distance, and then by their pixels. Images are moved by one pixel by cropping a padded frame.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from xxhash import xxh3_128_digest

from notmnist_assets.curation.core.images import PIXEL_DEPTH, PIXELS, SIDE, Images

Indices = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int32]
Pixels = npt.NDArray[np.uint8]
Tiles = npt.NDArray[np.uint16]

_TILE: Final = 7
_ACROSS: Final = SIDE // _TILE
_HALF: Final = _ACROSS // 2
_NARROWEST: Final = 1024
_CHUNK: Final = 4096
_THREADS: Final = 2
_CROPS: Final = tuple((down, right) for down in range(3) for right in range(3) if (down, right) != (1, 1))
"""Top left corners, within an image padded by one pixel, of the crops that move the image by one pixel."""


class Counterexample(NamedTuple):
    """Two rows that are too close.

    Attributes:
        row: row of the first split.
        other_row: row of the second split.
        distance: their L1 distance in units of 255.
    """

    row: int
    other_row: int
    distance: float


def equal_rows(images: Images, others: Images) -> list[Counterexample]:
    """Return, for each row of `images` that equals a row of `others`, the first such row."""
    own, rows = number_images([images, others])
    first = np.full(int(max(own.max(initial=-1), rows.max(initial=-1))) + 1, -1)
    first[rows[::-1]] = np.arange(len(rows))[::-1]
    found = np.flatnonzero(first[own] >= 0)
    return [Counterexample(int(row), int(first[own[row]]), 0.0) for row in found]


def number_images(splits: Sequence[Images], *, by_cells: bool = False) -> list[Indices]:
    """Number the images of several splits so that rows have the same number if and only if their images are equal.

    Args:
        splits: images of each split, uint8 (n, 28, 28).
        by_cells: whether to compare the maxima of 4x4 cells instead of all pixels.

    Returns:
        int64 (n,) for each split.
    """
    keys = np.concatenate([_keys(images, by_cells) for images in splits])
    order = np.lexsort(keys.T)
    numbers = np.empty(len(keys), np.int64)
    numbers[order] = np.cumsum((np.diff(keys[order], axis=0, prepend=keys[order[:1]]) != 0).any(axis=1))
    return np.split(numbers, np.cumsum([len(images) for images in splits])[:-1])


def _keys(images: Images, by_cells: bool) -> npt.NDArray[np.uint64]:
    """Return the xxh3-128 of the pixels or cell maxima of each image: uint64 (n, 2)."""
    keys = np.empty((len(images), 2), np.uint64)
    for start in range(0, len(images), _CHUNK):
        part = np.ascontiguousarray(images[start : start + _CHUNK])
        if by_cells:
            part = part.reshape(-1, SIDE // 4, 4, SIDE // 4, 4).max(axis=(2, 4))
        digests = b"".join(xxh3_128_digest(row.data) for row in part.reshape(len(part), -1))
        keys[start : start + len(part)] = np.frombuffer(digests, np.uint64).reshape(-1, 2)
    return keys


def near_rows(images: Images, others: Images, radius: float, *, shifts: bool = False) -> list[Counterexample]:
    """Return, for each row of `images` within `radius` of a row of `others`, one such row.

    Args:
        images: uint8 (n, 28, 28).
        others: uint8 (m, 28, 28).
        radius: largest distance, in units of 255.
        shifts: whether to compare images also after moves of either by one pixel. A pair without moves is preferred.
    """
    flat, other_flat = _flatten(images), _flatten(others)
    own, other = np.zeros(len(flat), np.int32), np.ones(len(other_flat), np.int32)
    hit, distance = np.full(len(flat), -1, np.int64), np.zeros(len(flat), np.int64)
    for table, other_table in _moves(flat, other_flat, shifts=shifts):
        left = np.flatnonzero(hit < 0)
        hit[left], distance[left] = _first_near(table[left], own[left], other_table, other, radius)
    return _counterexamples(hit, distance)


def near_repeats(images: Images, radius: float, *, shifts: bool = False) -> list[Counterexample]:
    """Return rows within `radius` of another row, each with one such row; at least one row of each pair is returned.

    Args:
        images: uint8 (n, 28, 28).
        radius: largest distance, in units of 255.
        shifts: whether to compare images also after moves by one pixel; a row can then be returned more than once.
    """
    return near_contradictions(images, np.arange(len(images), dtype=np.int32), radius, shifts=shifts)


def near_contradictions(images: Images, labels: Labels, radius: float, *, shifts: bool = False) -> list[Counterexample]:
    """Return rows within `radius` of a row with another letter, each with one such row.

    At least one row of each pair is returned: after removing the returned rows, no pair is left.

    Args:
        images: uint8 (n, 28, 28).
        labels: int32 (n,), 0 to 9.
        radius: largest distance, in units of 255.
        shifts: whether to compare images also after moves of either by one pixel; a row can then be returned more than
            once.
    """
    flat = _flatten(images)
    found = _counterexamples(*_first_near(flat, labels, flat, labels, radius))
    for corner in _CROPS if shifts else ():
        found += _counterexamples(*_first_near(_move(flat, corner), labels, flat, labels, radius))
    return found


def _counterexamples(hit: Indices, distance: Indices) -> list[Counterexample]:
    rows = np.flatnonzero(hit >= 0)
    return [Counterexample(int(row), int(hit[row]), float(distance[row]) / PIXEL_DEPTH) for row in rows]


def _moves(flat: Pixels, other_flat: Pixels, *, shifts: bool) -> Iterator[tuple[Pixels, Pixels]]:
    """Yield both tables without moves, then with either moved by one pixel."""
    yield flat, other_flat
    for corner in _CROPS if shifts else ():
        yield _move(flat, corner), other_flat
        yield flat, _move(other_flat, corner)


def _flatten(images: Images) -> Pixels:
    return np.ascontiguousarray(images).reshape(len(images), PIXELS)


def _move(flat: Pixels, corner: tuple[int, int]) -> Pixels:
    """Return images (n, 784) moved by one pixel: padded with background and cropped at one of `_CROPS`."""
    down, right = corner
    bordered = np.pad(flat.reshape(-1, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)))
    return _flatten(bordered[:, down : down + SIDE, right : right + SIDE])


def _tile_sums(flat: Pixels) -> Tiles:
    """Return the sums over the 16 tiles of 7x7 pixels in reading order: uint16 (n, 16)."""
    sums = np.empty((len(flat), _ACROSS * _ACROSS), np.uint16)
    for start in range(0, len(flat), _CHUNK):
        part = flat[start : start + _CHUNK].reshape(-1, _ACROSS, _TILE, SIDE)
        lines = part.sum(axis=2, dtype=np.uint16).reshape(-1, _ACROSS, _ACROSS, _TILE)
        sums[start : start + _CHUNK] = lines.sum(axis=3, dtype=np.uint16).reshape(-1, _ACROSS * _ACROSS)
    return sums


def _first_near(
    flat: Pixels, keys: Labels, other_flat: Pixels, other_keys: Labels, radius: float
) -> tuple[Indices, Indices]:
    """Return for each row one row with another key within `radius`, or -1, and their distance times 255.

    The key is a letter, or the row's own number, so that only the row itself has it.
    """
    limit = int(np.floor(radius * PIXEL_DEPTH + 1e-6))
    tiles = _tile_sums(flat)
    other_tiles = tiles if other_flat is flat else _tile_sums(other_flat)
    # By the ink of two halves, near images are in the same or in adjacent buckets; a bucket is sorted by a third half.
    width = max(limit, _NARROWEST)
    columns = PIXELS * PIXEL_DEPTH // width + 3  # an empty one at both ends separates the rows of buckets
    span = PIXELS * PIXEL_DEPTH + 2 * limit + 2  # so that no window extends into the next bucket
    key, other_key = (_bucket_key(sums, width, columns, span, limit) for sums in (tiles, other_tiles))
    order, other_order = np.argsort(key, kind="stable"), np.argsort(other_key, kind="stable")
    other_key = other_key[other_order]
    beside = np.array([span * (columns * upper + left) for upper in (0, -1, 1) for left in (0, -1, 1)])
    arrays: list[Any] = [flat, keys, tiles]
    arrays += [other_flat, other_keys[other_order], other_tiles[other_order], other_order]
    arrays = [array.view() for array in arrays]
    for array in arrays:  # arrays and memory maps then have the same Numba type and share one compilation
        array.flags.writeable = False
    hit, distance = np.full(len(flat), -1, np.int64), np.zeros(len(flat), np.int64)

    def scan(rows: Indices) -> None:
        windows = key[rows, None] + beside
        begins = np.searchsorted(other_key, windows - limit)
        ends = np.searchsorted(other_key, windows + limit, side="right")
        _scan(rows, begins, ends, *arrays, limit, hit, distance)  # type: ignore[call-arg]

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(scan, np.array_split(order, -(-len(order) // _CHUNK) or 1)))
    return hit, distance


def _bucket_key(tiles: Tiles, width: int, columns: int, span: int, limit: int) -> Indices:
    """Return the key of each row: its bucket by the ink of the upper and left half, then the ink of the lower half."""
    by_place = tiles.reshape(-1, _ACROSS, _ACROSS)
    upper, lower, left = (
        part.sum(axis=(1, 2), dtype=np.int64)
        for part in (by_place[:, :_HALF], by_place[:, _HALF:], by_place[:, :, :_HALF])
    )
    key: Indices = ((upper // width + 1) * columns + left // width + 1) * span + lower + limit
    return key


@numba.njit(cache=True, nogil=True)
def _scan(
    rows: Indices,
    begins: Indices,
    ends: Indices,
    images: Pixels,
    labels: Labels,
    tiles: Tiles,
    others: Pixels,
    sorted_labels: Labels,
    sorted_tiles: Tiles,
    other_order: Indices,
    limit: int,
    hit: Indices,
    best: Indices,
) -> None:
    """Compare rows with those of their windows until a near one is found."""
    for place in range(len(rows)):
        row = rows[place]
        for window in range(begins.shape[1]):
            for other_place in range(begins[place, window], ends[place, window]):
                bound = 0
                for tile in range(tiles.shape[1]):  # not `_ACROSS`: Numba's cache keeps old values of globals
                    bound += abs(np.int64(tiles[row, tile]) - np.int64(sorted_tiles[other_place, tile]))
                if bound > limit or labels[row] == sorted_labels[other_place]:
                    continue
                other = other_order[other_place]
                distance = 0
                for pixel in range(images.shape[1]):
                    distance += abs(np.int64(images[row, pixel]) - np.int64(others[other, pixel]))
                if distance <= limit:
                    hit[row], best[row] = other, distance
                    break
            if hit[row] >= 0:
                break
