"""How well a linear model reads the letters: accuracies before and after sanitizing, with their uncertainty.

Belongs here: which rows train, which rows are scored, and the table of accuracies. The fit itself is in `logistic`;
what the models say of single letters is in `confusion`, what they say of training rows in `label_suspects`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.errors import CurationError
from notmnist_assets.curation.file_names import file_paths, rows_by_file
from notmnist_assets.curation.intervals import wilson_interval
from notmnist_assets.curation.lbfgs import Point
from notmnist_assets.curation.logistic import LogisticFit, fit_logistic, predict
from notmnist_assets.curation.progress import stage
from notmnist_assets.curation.softmax import Labels
from notmnist_assets.curation.splits import EVALUATION
from notmnist_assets.curation.values import Split

TRAINING_SIZES: Final = (50, 100, 1000, 5000)
"""Training rows the assignment asks for, beside all of them."""
MODEL: Final = "logistic_regression"
METRIC_COLUMNS: Final = (
    "model",
    "train_on",
    "train_rows",
    "fitted_rows",
    "eval_on",
    "eval_rows",
    "rows",
    "accuracy",
    "ci_low",
    "ci_high",
    "converged",
    "seconds",
)
CURVE_COLUMNS: Final = ("train_on", "eval_on", "eval_rows", "train_rows", "accuracy", "ci_low", "ci_high")

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BaselineModel:
    """A fitted model, without what only its fit needed, and what it reads in the rows that were scored.

    Attributes:
        train_on: raw or sanitized.
        train_rows: "50" ... "all".
        fitted_rows: rows fitted, the first so many of the training split.
        parameters: float64 (10, 785), as in `LogisticFit`.
        predicted: for valid and test as drawn, the letter that it reads in each row, int32 (n,).
    """

    train_on: str
    train_rows: str
    fitted_rows: int
    parameters: Point
    predicted: Mapping[str, Labels]


@dataclass(frozen=True, eq=False)
class Baselines:
    """All models and their accuracies.

    Attributes:
        metrics: the table of accuracies, see `fit_baselines`.
        models: every model by `train_on` and `train_rows`, in the order in which they were fitted.
        clean: for valid and test, which of their rows as drawn the sanitized split holds, bool (n,).
    """

    metrics: pd.DataFrame
    models: Mapping[tuple[str, str], BaselineModel]
    clean: Mapping[str, Mask]


def baseline_metrics(
    raw: Mapping[str, Split],
    sanitized: Mapping[str, Split],
    *,
    sizes: Sequence[int] = TRAINING_SIZES,
    workers: int = 2,
) -> pd.DataFrame:
    """Return the table of accuracies alone: `fit_baselines` without its models."""
    return fit_baselines(raw, sanitized, sizes=sizes, workers=workers).metrics


def fit_baselines(
    raw: Mapping[str, Split],
    sanitized: Mapping[str, Split],
    *,
    sizes: Sequence[int] = TRAINING_SIZES,
    workers: int = 2,
) -> Baselines:
    """Fit logistic regression on growing parts of both training splits and score valid and test.

    A size uses the first rows of the shuffled training split; sizes beyond the split are left out, and `all` is
    always there. Every model is scored once on all raw rows of valid and test; `clean` rows are those that the
    sanitized split holds, `duplicates` those that sanitizing removed (left out when there are none).

    Args:
        raw: `train`, `valid` and `test` as drawn.
        sanitized: the same after sanitizing; each row of its valid and test is a row of the raw one.
        sizes: training rows to try.
        workers: threads; results do not depend on them.

    Returns:
        The models, and in `metrics` one row per model, training rows and scored rows. `model`; `train_on`: raw or
        sanitized; `train_rows`: "50" ... "all"; `fitted_rows`: rows fitted; `eval_on`: valid or test; `eval_rows`:
        raw, clean or duplicates; `rows`: rows scored; `accuracy`: share of them read right; `ci_low`, `ci_high`: its
        Wilson interval at 95 %; `converged`: whether the fit met its gradient tolerance; `seconds`: wall time of the
        fit.

    Raises:
        CurationError: when a training row would be scored, when a sanitized row is not a raw row, or when a
            training split is empty.
    """
    clean = {name: _clean_rows(raw[name], sanitized[name], name) for name in EVALUATION}
    trained = {"raw": raw["train"], "sanitized": sanitized["train"]}
    for train_on, train in trained.items():
        if not len(train):
            raise CurationError(
                "there are no rows to fit.",
                subject=f"{train_on} train",
                remedy="sanitized/removed tells why rows were removed; use archives with more different images.",
            )
        for name in EVALUATION:
            _require_disjoint(train, raw[name], f"{train_on} train", f"raw {name}")
    fits = [
        (train_rows, train_on, len(train) if size is None else size)
        for train_rows, size in (*((str(size), size) for size in sorted(set(sizes))), ("all", None))
        for train_on, train in trained.items()
        if size is None or size <= len(train)
    ]
    tables: dict[str, list[pd.DataFrame]] = {train_on: [] for train_on in trained}
    models: dict[tuple[str, str], BaselineModel] = {}
    raw_fit: tuple[str, LogisticFit] | None = None
    with stage("fit baselines", sum(rows for _, _, rows in fits), "rows") as advance:
        for train_rows, train_on, rows in fits:
            train = trained[train_on]
            # Nearly all sanitized rows are raw rows: their fit starts from that of as many raw ones.
            start = raw_fit[1] if train_on == "sanitized" and raw_fit and raw_fit[0] == train_rows else None
            fit = fit_logistic(train.images[:rows], train.labels[:rows], start=start, workers=workers)
            raw_fit = (train_rows, fit) if train_on == "raw" else None
            predicted = {name: predict(fit, raw[name].images, workers=workers) for name in EVALUATION}
            models[train_on, train_rows] = BaselineModel(train_on, train_rows, rows, fit.parameters, predicted)
            scored = _score(fit, predicted, raw, clean)
            scored.insert(0, "fitted_rows", rows)
            scored.insert(0, "train_rows", train_rows)
            scored.insert(0, "train_on", train_on)
            tables[train_on].append(scored)
            advance(rows)
    table = pd.concat([scored for train_on in trained for scored in tables[train_on]], ignore_index=True)
    table.insert(0, "model", MODEL)
    return Baselines(table[list(METRIC_COLUMNS)], models, clean)


def learning_curve(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return accuracies by number of training rows, for plots and for a check that they rise.

    Args:
        metrics: the table of `baseline_metrics`.

    Returns:
        `train_on`, `eval_on`, `eval_rows`, `train_rows` (int, rows fitted), `accuracy`, `ci_low`, `ci_high`, sorted by
        the first four; one row where a size and "all" are the same rows.
    """
    curve = metrics.drop(columns="train_rows").rename(columns={"fitted_rows": "train_rows"})
    keys = list(CURVE_COLUMNS[:4])
    return curve[list(CURVE_COLUMNS)].drop_duplicates(keys).sort_values(keys, ignore_index=True)


