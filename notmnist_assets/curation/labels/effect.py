"""Measures what it does to the accuracy if rows with label issues are left out of training."""

from collections.abc import Mapping
from contextlib import closing
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.baselines.fitting import Fit, blas_threads, fit_and_predict
from notmnist_assets.curation.baselines.models import DEFAULT_MODEL, MODELS
from notmnist_assets.curation.core.file_names import rows_by_file
from notmnist_assets.curation.core.intervals import wilson_interval
from notmnist_assets.curation.core.prefetch import WorkMap, one_by_one
from notmnist_assets.curation.core.row_blocks import share_images
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.labels.issues import NO_ISSUE, without_issues
from notmnist_assets.curation.splitting.splits import EVALUATION

EFFECT_COLUMNS: Final = (
    *("eval_on", "eval_rows", "rows"),
    *("all_rows", "all_low", "all_high", "without_issues", "without_low", "without_high"),
    *("only_all_right", "only_without_right", "p_value"),
)


def effect_of_leaving_out(
    splits: Mapping[str, Split], issues: pd.DataFrame, work_map: WorkMap | None = None
) -> pd.DataFrame:
    """Compare the default model fitted on all rows of train with the same fitted on its rows without an issue.

    Both predict the same rows, so they are compared in pairs, by the exact test of McNemar (Psychometrika 12, 1947).

    Args:
        splits: train, valid and test.
        issues: the table of issues, with `kind` of each file.
        work_map: fits the two models; this process by default.

    Returns:
        Two rows each for valid and test, on all rows and on those without an issue (`eval_rows`: all, no issue):
        `eval_on`; `rows`; `all_rows` and `without_issues` (accuracies), with the ends of their Wilson 95 % intervals
        `all_low`, `all_high`, `without_low` and `without_high`; `only_all_right` and `only_without_right` (rows that
        only one of the two models classifies correctly); `p_value` of the difference. Empty if one of the models has no
        rows to be fitted on.
    """
    # Imported here because importing SciPy takes half a second.
    from scipy.stats import binomtest

    parts = splits["train"], without_issues(splits["train"], issues)
    if any(len(np.unique(part.labels)) < 2 for part in parts):
        return pd.DataFrame(columns=list(EFFECT_COLUMNS))
    run = one_by_one if work_map is None else work_map.run
    scored, threads = [share_images(splits[name].images, work_map) for name in EVALUATION], blas_threads()
    pieces = [
        Fit(MODELS[DEFAULT_MODEL], share_images(part.images, work_map), part.labels, scored, threads) for part in parts
    ]
    with closing(run(fit_and_predict, pieces)) as results:
        predictions = zip(*(one.predicted for one in results), strict=True)
    records = []
    for name, predicted in zip(EVALUATION, predictions, strict=True):
        split = splits[name]
        if not len(split):
            continue
        by_all, without = (labels == split.labels for labels in predicted)
        found = rows_by_file(split.sources, issues[issues["kind"] != NO_ISSUE]) >= 0
        for rows_name, rows in (("all", np.ones(len(split), np.bool_)), ("no issue", ~found)):
            first, second = int((by_all & ~without)[rows].sum()), int((without & ~by_all)[rows].sum())
            p_value = binomtest(first, first + second).pvalue if first + second else 1.0
            records.append(
                (
                    *(name, rows_name, int(rows.sum())),
                    *(*_accuracy(by_all[rows]), *_accuracy(without[rows])),
                    *(first, second, float(p_value)),
                )
            )
    return pd.DataFrame.from_records(records, columns=list(EFFECT_COLUMNS))


def _accuracy(right: npt.NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return the share of correct predictions and the ends of its interval."""
    low, high = wilson_interval(int(right.sum()), len(right))
    return float(right.mean()) if len(right) else 0.0, float(low), float(high)
