"""Counts rows by label and predicted label; recall and precision by letter; the wrong predictions by probability."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.exhibits import Exhibit, source_lines
from notmnist_assets.curation.core.images import LETTERS, PIXELS, SIDE
from notmnist_assets.curation.core.intervals import wilson_interval
from notmnist_assets.curation.core.sampling import mixed_rows
from notmnist_assets.curation.core.values import Split

Labels = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]

_DIGITS: Final = 4
"""Decimals of a probability that are kept: kernels of BLAS agree to about nine."""
_MIDDLE: Final = 127.5


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


def scores_by_letter(counts: Counts) -> pd.DataFrame:
    """Return recall and precision of each letter.

    Args:
        counts: int64 (10, 10), rows by label, columns by predicted label.

    Returns:
        One row per letter: `letter`; `rows`: rows of the letter; `recall`: share of them that are predicted right, with
        its 95 % Wilson interval `recall_low`, `recall_high`; `predicted`: rows that are predicted as the letter;
        `precision`: share of them that have its label, with `precision_low`, `precision_high`. Shares of no rows are
        NaN.
    """
    right = counts.diagonal()
    table = pd.DataFrame({"letter": list(LETTERS)})
    for total, share, axis in (("rows", "recall", 1), ("predicted", "precision", 0)):
        rows = counts.sum(axis=axis)
        low, high = wilson_interval(right, rows)
        table[total] = rows
        table[share] = np.where(rows > 0, right / np.maximum(rows, 1), np.nan)
        table[f"{share}_low"], table[f"{share}_high"] = low, high
    return table


def confident_mistakes(splits: Mapping[str, Split], estimator: Any) -> pd.DataFrame:
    """List the wrong predictions of a model, the most confident first.

    Args:
        splits: the splits to predict, by name, with no row that the model was fitted on.
        estimator: a fitted classifier with `predict_proba` for pixels, uint8 (n, 784).

    Returns:
        One row per wrong prediction: `split`, `row`; `label`, `predicted`: letters; `probability` of the predicted
        letter, with four decimals. Sorted by probability, then by split and row.
    """
    letters = np.array(list(LETTERS), dtype=object)
    parts = []
    for name, split in splits.items():
        if not len(split):
            continue
        probabilities = estimator.predict_proba(split.images.reshape(len(split), PIXELS))
        best = probabilities.argmax(axis=1)
        predicted = estimator.classes_[best]
        wrong = np.flatnonzero(predicted != split.labels)
        parts.append(
            pd.DataFrame(
                {
                    "split": pd.Series([name] * len(wrong), dtype="str"),
                    "row": wrong.astype(np.int64),
                    "label": pd.Series(letters[split.labels[wrong]], dtype="str"),
                    "predicted": pd.Series(letters[predicted[wrong]], dtype="str"),
                    "probability": np.round(probabilities[wrong, best[wrong]], _DIGITS),
                }
            )
        )
    kinds = {"split": "str", "row": "int64", "label": "str", "predicted": "str", "probability": "float64"}
    empty = pd.DataFrame({column: pd.Series(dtype=kind) for column, kind in kinds.items()})
    table = pd.concat([empty, *parts], ignore_index=True) if parts else empty
    return table.sort_values("probability", ascending=False, kind="stable", ignore_index=True)


def mistake_exhibits(
    splits: Mapping[str, Split], mistakes: pd.DataFrame, groups: Mapping[str, npt.NDArray[np.int64]], count: int
) -> list[Exhibit]:
    """Return up to `count` of the first mistakes as images, each of another duplicate group, with letters mixed.

    Args:
        splits: the splits, by name.
        mistakes: the table that `confident_mistakes` returns.
        groups: int64 (n,), the duplicate group of each row of each split; no two splits share a number by chance.
        count: largest number of mistakes.
    """
    group = [groups[split][row] for split, row in zip(mistakes["split"], mistakes["row"], strict=True)]
    letters = mistakes["label"].map(LETTERS.index).to_numpy(np.int64)
    shown = mistakes.iloc[mixed_rows(np.array(group, np.int64), letters, count)]
    return [
        Exhibit(
            f"{one['label']}, read as {one['predicted']}, {100 * one['probability']:.3g} %",
            splits[one["split"]].images[one["row"]][None],
            source_lines(splits[one["split"]].sources.iloc[one["row"]]),
        )
        for one in shown.to_dict("records")
    ]


def weight_exhibits(estimator: Any) -> list[Exhibit]:
    """Return the weights of each letter of a linear model as an image: gray 0, lighter positive, darker negative.

    The largest absolute weight of all letters is black or white.

    Returns:
        One exhibit per letter; none if the model, or the last step of a pipeline, has no weight of each pixel for each
        of three or more letters.
    """
    weights = getattr(estimator, "coef_", None)
    if weights is None and hasattr(estimator, "steps"):
        weights = getattr(estimator[-1], "coef_", None)
    if weights is None or weights.shape != (len(estimator.classes_), PIXELS):
        return []
    largest = max(float(np.abs(weights).max()), np.finfo(float).tiny)
    images = np.rint(_MIDDLE * (1 + weights / largest)).astype(np.uint8).reshape(-1, 1, SIDE, SIDE)
    return [Exhibit(LETTERS[label], image) for label, image in zip(estimator.classes_, images, strict=True)]
