"""Which rows of the splits show the same image, under each of the three methods.

Belongs here: one index over all split rows that answers "what is the nearest of these rows" by the method's own
relation. `exact`: equal pixels. `cells`: equal 4x4 cell maxima (the assignment's near hash). `near`: equal
pixels, or a direct neighbour within the radius; neighbours of neighbours do not count. Reporting is in
`overlap`, removing in `sanitizing`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.images import LETTERS, PIXEL_DEPTH
from notmnist_assets.curation.near import largest_sum
from notmnist_assets.curation.splits import SPLITS

Method = Literal["exact", "cells", "near"]
METHODS: Final[tuple[Method, ...]] = ("exact", "cells", "near")
NO_ROW: Final = -1

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Nearest:
    """For each image, the nearest of the asked rows.

    Attributes:
        row: int64 (images,), global row number, or -1 where no asked row is related.
        distance: float64 (images,), L1 in units of 255; 0 for equal pixels, NaN where unknown or none.
    """

    row: Indices
    distance: npt.NDArray[np.float64]


class RowIndex:
    """All rows of all splits, numbered train, valid, test; and the distinct images they hold.

    Attributes:
        split: int8 (rows,), position in SPLITS.
        row: int64 (rows,), row number within its split.
        label: int32 (rows,).
        image: int64 (rows,), number of the distinct image.
        images: how many distinct images there are.
        digests: object array (images,), the exact digest of each distinct image.
        cell_of_image: int64 (images,), number of its distinct cell maxima.
    """

    def __init__(
        self, hashes: Mapping[str, pd.DataFrame], pairs: pd.DataFrame | None = None, radius: float = 0.0
    ) -> None:
        """Index the hash tables of all splits.

        Args:
            hashes: hash table by split.
            pairs: near pairs, at least all those within `radius`; None where `near` will not be asked for.
            radius: pairs farther apart are not related.
        """
        tables = [hashes[name] for name in SPLITS]
        self.split = np.repeat(np.arange(len(SPLITS), dtype=np.int8), [len(table) for table in tables])
        self.row = np.concatenate([table["row"].to_numpy(np.int64) for table in tables])
        self.label = np.concatenate([table["label"].to_numpy(np.int32) for table in tables])
        exact = pd.concat([table["exact"] for table in tables], ignore_index=True)
        codes, digests = pd.factorize(exact)
        self.image: Indices = codes.astype(np.int64)
        self.digests = np.asarray(digests, dtype=object)
        self.images = len(self.digests)
        cells, _ = pd.factorize(pd.concat([table["cells"] for table in tables], ignore_index=True))
        self.cell_of_image = np.empty(self.images, np.int64)
        self.cell_of_image[self.image] = cells
        self._cells = int(cells.max(initial=-1)) + 1
        self._from, self._to, self._distance = self._edges(pairs, radius)

    def _edges(self, pairs: pd.DataFrame | None, radius: float) -> tuple[Indices, Indices, npt.NDArray[np.float64]]:
        """Return both directions of every pair within the radius whose two images are in the splits."""
        if pairs is None:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        within = pairs[(pairs["distance"] * PIXEL_DEPTH).round() <= largest_sum(radius)]
        places = pd.Index(self.digests)
        a = places.get_indexer(pd.Index(within["exact_a"].to_numpy(object)))
        b = places.get_indexer(pd.Index(within["exact_b"].to_numpy(object)))
        known = (a != NO_ROW) & (b != NO_ROW)
        distance = within["distance"].to_numpy(np.float64)[known]
        a, b = a[known].astype(np.int64), b[known].astype(np.int64)
        return np.concatenate([a, b]), np.concatenate([b, a]), np.concatenate([distance, distance])

    @property
    def edges(self) -> tuple[Indices, Indices, npt.NDArray[np.float64]]:
        """Pairs of distinct images within the radius, both directions: from, to, distance."""
        return self._from, self._to, self._distance

    @property
    def first_rows(self) -> Indices:
        """Global row number of each distinct image's first row."""
        return _first_per_key(self.image, np.arange(len(self.image)), self.images)

    def rows_by_letter(self) -> npt.NDArray[np.int64]:
        """Return how many rows of each letter each distinct image has: int64 (images, 10)."""
        key = self.image * len(LETTERS) + self.label
        return np.bincount(key, minlength=self.images * len(LETTERS)).reshape(self.images, len(LETTERS))

    def in_split(self, name: str) -> Mask:
        """Return the mask of the rows of one split."""
        mask: Mask = self.split == SPLITS.index(name)
        return mask

    def nearest(self, rows: Mask, method: Method) -> Nearest:
        """Return, for each distinct image, the nearest row among `rows`; of equally near ones the first."""
        asked = np.flatnonzero(rows)
        first = _first_per_key(self.image[asked], asked, self.images)
        distance = np.where(first == NO_ROW, np.nan, 0.0)
        if method == "cells":
            return Nearest(np.where(first == NO_ROW, self.first_in_cell(rows), first), distance)
        if method == "near":
            useful = first[self._to] != NO_ROW
            source, row, far = self._from[useful], first[self._to[useful]], self._distance[useful]
            order = np.lexsort((row, far, source))
            source, row, far = source[order], row[order], far[order]
            start = np.flatnonzero(np.diff(source, prepend=-1))
            source, row, far = source[start], row[start], far[start]
            open_ = first[source] == NO_ROW
            first[source[open_]], distance[source[open_]] = row[open_], far[open_]
        return Nearest(first, distance)

    def first_in_cell(self, rows: Mask) -> Indices:
        """Return, for each distinct image, the first of `rows` with equal cell maxima, -1 for none."""
        asked = np.flatnonzero(rows)
        return _first_per_key(self.cell_of_image[self.image[asked]], asked, self._cells)[self.cell_of_image]

    def letters_around(self, method: Method) -> npt.NDArray[np.int64]:
        """Return how many rows of each letter an image and its related images have: int64 (images, 10)."""
        own = self.rows_by_letter()
        if method == "cells":
            by_cell = np.zeros((self._cells, len(LETTERS)), np.int64)
            np.add.at(by_cell, self.cell_of_image, own)
            return by_cell[self.cell_of_image]
        around = own.copy()
        if method == "near":
            np.add.at(around, self._from, own[self._to])
        return around


def _first_per_key(keys: Indices, rows: Indices, size: int) -> Indices:
    """Return the smallest row of each key, -1 for keys without rows. `rows` must ascend."""
    first = np.full(size, NO_ROW, np.int64)
    first[keys[::-1]] = rows[::-1]
    return first
