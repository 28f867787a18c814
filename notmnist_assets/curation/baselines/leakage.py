"""Measures why test rows with a duplicate in train score higher: the model remembers them, or they are easier."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.baselines.fitting import Fit, blas_threads, fit_and_predict
from notmnist_assets.curation.baselines.models import DEFAULT_MODEL, MODELS
from notmnist_assets.curation.baselines.nearest import NEAREST_NEIGHBOUR, nearest_labels
from notmnist_assets.curation.baselines.scoring import Groups, Mask
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.intervals import bootstrap_shares, percentile_interval
from notmnist_assets.curation.core.prefetch import WorkMap, one_by_one
from notmnist_assets.curation.core.row_blocks import share_images
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.row_index import NO_ROW, RowIndex

LEAKAGE_COLUMNS: Final = (
    "model",
    "scored",
    "fitted",
    "rows",
    "groups",
    "value",
    "ci_low",
    "ci_high",
    "improved",
    "worsened",
    "p_value",
)
TWINS: Final = "rows with a twin"
OTHERS: Final = "other rows"
DIFFERENCE: Final = "difference"
WITH: Final = "with twins"
WITHOUT: Final = "without twins"
CHANGE: Final = "change"
_MOST_OTHERS: Final = 2000
"""Rows without a twin whose nearest neighbour is searched: enough for an interval of two percentage points."""
_QUERIES: Final = 1024
"""Rows whose nearest neighbour is searched at a time."""
_SEEDS: Final = {TWINS: 1, OTHERS: 2}
_NO_TEST: Final = {"improved": 0, "worsened": 0, "p_value": np.nan}


@dataclass(frozen=True, eq=False)
class Twins:
    """Rows of test and train with the same image or a near one.

    Attributes:
        test: bool (n,), test rows whose image, or a near one, is in train.
        train: bool (m,), train rows whose image, or a near one, is in test.
        groups: int64 (n,), the duplicate group of each test row.
    """

    test: Mask
    train: Mask
    groups: Groups


def find_twins(index: RowIndex, groups: Groups) -> Twins:
    """Return the rows of test and train that are near duplicates of each other.

    Args:
        index: index of all split rows with near pairs.
        groups: int64 (n,), the duplicate group of each test row.
    """

    def found_in(name: str, other: str) -> Mask:
        mask: Mask = index.nearest(index.in_split(other), "near").row[index.image[index.in_split(name)]] != NO_ROW
        return mask

    return Twins(found_in("test", "train"), found_in("train", "test"), groups)


def leakage_table(
    train: Split, test: Split, twins: Twins, *, model: str = DEFAULT_MODEL, work_map: WorkMap | None = None
) -> pd.DataFrame:
    """Score the same test rows by fits with and without the train rows that have a twin in test.

    What the rows with a twin lose without the twins is memory; what they are still ahead of the other rows is
    selection: their images are easier. A nearest-neighbour classifier, which must remember, shows whether the method
    can see memory. Of each duplicate group the first row is scored, so that scored rows are independent and an image
    with a hundred rows counts once. The nearest neighbour is scored on at most 2,000 evenly spaced other rows.

    Args:
        train: the training split before sanitizing.
        test: the test split before sanitizing.
        twins: rows with a twin.
        model: name of a model of `models.MODELS`.
        work_map: fits the model and searches nearest neighbours; this process by default.

    Returns:
        For each of the two classifiers, one row per scored rows (`TWINS`, `OTHERS`, their `DIFFERENCE`) and fit
        (`WITH`, `WITHOUT` twins, the `CHANGE` from without to with): `model`, `scored`, `fitted`; `rows`: rows of the
        split; `groups`: their duplicate groups, of which one row each is scored; `value`: accuracy, or difference of
        accuracies; `ci_low`, `ci_high`: 95 % bootstrap interval over groups; for the change of the same rows,
        `improved` and `worsened`: groups that are right only with twins and only without, and `p_value`: exact McNemar
        test of these groups; otherwise 0, 0 and NaN.
        Empty if no test row has a twin, or all have one.

    Raises:
        CurationError: every training row has a twin, or the model refuses the rows.
    """
    if not twins.test.any() or twins.test.all():
        return _table([])
    if twins.train.all():
        raise CurationError(
            "every row has a near duplicate in test, so that no row is left to fit without them.",
            subject="raw train",
            remedy="Set a smaller NOTMNIST_NEAR_RADIUS, or use archives with more distinct images.",
        )
    kept = np.flatnonzero(~twins.train)
    run = one_by_one if work_map is None else work_map.run
    fitted, scored, threads = share_images(train.images, work_map), share_images(test.images, work_map), blas_threads()
    fits = [
        Fit(MODELS[model], images, labels, [scored], threads)
        for images, labels in (
            (fitted, train.labels),
            (share_images(train.images[kept], work_map), train.labels[kept]),
        )
    ]
    with closing(run(fit_and_predict, fits)) as results:
        right = np.column_stack([one.predicted[0] == test.labels for one in results])
    first = {name: _first_of_group(twins.groups, mask) for name, mask in ((TWINS, twins.test), (OTHERS, ~twins.test))}
    sizes = {TWINS: int(twins.test.sum()), OTHERS: int((~twins.test).sum())}
    records = _records(model, {name: right[rows] for name, rows in first.items()}, sizes)
    first[OTHERS] = first[OTHERS][evenly_spaced(len(first[OTHERS]), _MOST_OTHERS)]
    rows = np.concatenate(list(first.values()))
    queries = [test.images[rows[start : start + _QUERIES]] for start in range(0, len(rows), _QUERIES)]
    search = partial(nearest_labels, train=fitted, labels=train.labels, left_out=twins.train)
    with closing(run(search, queries)) as found:
        nearest = np.concatenate([np.column_stack(labels) for labels in found]) == test.labels[rows, None]
    remembered = dict(zip(first, np.split(nearest, [len(first[TWINS])]), strict=True))
    return _table([*records, *_records(NEAREST_NEIGHBOUR, remembered, sizes)])


def _first_of_group(groups: Groups, mask: Mask) -> npt.NDArray[np.intp]:
    """Return the first row of each group among the rows in a mask, ascending."""
    rows = np.flatnonzero(mask)
    return np.sort(rows[np.unique(groups[rows], return_index=True)[1]])


def _table(records: list[dict[str, Any]]) -> pd.DataFrame:
    kinds = {
        **dict.fromkeys(("model", "scored", "fitted"), "str"),
        **dict.fromkeys(("rows", "groups", "improved", "worsened"), "int64"),
        **dict.fromkeys(("value", "ci_low", "ci_high", "p_value"), "float64"),
    }
    return pd.DataFrame.from_records(records, columns=list(LEAKAGE_COLUMNS)).astype(kinds)


def _records(model: str, right: Mapping[str, Mask], sizes: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the rows of one classifier.

    Args:
        model: name of the classifier.
        right: for `TWINS` and `OTHERS`, the right predictions with and without twins: bool (groups, 2).
        sizes: for both, the rows of these groups.
    """
    values: dict[str, npt.NDArray[np.float64]] = {}
    samples: dict[str, npt.NDArray[np.float64]] = {}
    for name, both in right.items():
        gained, lost = both[:, 0] & ~both[:, 1], both[:, 1] & ~both[:, 0]
        drawn = bootstrap_shares(
            np.column_stack([both, gained, lost]).astype(np.int64), np.ones(len(both), np.int64), seed=_SEEDS[name]
        )
        samples[name] = np.column_stack([drawn[:, :2], drawn[:, 2] - drawn[:, 3]])
        values[name] = np.array([*both.mean(axis=0), gained.mean() - lost.mean()])
    values[DIFFERENCE] = values[TWINS] - values[OTHERS]
    samples[DIFFERENCE] = samples[TWINS] - samples[OTHERS]
    rows = {**sizes, DIFFERENCE: sum(sizes.values())}
    groups = {name: len(both) for name, both in right.items()}
    groups[DIFFERENCE] = sum(groups.values())
    records = []
    for name, sampled in samples.items():
        low, high = percentile_interval(sampled, values[name])
        for column, fitted in enumerate((WITH, WITHOUT, CHANGE)):
            records.append(
                {
                    "model": model,
                    "scored": name,
                    "fitted": fitted,
                    "rows": rows[name],
                    "groups": groups[name],
                    "value": float(values[name][column]),
                    "ci_low": float(low[column]),
                    "ci_high": float(high[column]),
                    **(_mcnemar(right[name]) if fitted == CHANGE and name in right else _NO_TEST),
                }
            )
    return records


def _mcnemar(right: Mask) -> dict[str, Any]:
    """Return the groups that are right only with and only without twins, and the exact test that both are equal.

    Q. McNemar, Psychometrika 12 (1947), with the binomial distribution.
    """
    # SciPy takes half a second to import.
    from scipy.stats import binomtest

    improved, worsened = int((right[:, 0] & ~right[:, 1]).sum()), int((right[:, 1] & ~right[:, 0]).sum())
    changed = improved + worsened
    p_value = float(binomtest(improved, changed, 0.5).pvalue) if changed else 1.0
    return {"improved": improved, "worsened": worsened, "p_value": p_value}


def values_of(table: pd.DataFrame, model: str) -> Mapping[tuple[str, str], Any]:
    """Return the rows of a classifier by `scored` and `fitted`, as named tuples."""
    rows: Mapping[tuple[str, str], Any] = {
        (str(row.scored), str(row.fitted)): row for row in table[table["model"] == model].itertuples(index=False)
    }
    return rows
