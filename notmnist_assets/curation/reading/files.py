"""Tables of the files of the archives: how many of each letter are readable, and which were rejected."""

from collections.abc import Mapping
from typing import Final

import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import LetterImages
from notmnist_assets.curation.duplicates.hashes import exact_digests

IMAGE: Final = "image"
"""The outcome of a readable file."""
ALL_LETTERS: Final = "all"
_TYPES: Final = {
    "set": "str",
    "letter": "str",
    "outcome": "str",
    "files": "int64",
    "distinct": "int64",
    "name": "str",
    "bytes": "int64",
}


def files_table(letters: Mapping[str, Mapping[str, LetterImages]]) -> pd.DataFrame:
    """Return the readable files of each letter and every rejected file.

    Args:
        letters: by set, then by letter.

    Returns:
        `set`; `letter`; `outcome`, `IMAGE` or the reason of the rejection; `files`; `distinct`, distinct images
        among readable files; `name` and `bytes` of a rejected file. For each set: one row per letter with its
        readable files, the rejected files after it, and at last one row for the images of `ALL_LETTERS`.
    """
    rows: list[tuple[str, str, str, int, int, str, int]] = []
    for set_name, by_letter in letters.items():
        seen: set[str] = set()
        for letter, value in by_letter.items():
            digests = set(exact_digests(value.images))
            seen |= digests
            rows.append((set_name, letter, IMAGE, len(value), len(digests), "", 0))
            rejected = value.rejected[["reason", "name", "bytes"]].itertuples(index=False)
            rows += [(set_name, letter, reason, 1, 0, name, size) for reason, name, size in rejected]
        rows.append((set_name, ALL_LETTERS, IMAGE, sum(map(len, by_letter.values())), len(seen), "", 0))
    return pd.DataFrame(rows, columns=list(_TYPES)).astype(_TYPES)


def file_counts(files: pd.DataFrame) -> pd.DataFrame:
    """Return `set`, `letter`, `images`, `rejected` for each letter of each set, from the result of `files_table`."""
    part = files[files["letter"] != ALL_LETTERS]
    readable = part["outcome"] == IMAGE
    counts = part.assign(images=part["files"].where(readable, 0), rejected=part["files"].where(~readable, 0))
    return counts.groupby(["set", "letter"], sort=False, as_index=False)[["images", "rejected"]].sum()


def readable_files(files: pd.DataFrame, set_name: str) -> list[int]:
    """Return the number of readable files of letters A to J of a set, from the result of `files_table`."""
    counts = file_counts(files).set_index(["set", "letter"])["images"]
    return [int(counts[set_name, letter]) for letter in LETTERS]


def rejected_files(files: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of rejected files, from the result of `files_table`."""
    return files[files["outcome"] != IMAGE]


def distinct_images(files: pd.DataFrame, set_name: str) -> int:
    """Return the number of distinct images of a set, from the result of `files_table`."""
    return int(files.loc[(files["set"] == set_name) & (files["letter"] == ALL_LETTERS), "distinct"].iloc[0])
