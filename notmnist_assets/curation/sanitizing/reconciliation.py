"""Whether what is left of a split and what was removed from it make up the split.

Belongs here: the count, row by row. Whether what is left is clean is in `verification`.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.file_names import rows_by_file
from notmnist_assets.curation.core.values import FILE_COLUMNS, Split

_CHUNK: Final = 4096

Indices = npt.NDArray[np.int64]


def unreconciled_rows(left: Split, raw: Split, removed: Indices) -> pd.DataFrame:
    """Return the rows of a split that are not exactly once among what is left or removed, and those of neither split.

    Rows are known by their file.

    Args:
        left: what is left of the split.
        raw: the split as it was; no two of its rows are of one file.
        removed: int64 (n,), rows of `raw` that are said to have left.

    Returns:
        One row per problem, none when all is accounted for: `row` of `raw`, -1 where it has no such file or row;
        `problem`, in words; `set`, `letter`, `name`.
    """
    row_of = rows_by_file(left.sources, raw.sources)
    known = np.flatnonzero(row_of >= 0)
    here, gone = row_of[known], removed[(removed >= 0) & (removed < len(raw))]
    times_here, times_gone = (np.bincount(rows, minlength=len(raw)) for rows in (here, gone))
    altered = np.zeros(len(raw), np.bool_)
    altered[here[~_same_content(left, known, raw, here)]] = True
    found = {
        "lost": np.flatnonzero(times_here + times_gone == 0),
        "here twice": np.flatnonzero(times_here > 1),
        "here, though removed": np.flatnonzero((times_here > 0) & (times_gone > 0)),
        "removed twice": np.flatnonzero(times_gone > 1),
        "other pixels or letter": np.flatnonzero(altered),
        "not of the merged split": np.full(len(left) - len(here) + len(removed) - len(gone), -1),
    }
    rows = np.concatenate(list(found.values()))
    problems = np.repeat(list(found), [len(rows) for rows in found.values()])
    files = raw.sources[list(FILE_COLUMNS)].reindex(rows).astype("str").reset_index(drop=True)
    return pd.DataFrame({"row": rows, "problem": problems}).join(files)


def _same_content(left: Split, rows: npt.NDArray[np.intp], raw: Split, raw_rows: Indices) -> npt.NDArray[np.bool_]:
    """Return whether `rows` of the one have the pixels and letters of `raw_rows` of the other, bool (n,)."""
    same: npt.NDArray[np.bool_] = left.labels[rows] == raw.labels[raw_rows]
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        same[part] &= (left.images[rows[part]] == raw.images[raw_rows[part]]).all(axis=(1, 2))
    return same
