"""Accuracies of the models in `models` before and after sanitizing, with their uncertainty.

Decides which rows train and which are scored; accuracies and intervals are computed in `scoring`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from notmnist_assets.curation.baselines.fitting import Fit, Labels, blas_threads, fit_and_predict
from notmnist_assets.curation.baselines.models import DEFAULT_MODEL, MODELS
from notmnist_assets.curation.baselines.scoring import Groups, Mask, image_groups, score, spread
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.file_names import file_paths, rows_by_file
from notmnist_assets.curation.core.prefetch import WorkMap, one_by_one
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.curation.core.row_blocks import first_rows, share_images
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.splitting.splits import EVALUATION

TRAINING_SIZES: Final = (50, 100, 1000, 5000)
"""Training rows the assignment asks for, beside all of them."""
SAMPLED_SIZES: Final = (50, 100)
"""Training sizes whose accuracy depends so much on the rows that it is also measured on random samples of train."""
SAMPLES: Final = 10
"""Random samples of each of these sizes."""
METRIC_COLUMNS: Final = (
    "model",
    "train_on",
    "train_rows",
    "fitted_rows",
    "eval_on",
    "eval_rows",
    "rows",
    "groups",
    "accuracy",
    "ci_low",
    "ci_high",
    "samples",
    "mean",
    "sd",
    "converged",
    "seconds",
)
CURVE_COLUMNS: Final = ("train_on", "eval_on", "eval_rows", "train_rows", "accuracy", "ci_low", "ci_high")


@dataclass(frozen=True, eq=False)
class BaselineModel:
    """A fitted model and its predictions of the rows that were scored.

    Attributes:
        model: its name.
        train_on: raw or sanitized.
        train_rows: "50" ... "all".
        fitted_rows: rows fitted, the first so many of the training split.
        estimator: the fitted scikit-learn classifier, which takes `pixel_rows`.
        predicted: for valid and test before sanitizing, the predicted label of each row, int32 (n,).
    """

    model: str
    train_on: str
    train_rows: str
    fitted_rows: int
    estimator: Any
    predicted: Mapping[str, Labels]


@dataclass(frozen=True, eq=False)
class Baselines:
    """All models and their accuracies.

    Attributes:
        metrics: the table of accuracies, see `fit_baselines`.
        models: every fitted model by its name, `train_on` and `train_rows`, in the order in which they were fitted.
        clean: for valid and test, a mask of the rows before sanitizing that it kept, bool (n,).
        groups: for valid and test, the duplicate group of each row before sanitizing, int64 (n,).
    """

    metrics: pd.DataFrame
    models: Mapping[tuple[str, str, str], BaselineModel]
    clean: Mapping[str, Mask]
    groups: Mapping[str, Groups]


def baseline_metrics(
    raw: Mapping[str, Split],
    sanitized: Mapping[str, Split],
    *,
    sizes: Sequence[int] = TRAINING_SIZES,
    models: Sequence[str] = (DEFAULT_MODEL,),
    groups: Mapping[str, Groups] | None = None,
) -> pd.DataFrame:
    """Return the table of accuracies alone: `fit_baselines` without its models."""
    return fit_baselines(raw, sanitized, sizes=sizes, models=models, groups=groups).metrics


def fit_baselines(
    raw: Mapping[str, Split],
    sanitized: Mapping[str, Split],
    *,
    sizes: Sequence[int] = TRAINING_SIZES,
    models: Sequence[str] = (DEFAULT_MODEL,),
    groups: Mapping[str, Groups] | None = None,
    work_map: WorkMap | None = None,
) -> Baselines:
    """Fit models on growing parts of both training splits and score valid and test.

    Each model is scored on valid and test before sanitizing: `raw` is all rows, `clean` the rows that
    sanitizing kept, `removed` those that it removed (left out if there are none).

    Args:
        raw: `train`, `valid` and `test` before sanitizing.
        sanitized: the same after sanitizing; each row of its valid and test is a row of the raw one.
        sizes: training rows to try, beside all.
        models: names of `models.MODELS`.
        groups: for valid and test, the duplicate group of each row, int64 (n,); None for groups of equal pixels.
        work_map: fits the models; this process by default.

    Returns:
        The models, and in `metrics` one row per model, training rows and scored rows. `model`; `train_on`: raw or
        sanitized; `train_rows`: "50" ... "all"; `fitted_rows`: rows fitted; `eval_on`: valid or test; `eval_rows`:
        raw, clean or removed; `rows`: rows scored; `groups`: their duplicate groups; `accuracy`: share of the rows
        predicted right; `ci_low`, `ci_high`: its 95 % bootstrap interval over groups; `samples`: for `SAMPLED_SIZES`,
        the number of further fits on random samples of the training rows, otherwise 0; `mean`, `sd`: mean and standard
        deviation of their accuracies, otherwise NaN; `converged`: whether the fit raised no `ConvergenceWarning`;
        `seconds`: wall time of the fit.

    Raises:
        CurationError: when a training row would be scored, when a sanitized row is not a raw row, when a training
            split is empty, or when a model refuses its rows.
    """
    clean = {name: _clean_rows(raw[name], sanitized[name], name) for name in EVALUATION}
    trained = {"raw": raw["train"], "sanitized": sanitized["train"]}
    for train_on, train in trained.items():
        if not len(train):
            raise CurationError(
                "there are no rows to fit.",
                subject=f"{train_on} train",
                remedy="Read the reasons in sanitized/removed; use archives with more distinct images.",
            )
        for name in EVALUATION:
            _require_disjoint(train, raw[name], f"{train_on} train", f"raw {name}")
    fits = [
        (name, train_on, train_rows, len(train) if size is None else size)
        for name in models
        for train_on, train in trained.items()
        for train_rows, size in (*((str(size), size) for size in sorted(set(sizes))), ("all", None))
        if size is None or size <= len(train)
    ]
    grouped = groups or {name: image_groups(raw[name].images) for name in EVALUATION}
    facts: list[dict[str, Any]] = []
    sampled: list[pd.DataFrame] = []
    fitted: dict[tuple[str, str, str], BaselineModel] = {}
    run = one_by_one if work_map is None else work_map.run
    scored, threads = [share_images(raw[one].images, work_map) for one in EVALUATION], blas_threads()
    shared = {train_on: share_images(train.images, work_map) for train_on, train in trained.items()}

    def pieces() -> Iterator[Fit]:
        for name, train_on, _, rows in fits:
            train, images = trained[train_on], first_rows(shared[train_on], rows)
            yield Fit(MODELS[name], images, train.labels[:rows], scored, threads, keep=True)
            for sample in range(_sample_count(len(train), rows)):
                chosen = np.random.default_rng([rows, sample]).choice(len(train), rows, replace=False)
                yield Fit(MODELS[name], train.images[chosen], train.labels[chosen], scored, threads)

    with (
        progress_bar("fit baselines", sum(rows for *_, rows in fits), "rows") as advance,
        closing(run(fit_and_predict, pieces())) as results,
    ):
        for number, (name, train_on, train_rows, rows) in enumerate(fits):
            one = next(results)
            fitted[name, train_on, train_rows] = BaselineModel(
                name, train_on, train_rows, rows, one.estimator, dict(zip(EVALUATION, one.predicted, strict=True))
            )
            facts.append(
                {
                    "fit": number,
                    "model": name,
                    "train_on": train_on,
                    "train_rows": train_rows,
                    "fitted_rows": rows,
                    "converged": one.converged,
                    "seconds": one.seconds,
                }
            )
            of_samples = [next(results) for _ in range(_sample_count(len(trained[train_on]), rows))]
            if of_samples:
                right = {
                    split: [sample.predicted[place] == raw[split].labels for sample in of_samples]
                    for place, split in enumerate(EVALUATION)
                }
                sampled.append(spread(right, clean).assign(fit=number))
            advance(rows)
    right_of_fits = {
        one: np.column_stack([model.predicted[one] == raw[one].labels for model in fitted.values()])
        for one in EVALUATION
    }
    table = score(right_of_fits, clean, grouped).merge(pd.DataFrame(facts), on="fit", how="left")
    keys = ["fit", "eval_on", "eval_rows"]
    samples = pd.concat(sampled) if sampled else pd.DataFrame(columns=[*keys, "samples", "mean", "sd"])
    table = table.merge(samples, on=keys, how="left")
    table["samples"] = table["samples"].fillna(0).astype(np.int64)
    table = table.astype({"mean": np.float64, "sd": np.float64})
    return Baselines(table[list(METRIC_COLUMNS)], fitted, clean, grouped)


def _sample_count(count: int, rows: int) -> int:
    """Return how many random samples of `rows` of `count` rows are fitted, beside the first rows."""
    return SAMPLES if rows in SAMPLED_SIZES and rows < count else 0


def of_first_model(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the first model of the table of accuracies: the one that single figures are shown of."""
    return metrics[metrics["model"].isin(metrics["model"].head(1))]


def learning_curve(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return accuracies by number of training rows, for plots and for a check that they rise.

    Args:
        metrics: the rows of one model in the table of `baseline_metrics`.

    Returns:
        `train_on`, `eval_on`, `eval_rows`, `train_rows` (int, rows fitted), `accuracy`, `ci_low`, `ci_high`, sorted by
        the first four; one row where a size and "all" are the same rows.
    """
    curve = metrics.drop(columns="train_rows").rename(columns={"fitted_rows": "train_rows"})
    keys = list(CURVE_COLUMNS[:4])
    return curve[list(CURVE_COLUMNS)].drop_duplicates(keys).sort_values(keys, ignore_index=True)


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
