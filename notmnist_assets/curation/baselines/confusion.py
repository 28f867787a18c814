"""Which letters a model takes for which others: counts by given and predicted letter, and each letter's recall."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.intervals import wilson_interval

Labels = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]


def confusion_counts(labels: Labels, predicted: Labels) -> Counts:
    """Return how many rows of each given letter were read as each letter, int64 (10, 10), given letters first.

    Args:
        labels: int32 (n,), the given letters, 0 to 9.
        predicted: int32 (n,), the letters that were read.
    """
    # Not at the top: only a fit needs scikit-learn, which takes a second to import.
    from sklearn.metrics import confusion_matrix

    if not len(labels):
        return np.zeros((len(LETTERS), len(LETTERS)), np.int64)
    return np.asarray(confusion_matrix(labels, predicted, labels=range(len(LETTERS))), np.int64)


def confusion_table(counts: Counts) -> pd.DataFrame:
    """Return counts as a table: `letter`, the given one, and how many of its rows were read as `A` to `J`."""
    table = pd.DataFrame(counts, columns=list(LETTERS))
    table.insert(0, "letter", list(LETTERS))
    return table


def recall_by_letter(counts: Counts) -> pd.DataFrame:
    """Return which share of the rows of each letter was read right.

    Args:
        counts: int64 (10, 10), given letters first.

    Returns:
        One row per letter: `letter`; `rows`: how many carry it; `recall`: share of them that was read right, NaN
        without rows; `ci_low`, `ci_high`: its Wilson interval at 95 %.
    """
    rows, right = counts.sum(axis=1), counts.diagonal()
    low, high = wilson_interval(right, rows)
    recall = np.where(rows > 0, right / np.maximum(rows, 1), np.nan)
    return pd.DataFrame({"letter": list(LETTERS), "rows": rows, "recall": recall, "ci_low": low, "ci_high": high})
