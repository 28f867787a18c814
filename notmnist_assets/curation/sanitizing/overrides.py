"""Reads decisions of a person about single rows, and finds these rows: keep, drop, or relabel."""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.file_names import file_paths
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.core.wording import counted, printable
from notmnist_assets.curation.splitting.splits import SPLITS

Action = Literal["keep", "drop", "relabel"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
COLUMNS: Final = ("key", "action", "label")
MOST_BYTES: Final = 64 << 20
_REMEDY: Final = "Correct the file, or download it again from the gallery."


@dataclass(frozen=True)
class Override:
    """The decision about one row.

    Attributes:
        key: `set/letter/name` of its file.
        action: `keep`, `drop` or `relabel`.
        label: the label that it gets, 0 to 9 for A to J; -1 unless the action is `relabel`.
        line: line of the list, from 1.
    """

    key: str
    action: Action
    label: int
    line: int


@dataclass(frozen=True)
class OverrideList:
    """The decisions of a file. Two lists are equal if their decisions are.

    Attributes:
        path: the file.
        entries: the decisions in the order of the file.
        digest: first 64 bits of the SHA-256 of the decisions, hexadecimal; their order does not matter.
    """

    path: str = field(compare=False)
    entries: tuple[Override, ...] = field(compare=False)
    digest: str

    def __str__(self) -> str:
        return f"{counted(len(self.entries), 'row')}, content {self.digest}"


@dataclass(frozen=True, eq=False)
class RowOverrides:
    """Decisions by row, in the global order train, valid, test.

    Attributes:
        keep: bool (n,), rows that are kept unless they leak into another split.
        drop: bool (n,), rows that are removed first.
        labels: int32 (n,), the labels of all rows, 0 to 9 for A to J.
    """

    keep: npt.NDArray[np.bool_]
    drop: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int32]

    @classmethod
    def none(cls, labels: npt.NDArray[np.int32]) -> "RowOverrides":
        """Return no decisions about rows with these labels."""
        return cls(np.zeros(len(labels), np.bool_), np.zeros(len(labels), np.bool_), labels)

    def relabel(self, splits: Mapping[str, Split]) -> dict[str, Split]:
        """Return train, valid and test with these labels; `sources` keeps the letter of the archive."""
        ends = np.cumsum([len(splits[name]) for name in SPLITS])
        parts = zip(SPLITS, np.split(self.labels, ends[:-1]), strict=True)
        return {name: Split(splits[name].images, labels, splits[name].sources) for name, labels in parts}


def read_overrides(path: str) -> OverrideList:
    """Read a list of decisions: a CSV file in UTF-8 with the columns `key`, `action` and, for `relabel`, `label`.

    Raises:
        CurationError: the file cannot be read or has a line that is no decision; the message names file and line.
    """
    entries: dict[str, Override] = {}
    for line, cells in _lines(path):
        if not cells:
            continue
        override = _override(path, line, cells)
        if override.key in entries:
            first = entries[override.key].line
            raise _error(path, line, f"the row {printable(override.key)} is already in line {first}.")
        entries[override.key] = override
    texts = sorted(f"{one.key}\0{one.action}\0{one.label}\n" for one in entries.values())
    digest = hashlib.sha256("".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return OverrideList(path, tuple(entries.values()), digest)


def _lines(path: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the first line and the cells of each record after the head."""
    file = Path(path)
    try:
        if not file.is_file():
            state = "it is not a regular file." if file.exists() else "the file does not exist."
            raise CurationError(state, subject=path, remedy=_REMEDY)
        content = file.read_bytes() if file.stat().st_size <= MOST_BYTES else None
    except OSError as error:
        raise CurationError(f"it cannot be read: {error.strerror}.", subject=path, remedy=_REMEDY) from error
    if content is None:
        raise CurationError(f"it is larger than {MOST_BYTES >> 20} MiB.", subject=path, remedy=_REMEDY)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _error(path, content.count(b"\n", 0, error.start) + 1, "it is not text in UTF-8.") from None
    if "\0" in text:
        raise _error(path, text.count("\n", 0, text.index("\0")) + 1, "it is not text: it has a NUL byte.")
    if not text:
        raise _error(path, 1, f"it is not the head {','.join(COLUMNS)}: the file is empty.")
    # Only these ends of lines count: names may have other ones.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for number, cells in enumerate(reader):
            stripped = [cell.strip() if place else cell for place, cell in enumerate(cells)]
            if number:
                yield line, stripped
            elif tuple(stripped) not in (COLUMNS, COLUMNS[:2]):
                raise _error(path, line, f"it is not the head {','.join(COLUMNS)}.")
            line = reader.line_num + 1
    except csv.Error as error:
        raise _error(path, line, f"it is not CSV: {error}.") from None


def _override(path: str, line: int, cells: Sequence[str]) -> Override:
    key, action, label = (*cells, "", "", "")[:3]
    if len(cells) > len(COLUMNS):
        raise _error(path, line, f"it has {len(cells)} cells, not {len(COLUMNS)}.")
    known = next((one for one in ACTIONS if one == action), None)
    if known is None:
        raise _error(path, line, f"the action '{printable(action)}' is not one of {', '.join(ACTIONS)}.")
    if known == "relabel" and label not in list(LETTERS):
        raise _error(path, line, f"the label '{printable(label)}' is not one of the letters A to J.")
    if known != "relabel" and label:
        raise _error(path, line, f"the action {known} takes no label, but the line has '{printable(label)}'.")
    return Override(key, known, list(LETTERS).index(label) if known == "relabel" else -1, line)


def _error(path: str, line: int, problem: str) -> CurationError:
    return CurationError(problem, subject=f"{path}, line {line}", remedy=_REMEDY)


def find_overridden_rows(overrides: OverrideList | None, splits: Mapping[str, Split]) -> RowOverrides:
    """Return the decisions by row.

    Args:
        overrides: the decisions; None for none.
        splits: train, valid and test before sanitizing.

    Raises:
        CurationError: a key is the file of no row; the message names the file of the list and the line.
    """
    labels = np.concatenate([splits[name].labels for name in SPLITS])
    if overrides is None:
        return RowOverrides.none(labels)
    paths = pd.concat([file_paths(splits[name].sources) for name in SPLITS], ignore_index=True)
    row_of = pd.Series(np.arange(len(paths)), index=paths)
    entries = overrides.entries
    rows = row_of.reindex([one.key for one in entries], fill_value=-1).to_numpy(np.int64)
    if len(unknown := np.flatnonzero(rows < 0)):
        first = entries[unknown[0]]
        others = f", and {counted(len(unknown) - 1, 'more line')} like it" if len(unknown) > 1 else ""
        raise CurationError(
            f"no row of train, valid or test is made from {printable(first.key)}{others}.",
            subject=f"{overrides.path}, line {first.line}",
            remedy="Correct the key, which is set/letter/name as in the archive, or delete the line.",
        )
    masks = {action: np.zeros(len(paths), np.bool_) for action in ACTIONS}
    for one, row in zip(entries, rows, strict=True):
        masks[one.action][row] = True
        if one.action == "relabel":
            labels[row] = one.label
    return RowOverrides(masks["keep"], masks["drop"], labels)


def kept_rows(overrides: OverrideList | None, split: Split) -> npt.NDArray[np.bool_]:
    """Return which rows of a split have the decision `keep`: bool (n,)."""
    keys = [one.key for one in overrides.entries if one.action == "keep"] if overrides else []
    kept: npt.NDArray[np.bool_] = file_paths(split.sources).isin(keys).to_numpy(np.bool_)
    return kept
