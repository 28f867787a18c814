"""Selects rows for tables and pictures: evenly spaced ones, and one of each group with letters mixed."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.intp]


def evenly_spaced(count: int, wanted: int) -> Rows:
    """Return up to `wanted` row numbers spread evenly over `count` rows, ascending, intp (min(count, wanted),)."""
    return np.linspace(0, count - 1, min(count, wanted)).round().astype(np.intp)


def sample_groups(groups: Sequence[Rows], count: int, *, spread: bool = True) -> Rows:
    """Return up to `count` rows, ascending: the same number of each group, or all rows of smaller groups.

    Args:
        groups: the rows of each group.
        count: largest number of rows.
        spread: whether the rows of a group are evenly spaced; otherwise they are its first ones.
    """
    sample = [np.empty(0, np.intp)]
    for number, rows in enumerate(sorted(groups, key=len)):
        share = (count - sum(map(len, sample))) // (len(groups) - number)
        sample.append(rows[evenly_spaced(len(rows), share)] if spread else rows[:share])
    return np.sort(np.concatenate(sample))


def mixed_rows(
    groups: npt.NDArray[np.integer], letters: npt.NDArray[np.integer], count: int, *, spread: bool = False
) -> Rows:
    """Return up to `count` rows, ascending: the first row of a group each, and of each letter as many as possible.

    Args:
        groups: integers (n,), the duplicate group of each row.
        letters: integers (n,), the label of each row.
        count: largest number of rows.
        spread: whether the rows of a letter are evenly spaced; otherwise they are its first ones.
    """
    first = np.sort(np.unique(groups, return_index=True)[1])
    return sample_groups(
        [first[letters[first] == letter] for letter in np.unique(letters[first])], count, spread=spread
    )
