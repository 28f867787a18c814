"""Reconciles kept and removed rows with the rows of the split before sanitizing, row by row."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.file_names import rows_by_file
from notmnist_assets.curation.core.values import FILE_COLUMNS, Split

_CHUNK: Final = 4096

Indices = npt.NDArray[np.int64]


def unreconciled_rows(kept: Split, raw: Split, removed: Indices) -> pd.DataFrame:
    """Return the rows of a split that were not kept or removed exactly once, and rows that the split does not have.

    Rows are identified by their file.

    Args:
        kept: the split after sanitizing.
        raw: the split before sanitizing; each row has its own file.
        removed: int64 (n,), removed rows of `raw`.

    Returns:
        One row per problem: `row` of `raw`, -1 if it has no such file or row; `problem`; `set`, `letter`, `name`.
    """
    row_of = rows_by_file(kept.sources, raw.sources)
    known = np.flatnonzero(row_of >= 0)
    kept_rows, removed_rows = row_of[known], removed[(removed >= 0) & (removed < len(raw))]
    times_kept, times_removed = (np.bincount(rows, minlength=len(raw)) for rows in (kept_rows, removed_rows))
    altered = np.zeros(len(raw), np.bool_)
    altered[kept_rows[~_same_content(kept, known, raw, kept_rows)]] = True
    found = {
        "lost": np.flatnonzero(times_kept + times_removed == 0),
        "kept twice": np.flatnonzero(times_kept > 1),
        "kept and removed": np.flatnonzero((times_kept > 0) & (times_removed > 0)),
        "removed twice": np.flatnonzero(times_removed > 1),
        "different pixels or letter": np.flatnonzero(altered),
        "not in the merged split": np.full(len(kept) - len(kept_rows) + len(removed) - len(removed_rows), -1),
    }
    rows = np.concatenate(list(found.values()))
    problems = np.repeat(list(found), [len(rows) for rows in found.values()])
    files = raw.sources[list(FILE_COLUMNS)].reindex(rows).astype("str").reset_index(drop=True)
    return pd.DataFrame({"row": rows, "problem": problems}).join(files)


def _same_content(kept: Split, rows: npt.NDArray[np.intp], raw: Split, raw_rows: Indices) -> npt.NDArray[np.bool_]:
    """Return whether `rows` of `kept` have the pixels and letters of `raw_rows` of `raw`: bool (n,)."""
    same: npt.NDArray[np.bool_] = kept.labels[rows] == raw.labels[raw_rows]
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        same[part] &= (kept.images[rows[part]] == raw.images[raw_rows[part]]).all(axis=(1, 2))
    return same
