"""Verifies a stored table of label issues: each image is in it once, and no model judged a twin of its own rows."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import xxhash

from notmnist_assets.curation.core.file_names import rows_by_file
from notmnist_assets.curation.core.images import LETTERS, SETS, Images
from notmnist_assets.curation.core.values import FILE_COLUMNS, LetterImages, Split
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.curation.labels.issues import NO_SPLIT
from notmnist_assets.curation.splitting.splits import SPLITS

_CHUNK: Final = 4096

Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def unlisted_files(
    issues: pd.DataFrame, letters: Mapping[str, Mapping[str, LetterImages]], splits: Mapping[str, Split]
) -> pd.DataFrame:
    """Return the images that a table of issues does not list exactly once, with the place that they have in splits.

    Args:
        issues: the table of issues.
        letters: all letters by set, then by name.
        splits: train, valid and test.

    Returns:
        One row per problem: `problem` ("missing", "repeated", "no such image" or "wrong split or row"); `set`,
        `letter`, `name`.
    """
    parts = [(set_name, letter, letters[set_name][letter].names) for set_name in SETS for letter in LETTERS]
    files = pd.concat(
        [pd.DataFrame({"set": set_name, "letter": letter, "name": names}) for set_name, letter, names in parts],
        ignore_index=True,
    )
    listed = rows_by_file(issues, files)
    times = np.bincount(listed[listed >= 0], minlength=len(files))
    split, row = np.full(len(files), NO_SPLIT, object), np.full(len(files), -1, np.int64)
    for name, one in splits.items():
        found_rows = rows_by_file(one.sources, files)
        known = np.flatnonzero(found_rows >= 0)
        split[found_rows[known]], row[found_rows[known]] = name, known
    misplaced = (split[listed] != issues["split"].to_numpy(object)) | (row[listed] != issues["row"].to_numpy())
    found = {
        "missing": files[times == 0],
        "repeated": files[times > 1],
        "no such image": issues[listed < 0],
        "wrong split or row": issues[(listed >= 0) & misplaced],
    }
    problems = [table[list(FILE_COLUMNS)].astype("str").assign(problem=problem) for problem, table in found.items()]
    return pd.DataFrame(pd.concat(problems, ignore_index=True), columns=["problem", *FILE_COLUMNS])


def pixel_digests(letters: Mapping[str, Mapping[str, LetterImages]]) -> pd.Series:
    """Return the xxh3-128 digest of the pixels of each image by its path `set/letter/name`.

    Duplicate groups are found by other digests, so that an error of theirs would be seen.
    """
    parts = [
        pd.Series(_digests(letters[set_name][letter].images), f"{set_name}/{letter}/" + letters[set_name][letter].names)
        for set_name in SETS
        for letter in LETTERS
    ]
    return pd.concat(parts)


def _digests(images: Images) -> list[bytes]:
    rows: list[bytes] = []
    for start in range(0, len(images), _CHUNK):
        rows += [xxhash.xxh3_128_digest(row) for row in np.ascontiguousarray(images[start : start + _CHUNK])]
    return rows


def keys_across_folds(keys: Indices, fold: Indices, fitted: Mask) -> Indices:
    """Return the keys with a fitted row in one fold and a row in another, whose model was fitted on and judged the key.

    Args:
        keys: int64 (n,), such as the numbers of fonts, 0 to the number of keys - 1; rows with -1 are ignored.
        fold: int64 (n,), fold of each row.
        fitted: bool (n,), whether models were fitted on the row.
    """
    known = keys >= 0
    judged, trained = (_folds_of(keys[rows], fold[rows]) for rows in (known, known & fitted))
    trained = np.pad(trained, ((0, len(judged) - len(trained)), (0, judged.shape[1] - trained.shape[1])))
    return np.flatnonzero(trained.any(axis=1) & ((judged | trained).sum(axis=1) > 1))


def near_rows_across_folds(index: RowIndex, issues: pd.DataFrame) -> int:
    """Count the pairs of near images of splits of which one was fitted on and the other is in another fold.

    Args:
        index: the rows of all splits, with near pairs.
        issues: the table of issues.
    """
    offsets = np.searchsorted(index.split, np.arange(len(SPLITS)))
    rows = issues[issues["split"].isin(SPLITS)]
    place = offsets[rows["split"].map(SPLITS.index).to_numpy(np.int64)] + rows["row"].to_numpy(np.int64)
    fold, fitted = np.zeros(len(index.split), np.int64), np.zeros(len(index.split), np.bool_)
    fold[place], fitted[place] = rows["fold"].to_numpy(), rows["fitted"].to_numpy()
    judged = _folds_of(index.image, fold)
    trained = np.zeros_like(judged)
    trained[index.image[fitted], fold[fitted]] = True
    source, target, _ = index.edges
    across = trained[source].any(axis=1) & ((judged[target] | trained[source]).sum(axis=1) > 1)
    return int(across.sum())


def _folds_of(keys: Indices, fold: Indices) -> Mask:
    """Return which folds the rows of each key are in, bool (keys, folds)."""
    found = np.zeros((int(keys.max(initial=-1)) + 1, int(fold.max(initial=-1)) + 1), np.bool_)
    found[keys, fold] = True
    return found
