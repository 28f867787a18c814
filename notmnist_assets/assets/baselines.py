"""Defines `baselines/metrics`: accuracy of models trained on raw and on sanitized rows, and doubtful labels."""

from collections.abc import Mapping
from typing import Any, Final

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.assets.declaration import Declaration, Drift, Stage
from notmnist_assets.assets.sanitized import SANITIZED
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.curation.baselines.confusion import Counts, confusion_counts, confusion_table, recall_by_letter
from notmnist_assets.curation.baselines.evaluation import Baselines, fit_baselines, learning_curve
from notmnist_assets.curation.baselines.label_suspects import judging_models, label_suspects, suspect_exhibits
from notmnist_assets.curation.core.drift import Limit, within_interval
from notmnist_assets.curation.core.figures import Panel, Points, panels
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import FILE_COLUMNS, Split
from notmnist_assets.curation.splitting.splits import EVALUATION
from notmnist_assets.metadata.columns import Column, Sources
from notmnist_assets.metadata.display import exhibits, picture, table
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.types import data_version, table_type

_SHOWN = (
    "model",
    "train_on",
    "train_rows",
    "eval_on",
    "eval_rows",
    "accuracy",
    "ci_low",
    "ci_high",
    "rows",
    "converged",
)
"""What fits beside each other in the UI, accuracies in view; the value has all columns."""

_SUSPECTS: Final = 24
_SUSPECTS_SHOWN: Final = ("row", "given", "likely", "margin", "font")
_SUSPECT_COLUMNS: Final = {
    "row": "of splits/train",
    "given": "the letter that it carries",
    "likely": "the letter that the models read; neither is changed",
    "margin": "mean probability of the likely letter less that of the given one",
    "font": "font file name",
}
_CONFUSION: Final = "confusion_"
_CONFUSION_COLUMNS: Final = {
    "letter": "the given letter; beside it, how many of its clean test rows were read as which letter",
}
_RECALL_COLUMNS: Final = {
    "letter": "the given letter",
    "rows": "clean test rows that carry it",
    "raw": "share of them that the model of all raw training rows reads right",
    "raw_95": "its Wilson 95 % interval",
    "sanitized": "share that the model of all sanitized training rows reads right",
    "sanitized_95": "its Wilson 95 % interval",
}
_EVALUATED: Final = "test"
_CURVES: Final = {"duplicates": "removed", "raw": "as drawn", "clean": "clean"}
"""Lines of the learning curve by what was scored, with their names."""


def _accuracy_limits(previous: Mapping[str, float]) -> Mapping[str, Limit]:
    return {
        f"accuracy: {train_on}, test {rows}": within_interval(previous[f"test rows: {rows}"])
        for train_on in ("raw", "sanitized")
        for rows in ("raw", "clean", "duplicates")
        if f"test rows: {rows}" in previous
    }


