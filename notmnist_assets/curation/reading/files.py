"""Tables of the files of the archives: readable and rejected files of each letter, and files outside the letters."""

from collections.abc import Mapping
from typing import Final

import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.statistics import border_brightness
from notmnist_assets.curation.core.values import LetterImages
from notmnist_assets.curation.duplicates.hashes import exact_digests

IMAGE: Final = "image"
"""The outcome of a readable file."""
OUTSIDE: Final = "outside A-J"
"""The outcome of a file that lies in no letter folder."""
IGNORED: Final = "added by macOS"
"""The outcome of a file that macOS added to the archive."""
ALL_LETTERS: Final = "all"
NO_LETTER: Final = "none"
_TYPES: Final = {
    "set": "str",
    "letter": "str",
    "outcome": "str",
    "files": "int64",
    "distinct": "int64",
    "border": "float64",
    "name": "str",
    "bytes": "int64",
}


def files_table(letters: Mapping[str, Mapping[str, LetterImages]]) -> pd.DataFrame:
    """Return how many files of each letter are readable, every rejected file, and the files outside the letters.

    Args:
        letters: by set, then by letter.

    Returns:
        `set`; `letter`; `outcome`, `IMAGE`, `OUTSIDE`, `IGNORED` or the reason of the rejection; `files`; `distinct`,
        distinct images among readable files; `border`, their `border_brightness`; `name` and `bytes` of a rejected
        file. For each set: one row per letter with its readable files, each followed by its rejected files;
        one row for the images of `ALL_LETTERS`; then, with the letter `NO_LETTER`, one row for each example of the
        files outside the letters, with its path as `name`, and one row for those that are no example.
    """
    rows: list[tuple[str, str, str, int, int, float, str, int]] = []
    for set_name, by_letter in letters.items():
        seen: set[str] = set()
        brightness = 0.0
        for letter, value in by_letter.items():
            digests = set(exact_digests(value.images))
            seen |= digests
            border = border_brightness(value.images)
            brightness += border * len(value)
            rows.append((set_name, letter, IMAGE, len(value), len(digests), border, "", 0))
            rejected = value.rejected[["reason", "name", "bytes"]].itertuples(index=False)
            rows += [(set_name, letter, reason, 1, 0, 0.0, name, size) for reason, name, size in rejected]
        images = sum(map(len, by_letter.values()))
        rows.append((set_name, ALL_LETTERS, IMAGE, images, len(seen), brightness / max(images, 1), "", 0))
        of_archive = next(iter(by_letter.values()))
        for outcome, others in ((OUTSIDE, of_archive.outside), (IGNORED, of_archive.ignored)):
            rows += [(set_name, NO_LETTER, outcome, 1, 0, 0.0, path, 0) for path in others.examples]
            if hidden := others.count - len(others.examples):
                rows.append((set_name, NO_LETTER, outcome, hidden, 0, 0.0, "", 0))
    return pd.DataFrame(rows, columns=list(_TYPES)).astype(_TYPES)


def file_counts(files: pd.DataFrame) -> pd.DataFrame:
    """Return `set`, `letter`, `images`, `rejected` for each letter of each set, from the result of `files_table`."""
    part = files[files["letter"].isin(list(LETTERS))]
    readable = part["outcome"] == IMAGE
    counts = part.assign(images=part["files"].where(readable, 0), rejected=part["files"].where(~readable, 0))
    return counts.groupby(["set", "letter"], sort=False, as_index=False)[["images", "rejected"]].sum()


def readable_files(files: pd.DataFrame, set_name: str) -> list[int]:
    """Return the number of readable files of letters A to J of a set, from the result of `files_table`."""
    counts = file_counts(files).set_index(["set", "letter"])["images"]
    return [int(counts[set_name, letter]) for letter in LETTERS]


def rejected_files(files: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of rejected files, from the result of `files_table`."""
    return files[files["letter"].isin(list(LETTERS)) & (files["outcome"] != IMAGE)]


def other_files(files: pd.DataFrame, outcome: str) -> dict[str, int]:
    """Return by set the number of files with the outcome `OUTSIDE` or `IGNORED`, from the result of `files_table`."""
    counts = files["files"].where(files["outcome"] == outcome, 0).groupby(files["set"], sort=False).sum()
    return {str(set_name): int(count) for set_name, count in counts.items()}


def border_by_set(files: pd.DataFrame) -> dict[str, float]:
    """Return by set the border brightness of all its images, from the result of `files_table`."""
    of_all = files[files["letter"] == ALL_LETTERS]
    return {str(name): float(border) for name, border in zip(of_all["set"], of_all["border"], strict=True)}


def distinct_images(files: pd.DataFrame, set_name: str) -> int:
    """Return the number of distinct images of a set, from the result of `files_table`."""
    return int(files.loc[(files["set"] == set_name) & (files["letter"] == ALL_LETTERS), "distinct"].iloc[0])
