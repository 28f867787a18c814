"""Indexes the rows of all splits by image, and finds the nearest related row of an image.

Each method has its own relation. `exact`: equal pixels. `cells`: equal 4x4 cell maxima (the assignment's coarse hash).
`near`: equal pixels, or at most the radius apart; neighbours of neighbours are not related.
"""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS, PIXEL_DEPTH, PIXELS
from notmnist_assets.curation.core.mapped_tables import release_memory
from notmnist_assets.curation.core.prefetch import OrderedMap, prefetch_map
from notmnist_assets.curation.duplicates.buckets import HashBuckets, equal_cells, equal_rows
from notmnist_assets.curation.duplicates.near import NearPairs, largest_sum
from notmnist_assets.curation.duplicates.near_relation import NearRelation
from notmnist_assets.curation.splitting.splits import SPLITS

Method = Literal["exact", "cells", "near"]
METHODS: Final[tuple[Method, ...]] = ("exact", "cells", "near")
NO_ROW: Final = -1
NO_IMAGE: Final = -1

_PART: Final = 1 << 20
"""Pairs whose temporary arrays exist at a time."""

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
Edges = tuple[Indices, Indices, npt.NDArray[np.float64]]
Digests = pd.api.extensions.ExtensionArray
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest related row of each image.

    Attributes:
        row: int64 (images,), global row number; -1 if no row is related.
        distance: float64 (images,), L1 distance in units of 255; 0 for equal pixels, NaN if unknown or if no row is
            related.
    """

    row: Indices
    distance: npt.NDArray[np.float64]


class RowIndex:
    """All rows of all splits, numbered globally in the order train, valid, test, and their distinct images.

    Attributes:
        split: int8 (rows,), position in SPLITS.
        row: int64 (rows,), row number within its split.
        label: int32 (rows,), 0 to 9 for A to J.
        image: int64 (rows,), number of the distinct image.
        images: number of distinct images.
        digests: strings (images,), the exact digest of each distinct image.
        cell_of_image: int64 (images,), number of its distinct cell maxima.
    """

    def __init__(
        self,
        hashes: Mapping[str, pd.DataFrame | HashBuckets],
        pairs: pd.DataFrame | None = None,
        radius: float = 0.0,
        *,
        run: OrderedMap = prefetch_map,
    ) -> None:
        """Index the hash tables of all splits.

        Args:
            hashes: hash table by split, whole or in buckets.
            pairs: pair table with at least all pairs within `radius`, each once; None if `near` is not needed.
            radius: pairs farther apart are ignored.
            run: joins the buckets of the tables; threads of this process by default.
        """
        tables = [table if isinstance(table := hashes[name], HashBuckets) else HashBuckets.of(table) for name in SPLITS]
        self.split = np.repeat(np.arange(len(SPLITS), dtype=np.int8), [table.rows for table in tables])
        self.row = np.concatenate([np.arange(table.rows) for table in tables])
        self.image, self.label, self.digests = equal_rows(tables, run)
        self.images = len(self.digests)
        cells = equal_cells(tables, run)
        self.cell_of_image = np.empty(self.images, np.int64)
        self.cell_of_image[self.image] = cells
        self._cells = int(cells.max(initial=-1)) + 1
        self._near = None if pairs is None else NearRelation.of_pairs(self.pairs_of_table(pairs, radius), self.images)

    def with_pairs(self, pairs: pd.DataFrame, radius: float) -> "RowIndex":
        """Return an index of the same rows with near pairs; see `__init__` for the arguments."""
        index = copy(self)
        index._near = NearRelation.of_pairs(self.pairs_of_table(pairs, radius), self.images)
        return index

    def with_image_pairs(self, pairs: NearPairs) -> "RowIndex":
        """Return an index of the same rows whose near relation is these pairs of image numbers."""
        index = copy(self)
        index._near = NearRelation.of_pairs(pairs, self.images)
        return index

    def pairs_of_table(self, pairs: pd.DataFrame, radius: float = PIXELS) -> NearPairs:
        """Return the pairs of a pair table within the radius whose images are in the index, as image numbers."""
        distance = pairs["distance"].to_numpy()
        sums = np.empty(len(distance), np.int32)
        for start in range(0, len(distance), _PART):
            sums[start : start + _PART] = (distance[start : start + _PART] * PIXEL_DEPTH).round()
        a, b = self._numbers(pairs["exact_a"]), self._numbers(pairs["exact_b"])
        found = (sums <= largest_sum(radius)) & (a != NO_IMAGE) & (b != NO_IMAGE)
        return NearPairs(a, b, sums) if found.all() else NearPairs(a[found], b[found], sums[found])

    def with_labels(self, labels: npt.NDArray[np.int32]) -> "RowIndex":
        """Return an index of the same rows with other labels, int32 (rows,)."""
        index = copy(self)
        index.label = labels
        vars(index).pop("rows_by_letter", None)
        return index

    @property
    def edges(self) -> Edges:
        """Pairs of distinct images within the radius in both directions: source, target, distance.

        Sorted by source, then distance, then target.

        Raises:
            ValueError: the index has no near pairs.
        """
        return (
            self.near.source.astype(np.int64),
            self.near.target.astype(np.int64),
            self.near.distance / PIXEL_DEPTH,
        )

    @property
    def near(self) -> NearRelation:
        """The near relation of distinct images.

        Raises:
            ValueError: the index has no near pairs.
        """
        if self._near is None:
            raise ValueError("this index has no near pairs: add them with `with_pairs`")
        return self._near

    def image_numbers(self, digests: pd.Series) -> Indices:
        """Return the number of the distinct image of each exact digest, -1 for digests without rows: int64 (n,)."""
        return self._numbers(digests).astype(np.int64)

    def _numbers(self, digests: pd.Series) -> Int32:
        import pyarrow as pa
        import pyarrow.compute as pc

        found = pc.index_in(pa.array(digests, pa.large_string()), pa.array(self.digests, pa.large_string()))
        numbers: Int32 = found.fill_null(NO_IMAGE).to_numpy()
        release_memory()
        return numbers

    @cached_property
    def first_rows(self) -> Indices:
        """Global row number of the first row of each distinct image: int64 (images,)."""
        return first_per_key(self.image, np.arange(len(self.image)), self.images)

    @cached_property
    def rows_by_letter(self) -> Int32:
        """Number of rows of each letter with each distinct image: int32 (images, 10)."""
        return np.stack(list(self.letters_around("exact")), axis=1)

    def in_split(self, name: str) -> Mask:
        """Return the mask of the rows of one split."""
        mask: Mask = self.split == SPLITS.index(name)
        return mask

    def nearest(self, rows: Mask, method: Method) -> Nearest:
        """Return, for each distinct image, the nearest related row among `rows`; the first of equally near rows."""
        candidates = np.flatnonzero(rows)
        first = first_per_key(self.image[candidates], candidates, self.images)
        distance = np.where(first == NO_ROW, np.nan, 0.0)
        if method == "cells":
            return Nearest(np.where(first == NO_ROW, self.first_in_cell(rows), first), distance)
        if method == "near":
            source, target, sums = self.near.select(
                lambda one, other: (first[one] == NO_ROW) & (first[other] != NO_ROW)
            )
            row, start = first[target], np.flatnonzero(np.diff(source, prepend=-1))
            if len(start):
                row[sums > np.repeat(sums[start], np.diff(start, append=len(source)))] = np.iinfo(np.int64).max
                first[source[start]] = np.minimum.reduceat(row, start)
                distance[source[start]] = sums[start] / PIXEL_DEPTH
        return Nearest(first, distance)

    def unrelated(self, rows: Mask, method: Method) -> Mask:
        """Return the mask of a part of `rows` in which no two rows are related, and to which all others are related.

        Rows are taken in order, and each is left out that is related to one taken before it.
        """
        candidates = np.flatnonzero(rows)
        first = first_per_key(self.image[candidates], candidates, self.images)
        if method == "cells":
            first = np.unique(self.first_in_cell(rows))
        taken: Mask = np.zeros(len(rows), np.bool_)
        taken[first[first != NO_ROW]] = True
        if method == "near":
            rows_of = first.astype(np.int32)
            one, other, _ = self.near.select(lambda a, b: (rows_of[a] != NO_ROW) & (rows_of[a] < rows_of[b]))
            taken &= ~later_of_pairs(rows_of[one], rows_of[other], len(rows))
        return taken

    def first_in_cell(self, rows: Mask) -> Indices:
        """Return, for each distinct image, the first of `rows` with equal cell maxima, -1 for none: int64 (images,)."""
        candidates = np.flatnonzero(rows)
        return first_per_key(self.cell_of_image[self.image[candidates]], candidates, self._cells)[self.cell_of_image]

    def letters_around(self, method: Method, rows: Mask | None = None) -> Iterator[Int32]:
        """Yield for each letter the number of rows with an image or a related image: int32 (images,).

        Args:
            method: relation of images.
            rows: mask of the rows to count; None for all.
        """
        for label in range(len(LETTERS)):
            counted = (self.label == label) if rows is None else rows & (self.label == label)
            if method == "cells":
                by_cell = np.bincount(self.cell_of_image[self.image[counted]], minlength=self._cells)
                yield by_cell[self.cell_of_image].astype(np.int32)
                continue
            own = np.bincount(self.image[counted], minlength=self.images).astype(np.int32)
            yield own + self.near.matrix @ own if method == "near" else own


def first_per_key(keys: Indices, rows: Indices, size: int) -> Indices:
    """Return the first row of each key.

    Args:
        keys: int64 (n,), 0 to `size` - 1.
        rows: int64 (n,), ascending.
        size: number of keys.

    Returns:
        int64 (size,), -1 for keys without rows.
    """
    first = np.full(size, NO_ROW, np.int64)
    first[keys[::-1]] = rows[::-1]
    return first


def later_of_pairs(earlier: Indices | Int32, later: Indices | Int32, size: int) -> Mask:
    """Take numbers in order, leave out each that is paired with one taken before it, and return those left out.

    Many numbers are decided at once: one that is the later of no pair is taken, and its partners are left out. Pairs
    with a number that is left out decide nothing more.

    Args:
        earlier: int64 or int32 (p,), the smaller number of each pair.
        later: int64 or int32 (p,), the larger number of each pair, less than `size`.
        size: number of numbers.
    """
    left_out: Mask = np.zeros(size, np.bool_)
    while len(earlier):
        waiting = np.zeros(size, np.bool_)
        waiting[later] = True
        left_out[later[~waiting[earlier]]] = True
        undecided = ~(left_out[earlier] | left_out[later])
        earlier, later = earlier[undecided], later[undecided]
    return left_out
