"""Counts what removing rows takes from each letter, and names the letter that loses most with the main reason."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.statistics import label_counts
from notmnist_assets.curation.core.values import Split


def rows_lost(labels: npt.NDArray[np.int32], removed: npt.NDArray[np.int32], reasons: "pd.Series[str]") -> pd.DataFrame:
    """Count the removed rows of each letter.

    Args:
        labels: int32 (n,), labels of all rows before, 0 to 9.
        removed: int32 (m,), labels of the removed rows.
        reasons: the reason of each of these, in the same order.

    Returns:
        One row per letter A to J: `letter`, `before`, `removed`, `share` (removed over before, 0 without rows),
        `main_reason` (the most frequent one, of equally frequent ones the first in alphabetical order; empty if no row
        was removed), `by_main_reason` (rows removed for it).
    """
    codes, names = pd.factorize(reasons, sort=True)
    by_reason = np.zeros((len(LETTERS), max(len(names), 1)), np.int64)
    np.add.at(by_reason, (removed, codes), 1)
    main, before, lost = by_reason.argmax(axis=1), label_counts(labels), label_counts(removed)
    return pd.DataFrame(
        {
            "letter": list(LETTERS),
            "before": before,
            "removed": lost,
            "share": lost / np.maximum(before, 1),
            "main_reason": [names[place] if rows else "" for place, rows in zip(main, lost, strict=True)],
            "by_main_reason": by_reason.max(axis=1),
        }
    )


def rows_lost_to_sanitizing(split: Split, removed: pd.DataFrame, name: str) -> pd.DataFrame:
    """Count the rows of each letter that sanitizing removed from a split.

    Args:
        split: the split before sanitizing.
        removed: the table of removed rows of all splits.
        name: name of the split in that table.
    """
    rows = removed[removed["split"] == name]
    return rows_lost(split.labels, split.labels[rows["row"].to_numpy(np.int64)], rows["reason"])


def most_thinned(lost: pd.DataFrame) -> str:
    """Return the letter that lost the largest share of its rows and the main reason: `I (16.7 %, mainly "repeat")`.

    Args:
        lost: table that `rows_lost` returns.
    """
    largest = lost.iloc[int(lost["share"].to_numpy().argmax())]
    if not largest["removed"]:
        return "none"
    return f'{largest["letter"]} ({100 * largest["share"]:.3g} %, mainly "{largest["main_reason"]}")'
