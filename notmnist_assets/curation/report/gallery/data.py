"""Defines the input of the gallery as plain values; equal input gives an equal page."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.row_index import Indices, RowIndex
from notmnist_assets.curation.splitting.splits import SPLITS


@dataclass(frozen=True, eq=False)
class GalleryData:
    """All values on the page.

    Attributes:
        title: title of the page.
        splits: train, valid and test before sanitizing.
        index: index of their rows, with the near pairs within `radius`.
        near_pairs: pair table with all pairs within the search radius.
        radius: radius in use, in units of 255.
        search_radius: radius up to which `near_pairs` is complete.
        removed: the rows that sanitizing removed, as `sanitize` returns them.
        files: readable, rejected and other files, as `files_table` returns them.
        issues: the quality of each label, the least likely first: `split` (none: in no split), `row`, `likely` (letter
            A to J), `label_quality` (0 to 1, NaN if unknown), `kind` (none: no issue); None if it was not computed.
        mistakes: wrong predictions of a model, the most confident first: `split`, `row`, `predicted` (letter A to J),
            `probability`; None if they were not computed.
    """

    title: str
    splits: Mapping[str, Split]
    index: RowIndex
    near_pairs: pd.DataFrame
    radius: float
    search_radius: float
    removed: pd.DataFrame
    files: pd.DataFrame
    issues: pd.DataFrame | None = None
    mistakes: pd.DataFrame | None = None

    @cached_property
    def _starts(self) -> Mapping[str, int]:
        ends = np.cumsum([0, *(len(self.splits[name]) for name in SPLITS)])
        return dict(zip(SPLITS, ends.tolist(), strict=False))

    def global_rows(self, splits: "pd.Series[str]", rows: "pd.Series[int]") -> Indices:
        """Return the global row numbers of rows of splits: int64 (n,)."""
        found: Indices = splits.map(self._starts).to_numpy(np.int64) + rows.to_numpy(np.int64)
        return found

    @cached_property
    def searched(self) -> RowIndex:
        """The index with all pairs within the search radius."""
        return self.index.with_pairs(self.near_pairs, self.search_radius)

    @cached_property
    def sources(self) -> pd.DataFrame:
        """`set`, `letter`, `name` and `font` of each global row, as strings."""
        return pd.concat([self.splits[name].sources.astype("str") for name in SPLITS], ignore_index=True)
