"""Assigns all images to folds, so that no model predicts a row with a font or an image that it was fitted on."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

FOLDS: Final = 5
MOST_ROWS: Final = 50_000
"""Rows of all fits together: more change few predictions."""

Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Folds:
    """The folds of all rows.

    Attributes:
        fold: int64 (n,), the fold of each row. Model k predicts the rows of fold k.
        fitted: bool (n,). Model k is fitted on the rows of all other folds that are marked here.
        count: number of folds.
    """

    fold: Indices
    fitted: Mask
    count: int


def assign_folds(fonts: Indices, groups: Indices, *, most_rows: int = MOST_ROWS) -> Folds:
    """Assign each font to a fold, and choose the rows that models are fitted on.

    A row is fitted on only if its whole duplicate group is in its fold, so that no model predicts a duplicate of a row
    that it was fitted on. Groups that connect fonts and duplicates at once would not do: so many fonts share an image
    that most rows would be in one group.

    Args:
        fonts: int64 (n,), number of the font of each row.
        groups: int64 (n,), number of its duplicate group.
        most_rows: the most rows to fit on; of more, those that come first in a random order.
    """
    from sklearn.model_selection import GroupKFold

    count = min(FOLDS, len(np.unique(fonts)))
    fold, fitted = np.zeros(len(fonts), np.int64), np.zeros(len(fonts), np.bool_)
    if count < 2:
        return Folds(fold, fitted, 0)
    for number, (_, inside) in enumerate(GroupKFold(count).split(fonts, groups=fonts)):
        fold[inside] = number
    first, last = np.full(int(groups.max()) + 1, count), np.full(int(groups.max()) + 1, -1)
    np.minimum.at(first, groups, fold)
    np.maximum.at(last, groups, fold)
    order = np.random.default_rng(0).permutation(len(fonts))
    fitted[order[(first == last)[groups[order]]][:most_rows]] = True
    return Folds(fold, fitted, count)
