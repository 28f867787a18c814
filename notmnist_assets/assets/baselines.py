"""`baselines/metrics`: how well a linear model does on raw and on sanitized data.

Belongs here: wiring and the learning curve. Fitting and scoring are in `curation.baselines`.
"""

from collections.abc import Sequence

import dagster as dg
import pandas as pd

from notmnist_assets.assets.inputs import split_inputs, splits_of
from notmnist_assets.curation.baselines import baseline_metrics, learning_curve
from notmnist_assets.curation.drawing import line_chart
from notmnist_assets.curation.values import Split
from notmnist_assets.failures import explained
from notmnist_assets.metadata import picture, table
from notmnist_assets.types import BASELINE_METRICS, BaselineMetricsType, data_version

CODE_VERSION = "3"

_SHOWN = ("train_on", "train_rows", "eval_on", "eval_rows", "accuracy", "ci_low", "ci_high", "rows", "converged")
"""What fits beside each other in the UI, accuracies in view; the value has all columns."""


@dg.asset(
    key=["baselines", "metrics"],
    group_name="baselines",
    code_version=CODE_VERSION,
    io_manager_key="table_io",
    dagster_type=BaselineMetricsType,
    kinds={"pandas", "parquet"},
    ins={**split_inputs("splits", "raw_"), **split_inputs("sanitized", "clean_")},
    metadata={"dagster/column_schema": BASELINE_METRICS},
    description=(
        "Accuracy of logistic regression trained on 50, 100, 1000, 5000 and all rows, raw and sanitized, on valid"
        " and test: on all raw rows, on the clean ones, and on the removed ones alone. Wilson 95 % intervals. No"
        " training row is scored."
    ),
)
def metrics(**inputs: Split) -> dg.MaterializeResult[pd.DataFrame]:
    """Fit, score, and draw the learning curve."""
    with explained():
        found = baseline_metrics(splits_of(inputs, "raw_"), splits_of(inputs, "clean_"))
    full = found[(found["train_rows"] == "all") & (found["eval_on"] == "test")]
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
                _curve(found), "accuracy on test by training rows, with 95 % intervals; raw test rows flatter"
            ),
            "metrics": table(found[list(_SHOWN)], BASELINE_METRICS),
        },
    )


def _curve(found: pd.DataFrame) -> bytes:
    """Draw accuracy on clean test rows and on raw ones, for both kinds of training rows."""
    points = learning_curve(found)
    points = points[points["eval_on"] == "test"]
    lines, bands = [], []
    for (train_on, eval_rows), part in points.groupby(["train_on", "eval_rows"], sort=True):
        if eval_rows == "duplicates":
            continue
        lines.append((f"{train_on} train, {eval_rows} test", part["train_rows"].tolist(), part["accuracy"].tolist()))
        bands.append((part["ci_low"].tolist(), part["ci_high"].tolist()))
    return line_chart(
        lines,
        bands=bands,
        title="Logistic regression",
        x_label="training rows",
        y_label="accuracy on test",
        log_x=True,
        # Of both kinds of training rows, accuracies nearly coincide: the line below must be seen.
        dashed=[name for name, _, _ in lines if name.startswith("sanitized")],
    )


ASSETS: Sequence[dg.AssetsDefinition] = [metrics]
