"""Reconciles the rows of finished splits with the rows or images that they were taken from, row by row."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.file_names import repeated_files, rows_by_file
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import FILE_COLUMNS, LetterImages, Split

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
        "not in the split before sanitizing": np.full(
            len(kept) - len(kept_rows) + len(removed) - len(removed_rows), -1
        ),
    }
    rows = np.concatenate(list(found.values()))
    problems = np.repeat(list(found), [len(rows) for rows in found.values()])
    files = raw.sources[list(FILE_COLUMNS)].reindex(rows).astype("str").reset_index(drop=True)
    return pd.DataFrame({"row": rows, "problem": problems}).join(files)


def rows_unlike_letters(splits: Mapping[str, Split], letters: Mapping[str, Mapping[str, LetterImages]]) -> pd.DataFrame:
    """Return the rows of splits that are not exactly one image of the letters, or whose image is in two rows.

    Args:
        splits: splits that take images directly from the letters.
        letters: the letters A to J of each set.

    Returns:
        One row per problem: `split`, `row`, `problem`, `set`, `letter`, `name`.
    """
    found = []
    repeated = repeated_files([split.sources for split in splits.values()])
    for (name, split), repeats in zip(splits.items(), repeated, strict=True):
        problems = np.where(repeats, "file of another row", "").astype(object)
        for of_set, letters_of_set in letters.items():
            for label, letter in enumerate(LETTERS):
                rows = np.flatnonzero((split.sources["set"] == of_set) & (split.sources["letter"] == letter))
                images = letters_of_set[letter]
                places = pd.Index(images.names).get_indexer(pd.Index(split.sources["name"].iloc[rows]))
                problems[rows[places < 0]] = "no such file"
                rows, places = rows[places >= 0], places[places >= 0]
                same = _same_pixels(split, rows, images, places) & (split.labels[rows] == label)
                problems[rows[~same]] = "different pixels or letter"
        wrong = np.flatnonzero(problems)
        files = split.sources[list(FILE_COLUMNS)].iloc[wrong].astype("str").reset_index(drop=True)
        found.append(pd.DataFrame({"split": name, "row": wrong, "problem": problems[wrong]}).join(files))
    return pd.concat(found, ignore_index=True)


def _same_content(kept: Split, rows: npt.NDArray[np.intp], raw: Split, raw_rows: Indices) -> npt.NDArray[np.bool_]:
    """Return whether `rows` of `kept` have the pixels and letters of `raw_rows` of `raw`: bool (n,)."""
    same: npt.NDArray[np.bool_] = kept.labels[rows] == raw.labels[raw_rows]
    return same & _same_pixels(kept, rows, raw, raw_rows)


def _same_pixels(
    split: Split, rows: npt.NDArray[np.intp], other: Split | LetterImages, other_rows: npt.NDArray[np.intp]
) -> npt.NDArray[np.bool_]:
    """Return whether `rows` of a split have the pixels of `other_rows` of another value: bool (n,)."""
    same = np.ones(len(rows), np.bool_)
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        same[part] = (split.images[rows[part]] == other.images[other_rows[part]]).all(axis=(1, 2))
    return same