_SCORED_ROWS: Final[Sources] = {
    f"{group}/{name}": FILE_COLUMNS for group in ("splits", "sanitized") for name in EVALUATION
}
_FITTED: Final[Sources] = {f"{group}/train": ("image", "label") for group in ("splits", "sanitized")}
_SCORES: Final[Sources] = {
    **_FITTED,
    **_SCORED_ROWS,
    **{f"splits/{name}": ("image", "label", *FILE_COLUMNS) for name in EVALUATION},
}
_COLUMNS: Final = {
    "model": Column("string", "the classifier, as the setting baselines names it"),
    "train_on": Column("string", "raw or sanitized training rows"),
    "train_rows": Column("string", "50, 100, 1000, 5000 or all"),
    "fitted_rows": Column("int64", "training rows used"),
    "eval_on": Column("string", "valid or test"),
    "eval_rows": Column("string", "raw: all; clean: left after sanitizing; duplicates: removed by it"),
    "rows": Column("int64", "rows scored", _SCORED_ROWS),
    "accuracy": Column("float64", "share of rows classified right", _SCORES),
    "ci_low": Column("float64", "lower end of the Wilson 95 % interval", _SCORES),
    "ci_high": Column("float64", "upper end", _SCORES),
    "converged": Column("bool", "whether the fit met its gradient tolerance", _FITTED),
    "seconds": Column("float64", "time of the fit"),
}
METRICS: Final = Declaration(
    key="baselines/metrics",
    code_version="5",
    role="evidence",
    dagster_type=table_type("BaselineMetrics", _COLUMNS, "Accuracy of baselines with intervals."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    columns=_COLUMNS,
    settings=("baselines",),
    headlines={
        "accuracy: raw, test raw": "accuracy of raw train on all of test",
        "accuracy: raw, test clean": "accuracy of raw train on clean test rows",
        "accuracy: raw, test duplicates": "accuracy of raw train on removed test rows",
        "accuracy: sanitized, test clean": "accuracy of sanitized train on clean test rows",
    },
    drift=Drift(
        "Accuracy on test of the models of all training rows: the 95 % Wilson interval of the previous accuracy. The"
        " fit itself does not vary, so what leaves the interval comes from the data.",
        _accuracy_limits,
    ),
    is_endpoint=True,
    description=(
        "Accuracy of logistic regression trained on 50, 100, 1000, 5000 and all rows, raw and sanitized, on valid"
        " and test: on all raw rows, on the clean ones, and on the removed ones alone. Wilson 95 % intervals. No"
        " row is scored by a model that was trained on it. Beside them, which letters are taken for which, and a"
        " ranking of training rows whose label is likely wrong: suspicions, nothing is removed for them."
    ),
)


@METRICS.asset(
    ins={
        **{f"raw_{name}": declaration.input for name, declaration in SPLIT_ASSETS.items()},
        **{f"clean_{name}": declaration.input for name, declaration in SANITIZED.items()},
    },
)
def metrics(
    settings: SettingsResource,
    raw_train: Split,
    raw_valid: Split,
    raw_test: Split,
    clean_train: Split,
    clean_valid: Split,
    clean_test: Split,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Fit, score, plot the learning curve, and rank training rows by doubt about their labels."""
    raw = {"train": raw_train, "valid": raw_valid, "test": raw_test}
    clean = {"train": clean_train, "valid": clean_valid, "test": clean_test}
    models = settings.read().baseline_models
    with as_dagster_failure():
        baselines = fit_baselines(raw, clean, models=models)
    found = baselines.metrics
    first = found[found["model"] == models[0]]
    full = first[(first["train_rows"] == "all") & (first["eval_on"] == "test")]
    names = "accuracy: " + full["train_on"] + ", test " + full["eval_rows"]
    accuracies = dict(zip(names.tolist(), full["accuracy"].tolist(), strict=True))
    scored = full[full["train_on"] == "raw"]
    test_rows = dict(zip(("test rows: " + scored["eval_rows"]).tolist(), scored["rows"].tolist(), strict=True))
    return dg.MaterializeResult(
        value=found,
        data_version=data_version(found, leave_out=("seconds",)),
        metadata={
            **accuracies,
            **test_rows,
            "rows": len(found),
            "all_converged": bool(found["converged"].all()),
            "learning_curve": picture(
                _curve(first),
                "accuracy on test by training rows, with 95 % intervals: of the rows that sanitizing removed, of all"
                " as drawn, and of the clean ones that it left; leaking rows score higher, partly because the model"
                " has seen them and partly because they are easier images",
            ),
            "metrics": table(found[list(_SHOWN)], METRICS.schema),
            **_suspects(baselines, models[0], raw["train"]),
            **_letters(baselines, models[0], raw[_EVALUATED]),
        },
    )


def recorded_confusions(instance: dg.DagsterInstance) -> dict[str, Counts]:
    """Return the counts of the last materialization by what was trained on, those that it records: see `_letters`."""
    event = instance.get_latest_materialization_event(METRICS.asset_key)
    materialization = event.asset_materialization if event else None
    recorded: Mapping[str, object] = materialization.metadata if materialization else {}
    return {
        label.removeprefix(_CONFUSION): np.array(
            [[record.data[letter] for letter in LETTERS] for record in value.records], np.int64
        )
        for label, value in recorded.items()
        if label.startswith(_CONFUSION) and isinstance(value, dg.TableMetadataValue)
    }


def _letters(baselines: Baselines, model: str, test: Split) -> dict[str, dg.MetadataValue[Any]]:
    """Return what the models of all rows read in the clean test rows, letter by letter."""
    clean = baselines.clean[_EVALUATED]
    counts = {
        train_on: confusion_counts(
            test.labels[clean], baselines.models[model, train_on, "all"].predicted[_EVALUATED][clean]
        )
        for train_on in ("raw", "sanitized")
    }
    recalls = {train_on: recall_by_letter(counted) for train_on, counted in counts.items()}
    shown = recalls["raw"][["letter", "rows"]].copy()
    for train_on, recall in recalls.items():
        shown[train_on] = recall["recall"]
        ends = zip(recall["ci_low"], recall["ci_high"], strict=True)
        shown[f"{train_on}_95"] = [f"{low:.3f} to {high:.3f}" for low, high in ends]
    return {
        "recall_by_letter": table(shown, _RECALL_COLUMNS),
        **{
            f"{_CONFUSION}{train_on}": table(confusion_table(counted), _CONFUSION_COLUMNS)
            for train_on, counted in counts.items()
        },
    }


def _suspects(baselines: Baselines, model: str, train: Split) -> dict[str, dg.MetadataValue[Any]]:
    """Return the training rows whose labels are doubted most, as a table and as pictures."""
    models = [one for one in baselines.models.values() if one.model == model]
    sizes = [f"{one.fitted_rows:,}" for one in judging_models(models, train)]
    named = " and ".join([", ".join(sizes[:-1]), *sizes[-1:]] if len(sizes) > 1 else sizes)
    suspects = label_suspects(train, models).head(_SUSPECTS)
    return {
        "label_suspects": table(suspects[list(_SUSPECTS_SHOWN)], _SUSPECT_COLUMNS),
        "suspect_images": exhibits(
            suspect_exhibits(train, suspects, _SUSPECTS),
            "likely label errors in splits/train, most certain first: suspicions, not removals. Logistic regression on"
            f" its first {named} rows judges those behind them, which it was not fitted on",
            per_line=6,
        ),
    }


def _curve(found: pd.DataFrame) -> bytes:
    """Draw accuracies on removed, all and clean test rows, a panel for each kind of training rows."""
    points = learning_curve(found)
    points = points[points["eval_on"] == _EVALUATED]
    shown = []
    for train_on, part in points.groupby("train_on", sort=True):
        lines = [
            Points(name, *(rows[column].tolist() for column in ("train_rows", "accuracy", "ci_low", "ci_high")))
            for kind, name in _CURVES.items()
            if len(rows := part[part["eval_rows"] == kind])
        ]
        sizes = sorted(part["train_rows"].unique().tolist())
        ticks = {size: f"{size:,}" for size in sizes[:-1]} | {sizes[-1]: "all"}
        shown.append(Panel(f"trained on {train_on} rows", lines, ticks))
    return panels(shown, x_label="training rows", y_label="accuracy on test")


STAGE = Stage([METRICS], [metrics])
