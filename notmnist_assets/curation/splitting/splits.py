"""The canonical split: which rows of which letter make train, valid and test, and in which order.

Belongs here: index work and the one copy of pixels into the output. Public runs of the assignment agree on this
split when files of a letter are in canonical order (`sorted(names, key=str.lower)`, ties by the exact name).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.file_names import source_table
from notmnist_assets.curation.core.images import LETTERS, SIDE, copy_rows
from notmnist_assets.curation.core.values import LetterImages, Split

SPLITS: Final = ("train", "valid", "test")
EARLIER: Final[Mapping[str, tuple[str, ...]]] = {"valid": ("train",), "test": ("train", "valid")}
"""The splits that come before each split that is scored: what it shares with one of them leaks."""
EVALUATION: Final = tuple(EARLIER)
SET_OF_SPLIT: Final = {"train": "large", "valid": "large", "test": "small"}
_LARGEST_DEFAULT: Final = {"train": 200_000, "valid": 10_000, "test": 10_000}


@dataclass(frozen=True)
class SplitSizes:
    """Rows of each split; a tenth of each comes from every letter."""

    train: int
    valid: int
    test: int


@dataclass(frozen=True, eq=False)
class SplitRows:
    """Where the rows of one split come from.

    Attributes:
        labels: int32 (n,), the letter of each row, 0 to 9.
        rows: int64 (n,), the row's place in that letter's canonical order.
    """

    labels: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int64]


def sizes_from_data(
    large: Sequence[int], small: Sequence[int], *, train: int | None, valid: int | None, test: int | None
) -> SplitSizes:
    """Fill in sizes that are None: as large as the scarcest letter allows, at most 200,000 / 10,000 / 10,000.

    One row in 21 of what the large set allows goes to valid, as in the assignment.
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
    """Return the rows of train, valid and test.

    The legacy stream `RandomState(seed)` is used in the assignment's order: for A to J of large, shuffle the
    letter's rows, the first go to valid, the next to train; the same for small, which gives test; then one
    permutation each for train, test, valid.

    Args:
        large: readable images of each letter A to J of the large set.
        small: the same of the small set.
        sizes: rows of each split.
        seed: of the stream.

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
        order = _shuffled(stream, count)
        end = per_letter["valid"] + per_letter["train"]
        parts["valid"].append(order[: per_letter["valid"]])
        parts["train"].append(order[per_letter["valid"] : end])
    for count in small:
        parts["test"].append(_shuffled(stream, count)[: per_letter["test"]])
    drawn: dict[str, SplitRows] = {}
    for name in ("train", "test", "valid"):
        labels = np.repeat(np.arange(letters, dtype=np.int32), per_letter[name])
        order = stream.permutation(len(labels))
        drawn[name] = SplitRows(labels[order], np.concatenate(parts[name])[order])
    return {name: drawn[name] for name in SPLITS}


def gather(set_name: str, letters: Mapping[str, LetterImages], rows: SplitRows) -> Split:
    """Copy the rows' images, names and fonts out of the letters of one set, in split order."""
    images = np.empty((len(rows.labels), SIDE, SIDE), np.uint8)
    names = np.empty(len(rows.labels), object)
    for label, letter in enumerate(LETTERS):
        places = np.flatnonzero(rows.labels == label)
        copy_rows(letters[letter].images, rows.rows[places], images, places)
        names[places] = letters[letter].names[rows.rows[places]]
    return Split(images, rows.labels, source_table([set_name], np.zeros(len(names), np.int8), rows.labels, names))


def _shuffled(stream: np.random.RandomState, count: int) -> npt.NDArray[np.int64]:
    order = np.arange(count, dtype=np.int64)
    stream.shuffle(order)
    return order


def _check_enough(set_name: str, counts: Sequence[int], needed: int, sizes: Sequence[str]) -> None:
    short = [f"{letter} has {count}" for letter, count in zip(LETTERS, counts, strict=True) if count < needed]
    if not short:
        return
    fewest = min(counts)
    told = ", ".join(short)
    if len(short) == len(LETTERS):
        told = f"no letter has as many: {LETTERS[counts.index(fewest)]} has {fewest}, the fewest"
    if fewest < len(sizes):  # each split has at least one image of each letter
        remedy = f"Use an archive with at least {len(sizes)} readable images of each letter."
    else:
        remedy = f"Lower {' + '.join(sizes)} to at most {fewest * len(LETTERS)} in all, or use larger archives."
    raise CurationError(
        f"the split needs {needed} images per letter, but {told}.",
        subject=f"notMNIST_{set_name}",
        remedy=remedy,
    )