def _score(
    fit: LogisticFit, predicted: Mapping[str, Labels], raw: Mapping[str, Split], clean: Mapping[str, Mask]
) -> pd.DataFrame:
    records = []
    for name in EVALUATION:
        right = predicted[name] == raw[name].labels
        every = np.ones(len(right), np.bool_)
        for kind, rows in (("raw", every), ("clean", clean[name]), ("duplicates", ~clean[name])):
            if rows.any():
                records.append((name, kind, int(rows.sum()), int(right[rows].sum())))
    table = pd.DataFrame.from_records(records, columns=["eval_on", "eval_rows", "rows", "right"])
    table["accuracy"] = table["right"] / table["rows"]
    table["ci_low"], table["ci_high"] = wilson_interval(table["right"].to_numpy(), table["rows"].to_numpy())
    table["converged"] = fit.converged
    table["seconds"] = fit.seconds
    return table


def _clean_rows(raw: Split, sanitized: Split, name: str) -> Mask:
    """Return which raw rows the sanitized split holds, after making sure that it holds no others."""
    mask = rows_by_file(raw.sources, sanitized.sources) >= 0
    if int(mask.sum()) != len(sanitized):
        raise CurationError(
            f"of its {len(sanitized)} rows, {int(mask.sum())} match one raw row each.",
            subject=f"sanitized {name}",
            remedy="Make it again from the raw split it is compared with.",
        )
    return mask


def _require_disjoint(train: Split, evaluation: Split, train_name: str, evaluation_name: str) -> None:
    shared = evaluation.sources[rows_by_file(evaluation.sources, train.sources) >= 0]
    if len(shared):
        example = file_paths(shared).iloc[0]
        raise CurationError(
            f"{len(shared)} of its rows are rows of {train_name} too, such as {example}.",
            subject=evaluation_name,
            remedy="Draw the splits again from disjoint files: no training row may be scored.",
        )
