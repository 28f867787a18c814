"""Samples the canonical split: selects and orders the rows of train, valid and test, and copies their images.

Public runs of the assignment have the same split if the files of each letter are in canonical order
(`sorted(names, key=str.lower)`, ties by the exact name).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.file_names import source_table
from notmnist_assets.curation.core.images import LETTERS, copy_rows, new_images
from notmnist_assets.curation.core.row_blocks import ROWS
from notmnist_assets.curation.core.values import LetterImages, Split

SPLITS: Final = ("train", "valid", "test")
EARLIER: Final[Mapping[str, tuple[str, ...]]] = {"valid": ("train",), "test": ("train", "valid")}
"""The earlier splits of each evaluation split: a row of it leaks if its image is in one of them."""
EVALUATION: Final = tuple(EARLIER)
SET_OF_SPLIT: Final = {"train": "large", "valid": "large", "test": "small"}
_LARGEST_DEFAULT: Final = {"train": 200_000, "valid": 10_000, "test": 10_000}


@dataclass(frozen=True)
class SplitSizes:
    """Number of rows of each split, a tenth of them from each letter."""

    train: int
    valid: int
    test: int


@dataclass(frozen=True, eq=False)
class SplitRows:
    """The letter and the position of each row of a split.

    Attributes:
        labels: int32 (n,), 0 to 9 for A to J.
        rows: int64 (n,), position in the canonical order of the letter.
    """

    labels: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int64]


def sizes_from_data(
    large: Sequence[int], small: Sequence[int], *, train: int | None, valid: int | None, test: int | None
) -> SplitSizes:
    """Replace sizes that are None by the largest possible, at most 200,000 train, 10,000 valid and 10,000 test rows.

    Each letter contributes the same number of rows, so the letter with the fewest images limits the size. One in 21 of
    the available rows of the large set goes to valid, as in the assignment.

    Args:
        large: readable images of each letter A to J of the large set.
        small: readable images of each letter A to J of the small set.
        train: rows of train.
        valid: rows of valid.
        test: rows of test.
    """
    letters = len(LETTERS)
    available = min(large)
    if valid is None:
        free = available if train is None else max(0, available - train // letters)
        valid = min(_LARGEST_DEFAULT["valid"], max(1, min(free, available // 21)) * letters)
    if train is None:
        train = min(_LARGEST_DEFAULT["train"], max(1, available - valid // letters) * letters)
    if test is None:
        test = min(_LARGEST_DEFAULT["test"], max(1, min(small)) * letters)
    return SplitSizes(train, valid, test)


def canonical_rows(large: Sequence[int], small: Sequence[int], sizes: SplitSizes, seed: int) -> dict[str, SplitRows]:
    """Sample the rows of train, valid and test.

    The legacy stream `RandomState(seed)` is used in the order of the assignment: for each letter A to J of large, the
    rows are shuffled, the first go to valid, the next to train; for each letter of small, the rows are shuffled and the
    first go to test; then the rows of train, test and valid are permuted.

    Args:
        large: readable images of each letter A to J of the large set.
        small: readable images of each letter A to J of the small set.
        sizes: rows of each split.
        seed: seed of the stream.

    Raises:
        CurationError: a letter has too few images for the sizes.
    """
    letters = len(LETTERS)
    per_letter = {name: getattr(sizes, name) // letters for name in SPLITS}
    _check_enough("large", large, per_letter["valid"] + per_letter["train"], ("train_size", "valid_size"))
    _check_enough("small", small, per_letter["test"], ("test_size",))
    stream = np.random.RandomState(seed)
    parts: dict[str, list[npt.NDArray[np.int64]]] = {name: [] for name in SPLITS}
    for count in large:
        order = _shuffle_rows(stream, count)
        end = per_letter["valid"] + per_letter["train"]
        parts["valid"].append(order[: per_letter["valid"]])
        parts["train"].append(order[per_letter["valid"] : end])
    for count in small:
        parts["test"].append(_shuffle_rows(stream, count)[: per_letter["test"]])
    rows: dict[str, SplitRows] = {}
    for name in ("train", "test", "valid"):
        labels = np.repeat(np.arange(letters, dtype=np.int32), per_letter[name])
        order = stream.permutation(len(labels))
        rows[name] = SplitRows(labels[order], np.concatenate(parts[name])[order])
    return {name: rows[name] for name in SPLITS}


def gather(set_name: str, letters: Mapping[str, LetterImages], rows: SplitRows) -> Split:
    """Copy the images, names and fonts of rows from the letters of a set, in the order of the split.

    Args:
        set_name: set of the letters, large or small.
        letters: the set's letters by name.
        rows: rows to copy.
    """
    images = new_images(len(rows.labels))
    names = np.empty(len(rows.labels), object)
    # In blocks, so that a file of images is written from start to end.
    for start in range(0, len(images), ROWS):
        labels = rows.labels[start : start + ROWS]
        for label, letter in enumerate(LETTERS):
            positions = start + np.flatnonzero(labels == label)
            copy_rows(letters[letter].images, rows.rows[positions], images, positions)
            names[positions] = letters[letter].names[rows.rows[positions]]
    return Split(images, rows.labels, source_table([set_name], np.zeros(len(names), np.int8), rows.labels, names))


def _shuffle_rows(stream: np.random.RandomState, count: int) -> npt.NDArray[np.int64]:
    order = np.arange(count, dtype=np.int64)
    stream.shuffle(order)
    return order


def _check_enough(set_name: str, counts: Sequence[int], needed: int, sizes: Sequence[str]) -> None:
    short = [f"{letter} has {count}" for letter, count in zip(LETTERS, counts, strict=True) if count < needed]
    if not short:
        return
    fewest = min(counts)
    available = ", ".join(short)
    if len(short) == len(LETTERS):
        available = f"no letter has that many: {LETTERS[counts.index(fewest)]} has {fewest}, the fewest"
    if fewest < len(sizes):  # each split has at least one image of each letter
        remedy = f"Use an archive with at least {len(sizes)} readable images of each letter."
    else:
        remedy = f"Lower {' + '.join(sizes)} to at most {fewest * len(LETTERS)} in total, or use larger archives."
    raise CurationError(
        f"the split needs {needed} images per letter, but {available}.",
        subject=f"notMNIST_{set_name}",
        remedy=remedy,
    )
