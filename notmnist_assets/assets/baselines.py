"""Defines `baselines/metrics`: accuracy of models trained on raw and on sanitized rows."""

from collections.abc import Mapping
from typing import Any, Final

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.assets.declaration import Declaration, Drift, Stage
from notmnist_assets.assets.labels import ISSUES
from notmnist_assets.assets.sanitized import SANITIZED
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.assets.stored_values import StoredValues
from notmnist_assets.curation.baselines.confusion import Counts, confusion_counts, confusion_table, recall_by_letter
from notmnist_assets.curation.baselines.evaluation import Baselines, fit_baselines, learning_curve
from notmnist_assets.curation.core.drift import Limit, within_interval
from notmnist_assets.curation.core.figures import Panel, Points, plot_panels
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import FILE_COLUMNS, Split
from notmnist_assets.curation.labels.issues import without_issues
from notmnist_assets.curation.splitting.splits import EVALUATION
from notmnist_assets.curation.summaries.results import metrics_summary
from notmnist_assets.metadata.columns import Column, Sources
from notmnist_assets.metadata.display import asset_page, picture, table
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
"""Columns of the table in the UI, so that it is narrow enough; the value has all columns."""

_CONFUSION: Final = "confusion_"
_CONFUSION_COLUMNS: Final = {
    "letter": "letter of the label; the other columns count its clean test rows by predicted letter",
}
_RECALL_COLUMNS: Final = {
    "letter": "letter of the label",
    "rows": "clean test rows of the letter",
    "raw": "recall of the model trained on all raw rows",
    "raw_95": "Wilson 95 % interval of `raw`",
    "sanitized": "recall of the model trained on all sanitized rows",
    "sanitized_95": "Wilson 95 % interval of `sanitized`",
}
_EVALUATED: Final = "test"
_CURVES: Final = {"duplicates": "removed", "raw": "all", "clean": "clean"}
"""Names of the lines of the learning curve by evaluated rows."""


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
    "model": Column("string", "name of the classifier in the setting baselines"),
    "train_on": Column("string", "raw or sanitized training rows"),
    "train_rows": Column("string", "50, 100, 1000, 5000 or all"),
    "fitted_rows": Column("int64", "training rows used"),
    "eval_on": Column("string", "valid or test"),
    "eval_rows": Column("string", "raw: all rows; clean: rows left after sanitizing; duplicates: rows that it removed"),
    "rows": Column("int64", "evaluated rows", _SCORED_ROWS),
    "accuracy": Column("float64", "share of evaluated rows that are classified correctly", _SCORES),
    "ci_low": Column("float64", "lower end of the Wilson 95 % interval of the accuracy", _SCORES),
    "ci_high": Column("float64", "upper end of the interval", _SCORES),
    "converged": Column("bool", "whether the fit reached its gradient tolerance", _FITTED),
    "seconds": Column("float64", "duration of the fit in seconds"),
}
METRICS: Final = Declaration(
    key="baselines/metrics",
    code_version="5",
    role="evidence",
    dagster_type=table_type("BaselineMetrics", _COLUMNS, "Accuracy of baselines with intervals."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    columns=_COLUMNS,
    settings=("drop_label_issues", "baselines"),
    is_finding=True,
    drift=Drift(
        "Accuracies on test of the models trained on all rows: the 95 % Wilson interval of the previous accuracy. A fit"
        " is deterministic, so that a larger change comes from the data.",
        _accuracy_limits,
    ),
    is_endpoint=True,
    description=(
        "Accuracy of logistic regression, trained on 50, 100, 1000, 5000 and all rows, raw and sanitized, and evaluated"
        " on valid and test: on all rows, on clean rows, and on removed rows only, with Wilson 95 % intervals. No"
        " model is evaluated on a row that it was trained on. The metadata also show recall by letter and"
        " confusion matrices."
    ),
)


@METRICS.asset(
    # The table is only loaded if its rows are left out.
    deps=[ISSUES.asset_key],
    ins={
        **{f"raw_{name}": declaration.input for name, declaration in SPLIT_ASSETS.items()},
        **{f"clean_{name}": declaration.input for name, declaration in SANITIZED.items()},
    },
)
def metrics(
    settings: SettingsResource,
    values: StoredValues,
    raw_train: Split,
    raw_valid: Split,
    raw_test: Split,
    clean_train: Split,
    clean_valid: Split,
    clean_test: Split,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Fit and evaluate the models, and plot the learning curve."""
    raw = {"train": raw_train, "valid": raw_valid, "test": raw_test}
    clean = {"train": clean_train, "valid": clean_valid, "test": clean_test}
    chosen = settings.read()
    models = chosen.baseline_models
    if chosen.drop_label_issues:
        issues = values.table(ISSUES.path)
        raw["train"], clean["train"] = (without_issues(train, issues) for train in (raw_train, clean_train))
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
            **asset_page(
                metrics_summary(found),
                picture={
                    "learning_curve": picture(
                        _curve(first),
                        "accuracy on test by number of training rows, with 95 % intervals: on the rows that sanitizing"
                        " removed, on all rows, and on the clean rows; the accuracy on leaking rows is higher, partly"
                        " because the model was trained on the same images and partly because they are easier",
                    )
                },
            ),
            **accuracies,
            **test_rows,
            "rows": len(found),
            "without_label_issues": chosen.drop_label_issues,
            "all_converged": bool(found["converged"].all()),
            "metrics": table(found[list(_SHOWN)], METRICS.schema),
            **_letters(baselines, models[0], raw[_EVALUATED]),
        },
    )


def recorded_confusions(instance: dg.DagsterInstance) -> dict[str, Counts]:
    """Return the confusion matrices in the metadata of the last materialization.

    Returns:
        By training rows, `raw` and `sanitized`: int64 (10, 10), clean test rows by label and predicted label. Empty if
        they were not recorded.
    """
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
    """Return recall and confusion by letter of the models trained on all rows, on the clean test rows."""
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


def _curve(found: pd.DataFrame) -> bytes:
    """Plot accuracies on removed, all and clean test rows, one panel for raw and one for sanitized training rows."""
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
    return plot_panels(shown, x_label="training rows", y_label="accuracy on test")


STAGE = Stage([METRICS], [metrics])
