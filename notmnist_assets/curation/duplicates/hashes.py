"""Computes digests of single images: of all pixels (exact) and of the maxima of 4x4 cells (the assignment's hash)."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import PIXEL_DEPTH, PIXELS, SIDE, Images
from notmnist_assets.curation.core.mapped_tables import map_table
from notmnist_assets.curation.core.prefetch import WorkMap, one_by_one
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.curation.core.row_blocks import RowBlock, read_rows, row_blocks
from notmnist_assets.curation.core.values import Split

CELL = 4
CELLS = SIDE // CELL
_DIGEST_HEX = 32
_CHUNK = 4096

HashColumns = tuple[npt.NDArray[np.object_], npt.NDArray[np.object_], npt.NDArray[np.float64]]
_NO_ROWS: Final[HashColumns] = np.empty(0, object), np.empty(0, object), np.empty(0)


def exact_digests(images: Images) -> npt.NDArray[np.object_]:
    """Return `hashlib.sha256(image.tobytes()).hexdigest()[:32]` of each image: object array (n,) of str."""
    return _digests(np.ascontiguousarray(images).reshape(len(images), PIXELS), "hash")


def cell_maxima(images: Images) -> npt.NDArray[np.uint8]:
    """Return the maximum of each 4x4 cell, the image that the assignment hashes: uint8 (n, 7, 7)."""
    maxima = np.empty((len(images), CELLS, CELLS), np.uint8)
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK]
        rows = chunk[:, 0::CELL]
        for offset in range(1, CELL):
            rows = np.maximum(rows, chunk[:, offset::CELL])
        columns = rows[:, :, 0::CELL]
        for offset in range(1, CELL):
            columns = np.maximum(columns, rows[:, :, offset::CELL])
        maxima[start : start + _CHUNK] = columns
    return maxima


def cell_digests(images: Images) -> npt.NDArray[np.object_]:
    """Return the digest of each image's 49 cell maxima, computed as in `exact_digests`: object array (n,) of str."""
    return _digests(cell_maxima(images).reshape(len(images), CELLS * CELLS), "hash cells")


def ink(images: Images) -> npt.NDArray[np.float64]:
    """Return the sum of each image's pixels in units of 255: float64 (n,), 0 to 784.

    The L1 distance of two images is at least the difference of their ink.
    """
    sums: npt.NDArray[np.int64] = images.reshape(len(images), PIXELS).sum(axis=1, dtype=np.int64)
    return sums / PIXEL_DEPTH


def hash_table(split: Split, work_map: WorkMap | None = None) -> pd.DataFrame:
    """Return the hash table of a split: `row`, `label`, `exact`, `cells`, `ink`, in row order.

    Args:
        split: the rows.
        work_map: hashes blocks of rows; this process hashes all by default.
    """
    run = one_by_one if work_map is None else work_map.run
    with closing(run(_hash_columns, row_blocks(split.images))) as hashed:
        return map_table(_hash_tables(split, chain([_NO_ROWS], hashed)))


def _hash_tables(split: Split, hashed: Iterable[HashColumns]) -> Iterator[pd.DataFrame]:
    """Yield the hash table of each block."""
    first = 0
    with progress_bar("hash", len(split), "images") as advance:
        for exact, cells, sums in hashed:
            last = first + len(sums)
            yield pd.DataFrame(
                {
                    "row": np.arange(first, last, dtype=np.int32),
                    "label": split.labels[first:last],
                    "exact": pd.Series(exact, dtype="str"),
                    "cells": pd.Series(cells, dtype="str"),
                    "ink": sums,
                }
            )
            advance(last - first)
            first = last


def _hash_columns(block: RowBlock | Images) -> HashColumns:
    images = read_rows(block)
    return exact_digests(images), cell_digests(images), ink(images)


def _digests(rows: npt.NDArray[np.uint8], title: str) -> npt.NDArray[np.object_]:
    sha256 = hashlib.sha256
    digests = np.empty(len(rows), object)
    with progress_bar(title, len(rows), "images") as advance:
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            digests[start : start + len(chunk)] = [sha256(row).hexdigest()[:_DIGEST_HEX] for row in chunk]
            advance(len(chunk))
    return digests
