"""Decides which rows to remove so that no row leaks, repeats another row, or has an image with conflicting letters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.duplicates.row_index import NO_ROW, Indices, Mask, Method, RowIndex
from notmnist_assets.curation.sanitizing.overrides import RowOverrides
from notmnist_assets.curation.splitting.splits import EARLIER, SPLITS

RemoveFrom = Literal["evaluation", "training"]
Conflicts = Literal["drop", "majority", "keep"]
Repeats = Literal["drop", "exact", "keep"]

_LEAK_SOURCES: Final[Mapping[RemoveFrom, Mapping[str, tuple[str, ...]]]] = {
    "evaluation": EARLIER,
    "training": {"train": ("valid", "test"), "valid": ("test",)},
}
OVERRIDE: Final = "override"
_LEAKS: Final = {f"also in {name}": f"the image is also in {name}" for name in SPLITS}
REASONS: Final[Mapping[str, str]] = {
    OVERRIDE: "a list of overrides drops the row",
    **_LEAKS,
    "conflicting letters": "rows with the image have different letters",
    "repeat": "another row of the same split, which is kept, has equal pixels",
    "near repeat": "another row of the same split, which is kept, has the same image with other pixels",
}
"""Reasons to remove a row, in the order in which they apply, with their meaning."""


@dataclass(frozen=True)
class Policy:
    """Rules that define which rows are removed.

    Attributes:
        method: relation that defines the same image, see `duplicates.row_index`.
        remove_from: `evaluation` removes valid rows that are in train and test rows that are in train or valid, as
            the assignment does; `training` removes train rows that are in valid or test and valid rows that are in
            test, so that no test row leaks and none is removed for leaking.
        conflicts: rule for an image that has, together with its related images, rows of different letters: `drop` all
            rows of the image, keep the rows whose letter is that of more than half of these rows (`majority`), or
            `keep` all. Two related images can have different majorities; then the rows of both are removed.
        repeats: rule for rows of the same image within a split. `drop`: rows are taken in order, and each that shows
            the same image as one taken before it is removed. `exact`: only rows with equal pixels count as the same
            image. `keep` all. Rows that are near the same row, but not near each other, stay both.
    """

    method: Method = "near"
    remove_from: RemoveFrom = "evaluation"
    conflicts: Conflicts = "drop"
    repeats: Repeats = "drop"


@dataclass(frozen=True, eq=False)
class Sanitizing:
    """Kept and removed rows.

    Attributes:
        kept: by split, row numbers of the rows to keep, int64, ascending.
        removed: one row per removed row: `split`, `row`, `reason`, and the row it collides with: `collides_split`,
            `collides_row`, `distance` (L1 in units of 255; NaN if only the cell maxima are equal). Rows that overrides
            drop collide with themselves.
        leaks_to_keep: number of rows that overrides keep and that are removed, because they leak.
    """

    kept: Mapping[str, npt.NDArray[np.int64]]
    removed: pd.DataFrame
    leaks_to_keep: int = 0


class _Decision:
    """The reason of each removed row; a rule applies only to rows that no earlier rule removed.

    Rows that overrides drop are absent for all rules. Rows that they keep are removed only if they leak.
    """

    def __init__(self, overrides: RowOverrides) -> None:
        rows = len(overrides.drop)
        self.present = ~overrides.drop
        self.keep = overrides.keep
        self.reason = np.full(rows, -1, np.int8)
        self.collides: Indices = np.full(rows, NO_ROW, np.int64)
        self.distance = np.full(rows, np.nan)
        self.remove(overrides.drop, OVERRIDE, np.arange(rows), 0.0)

    @property
    def left(self) -> Mask:
        left: Mask = self.reason == -1
        return left

    def remove(self, rows: Mask, reason: str, collides: Indices, distance: npt.NDArray[np.float64] | float) -> None:
        new = rows & self.left
        if reason not in _LEAKS:
            new &= ~self.keep
        self.reason[new] = list(REASONS).index(reason)
        self.collides[new] = collides[new]
        self.distance[new] = np.broadcast_to(distance, len(rows))[new]


def sanitize(index: RowIndex, policy: Policy, overrides: RowOverrides | None = None) -> Sanitizing:
    """Decide which rows to keep.

    Leaks are looked up in the other splits before sanitizing, so that they do not depend on the order of removal. The
    first reason that applies is recorded: a row that leaks and conflicts is counted as a leak.

    Args:
        index: index of all split rows, with near pairs if the method of the policy is near.
        policy: rules to apply.
        overrides: decisions of a person about single rows, which come before the rules: a dropped row is as if it did
            not exist, a relabelled one has its new label, and a row to keep is removed only if it leaks. A row that it
            repeats or that repeats it is removed instead, unless this row is to be kept too.

    Raises:
        ValueError: the method is near and the index has no near pairs.
    """
    overrides = overrides or RowOverrides.none(index.label)
    index = index.with_labels(overrides.labels)
    decision = _Decision(overrides)
    for name, others in _LEAK_SOURCES[policy.remove_from].items():
        rows = index.in_split(name)
        for other in others if rows.any() else ():
            nearest = index.nearest(index.in_split(other) & decision.present, policy.method)
            row = nearest.row[index.image]
            leaks = rows & (row != NO_ROW)
            decision.remove(leaks, f"also in {other}", row, nearest.distance[index.image])
    if policy.conflicts != "keep":
        _remove_conflicts(index, policy, decision)
    if policy.repeats != "keep":
        for name in SPLITS:
            _remove_repeats(index, policy.method if policy.repeats == "drop" else "exact", name, decision)
    return Sanitizing(
        {name: index.row[index.in_split(name) & decision.left] for name in SPLITS},
        _removal_table(index, decision),
        int((decision.keep & ~decision.left).sum()),
    )


def _remove_conflicts(index: RowIndex, policy: Policy, decision: _Decision) -> None:
    """Remove the rows of images that have several letters, with the nearest row of another letter.

    With the policy majority, rows of the letter that wins stay, unless two related images have different winners.
    """
    rows = _has_conflict(index, policy.method, decision.present)[index.image]
    if policy.conflicts == "majority":
        winners = _has_majority(index, policy.method, decision.present)
        kept = (decision.present & winners) | (decision.left & decision.keep)
        rows &= ~winners | _has_conflict(index, policy.method, kept)[index.image]
    collides = np.full(len(rows), NO_ROW, np.int64)
    distance = np.full(len(rows), np.nan)
    for label in range(len(LETTERS)):
        nearest = index.nearest(decision.present & (index.label == label), policy.method)
        row, far = nearest.row[index.image], nearest.distance[index.image]
        # NaN, the unknown distance of images with equal cell maxima, counts as larger than all others.
        closer = (row != NO_ROW) & ((collides == NO_ROW) | (far < distance) | (np.isnan(distance) & ~np.isnan(far)))
        closer &= index.label != label
        collides[closer], distance[closer] = row[closer], far[closer]
    decision.remove(rows, "conflicting letters", collides, distance)


def _remove_repeats(index: RowIndex, method: Method, split: str, decision: _Decision) -> None:
    rows = index.in_split(split) & decision.left
    by_person = rows & decision.keep
    related = index.nearest(by_person, method).row[index.image] != NO_ROW
    kept = by_person | index.unrelated(rows & ~related, method)
    nearest = index.nearest(kept, method)
    row, distance = nearest.row[index.image], nearest.distance[index.image]
    equal = distance == 0.0
    decision.remove(rows & ~kept & equal, "repeat", row, distance)
    decision.remove(rows & ~kept & ~equal, "near repeat", row, distance)


def _has_conflict(index: RowIndex, method: Method, rows: Mask) -> Mask:
    """Return which images have, together with related ones, rows of several letters."""
    letters = np.zeros(index.images, np.int8)
    for counts in index.letters_around(method, rows):
        letters += counts > 0
    conflict: Mask = letters > 1
    return conflict


def _has_majority(index: RowIndex, method: Method, rows: Mask) -> Mask:
    """Return the rows whose letter is that of more than half of the rows of their image and related ones."""
    same, total = np.empty(len(rows), np.int32), np.zeros(index.images, np.int64)
    for label, counts in enumerate(index.letters_around(method, rows)):
        here = index.label == label
        same[here] = counts[index.image[here]]
        total += counts
    majority: Mask = 2 * same > total[index.image]
    return majority


def _removal_table(index: RowIndex, decision: _Decision) -> pd.DataFrame:
    rows = np.flatnonzero(~decision.left)
    collides = decision.collides[rows]
    names = np.array(SPLITS, dtype=object)
    table = pd.DataFrame(
        {
            "split": names[index.split[rows]],
            "row": index.row[rows],
            "reason": np.array(list(REASONS), dtype=object)[decision.reason[rows]],
            "collides_split": names[index.split[collides]],
            "collides_row": index.row[collides],
            "distance": decision.distance[rows],
        }
    )
    return table.astype(dict.fromkeys(("split", "reason", "collides_split"), "str"))
