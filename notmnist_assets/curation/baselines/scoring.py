"""Accuracies of predictions on all, clean and removed rows, with bootstrap intervals over groups of duplicates."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import Images
from notmnist_assets.curation.core.intervals import bootstrap_shares, counts_by_group, percentile_interval
from notmnist_assets.curation.duplicates.hashes import exact_digests
from notmnist_assets.curation.duplicates.overlap import duplicate_groups
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.curation.splitting.splits import EVALUATION

Mask = npt.NDArray[np.bool_]
Groups = npt.NDArray[np.int64]

SCORE_COLUMNS: Final = ("fit", "eval_on", "eval_rows", "rows", "groups", "accuracy", "ci_low", "ci_high")


def image_groups(images: Images) -> Groups:
    """Return the group of each image, int64 (n,): images with equal pixels have the same number."""
    return pd.factorize(exact_digests(images))[0].astype(np.int64)


def row_groups(index: RowIndex) -> dict[str, Groups]:
    """Return for valid and test the group of each row, int64 (n,): connected duplicates have the same number.

    Args:
        index: index of all split rows with near pairs.
    """
    groups = duplicate_groups(index, "near")[index.image]
    return {name: groups[index.in_split(name)] for name in EVALUATION}


def parts_of(clean: Mask) -> dict[str, Mask]:
    """Return the masks of scored rows: `raw` (all), `clean` (sanitizing kept them), `removed` (it removed them).

    Args:
        clean: bool (n,), the rows that sanitizing kept.
    """
    return {"raw": np.ones(len(clean), np.bool_), "clean": clean, "removed": ~clean}


def accuracy_samples(right: Mask, groups: Groups, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Return bootstrap samples of accuracies, float64 (draws, fits), all with the same weights of groups.

    Args:
        right: bool (rows, fits), whether each fit predicts the label of each row.
        groups: int64 (rows,), the duplicate group of each row.
        seed: seed of the weights.
    """
    counts = counts_by_group(groups, np.column_stack([np.ones(len(right), np.bool_), right]))
    return bootstrap_shares(counts[:, 1:], counts[:, 0], seed=seed)


def score(right: Mapping[str, Mask], clean: Mapping[str, Mask], groups: Mapping[str, Groups]) -> pd.DataFrame:
    """Return the accuracy of each fit on all, clean and removed rows of valid and test.

    Args:
        right: for valid and test, whether each fit predicts the label of each row: bool (rows, fits).
        clean: for valid and test, the rows that sanitizing kept: bool (rows,).
        groups: for valid and test, the duplicate group of each row: int64 (rows,).

    Returns:
        One row per fit and scored rows, sorted by fit: `fit`; `eval_on`: valid or test; `eval_rows`: a part of
        `parts_of` with rows; `rows`; `groups`: duplicate groups of these rows; `accuracy`; `ci_low`, `ci_high`: 95 %
        bootstrap interval over groups.
    """
    tables = []
    for name in EVALUATION:
        for part, mask in parts_of(clean[name]).items():
            if not mask.any():
                continue
            accuracy = right[name][mask].mean(axis=0)
            low, high = percentile_interval(accuracy_samples(right[name][mask], groups[name][mask]), accuracy)
            tables.append(
                pd.DataFrame(
                    {
                        "fit": np.arange(right[name].shape[1]),
                        "eval_on": name,
                        "eval_rows": part,
                        "rows": int(mask.sum()),
                        "groups": len(np.unique(groups[name][mask])),
                        "accuracy": accuracy,
                        "ci_low": low,
                        "ci_high": high,
                    }
                )
            )
    if not tables:
        return pd.DataFrame(columns=list(SCORE_COLUMNS))
    return pd.concat(tables, ignore_index=True).sort_values("fit", kind="stable", ignore_index=True)


def spread(right: Mapping[str, Sequence[Mask]], clean: Mapping[str, Mask]) -> pd.DataFrame:
    """Return mean and standard deviation of the accuracies of several fits.

    Args:
        right: for valid and test, for each fit whether it predicts the label of each row: bool (rows,).
        clean: for valid and test, the rows that sanitizing kept: bool (rows,).

    Returns:
        One row per scored rows: `eval_on`, `eval_rows`, `samples` (number of fits), `mean`, `sd` (with n - 1).
    """
    records: list[dict[str, Any]] = []
    for name in EVALUATION:
        for part, mask in parts_of(clean[name]).items():
            if mask.any():
                found = np.array([one[mask].mean() for one in right[name]])
                records.append(
                    {
                        "eval_on": name,
                        "eval_rows": part,
                        "samples": len(found),
                        "mean": float(found.mean()),
                        "sd": float(found.std(ddof=1)),
                    }
                )
    return pd.DataFrame.from_records(records, columns=["eval_on", "eval_rows", "samples", "mean", "sd"])


def most_frequent_image(images: Images, mask: Mask) -> Mask:
    """Return the rows of the most frequent image among the rows in a mask, the first of equally frequent ones.

    Args:
        images: uint8 (n, 28, 28).
        mask: bool (n,), the rows to consider.

    Returns:
        bool (n,), a part of `mask`.
    """
    found = np.zeros(len(mask), np.bool_)
    rows = np.flatnonzero(mask)
    if len(rows):
        groups = image_groups(images[rows])
        found[rows[groups == np.bincount(groups).argmax()]] = True
    return found
