"""Defines `baselines/metrics`, the accuracy of models on raw and sanitized rows, and `baselines/mistakes`."""

from collections.abc import Iterator, Mapping
from typing import Final

import dagster as dg
import pandas as pd

from notmnist_assets.assets import leakage, reference
from notmnist_assets.assets.baseline_metadata import SCORED, TRAINED, accuracy_label, metrics_metadata
from notmnist_assets.assets.declaration import Declaration, Drift, Stage
from notmnist_assets.assets.hashes import HASH_KEYS, HASHES
from notmnist_assets.assets.labels import ISSUES
from notmnist_assets.assets.near_pairs import NEAR_PAIRS, RADIUS
from notmnist_assets.assets.sanitized import SANITIZED
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.cluster import ClusterResource
from notmnist_assets.curation.baselines.confusion import confident_mistakes, mistake_exhibits
from notmnist_assets.curation.baselines.evaluation import fit_baselines
from notmnist_assets.curation.baselines.scoring import row_groups
from notmnist_assets.curation.core.drift import Limit, within_interval
from notmnist_assets.curation.core.values import FILE_COLUMNS, Split
from notmnist_assets.curation.labels.issues import without_issues
from notmnist_assets.curation.splitting.splits import EVALUATION
from notmnist_assets.curation.summaries.scores import mistakes_summary
from notmnist_assets.metadata.columns import Column, Sources
from notmnist_assets.metadata.display import asset_page, descriptions, exhibits, table
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.types import data_version, table_type

_MISTAKES_SHOWN: Final = 24


def _accuracy_limits(previous: Mapping[str, float]) -> Mapping[str, Limit]:
    return {
        accuracy_label(train_on, rows): within_interval(previous[f"groups of {rows}"])
        for train_on in TRAINED
        for rows in ("raw", "clean", "removed")
        if f"groups of {rows}" in previous
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
_GROUPED_ROWS: Final[Sources] = {**_SCORED_ROWS, **leakage.GROUPED}
_INTERVALS: Final[Sources] = {**_SCORES, **leakage.GROUPED}
_COLUMNS: Final = {
    "model": Column("string", "name of the classifier in the setting baselines"),
    "train_on": Column("string", "raw or sanitized training rows"),
    "train_rows": Column("string", "50, 100, 1000, 5000 or all"),
    "fitted_rows": Column("int64", "training rows used"),
    "eval_on": Column("string", "valid or test"),
    "eval_rows": Column("string", "raw: all rows; clean: rows left after sanitizing; removed: rows that it removed"),
    "rows": Column("int64", "evaluated rows", _SCORED_ROWS),
    "groups": Column("int64", "duplicate groups of the evaluated rows", _GROUPED_ROWS),
    "accuracy": Column("float64", "share of evaluated rows that are classified correctly", _SCORES),
    "ci_low": Column("float64", "lower end of the 95 % interval of the accuracy, bootstrap over groups", _INTERVALS),
    "ci_high": Column("float64", "upper end of the interval", _INTERVALS),
    "samples": Column("int64", "further fits on random samples of as many training rows; 0 for large sizes"),
    "mean": Column("float64", "mean accuracy of these fits", _SCORES),
    "sd": Column("float64", "standard deviation of their accuracies", _SCORES),
    "converged": Column("bool", "whether the fit reached its gradient tolerance", _FITTED),
    "seconds": Column("float64", "duration of the fit in seconds"),
}
METRICS: Final = Declaration(
    key="baselines/metrics",
    code_version="8",
    role="evidence",
    dagster_type=table_type("BaselineMetrics", _COLUMNS, "Accuracy of baselines with intervals."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    columns=_COLUMNS,
    settings=("drop_label_issues", "baselines"),
    is_finding=True,
    drift=Drift(
        "Accuracies on test of the models trained on all rows: the 95 % Wilson interval of the previous accuracy, with"
        " duplicate groups as trials. A fit is deterministic, so that a larger change comes from the data.",
        _accuracy_limits,
        table=SCORED,
    ),
    is_endpoint=True,
    description=(
        "Accuracy of logistic regression, trained on 50, 100, 1000, 5000 and all rows, raw and sanitized, and evaluated"
        " on valid and test: on all rows, on clean rows, and on removed rows only. Intervals are a bootstrap over"
        " duplicate groups, because rows of one image are right or wrong together. 50 and 100 rows are also sampled"
        " with ten seeds. No model is evaluated on a row that it was trained on. The metadata also show recall,"
        " precision and confusion by letter, and the weights of each letter."
    ),
)
_MISTAKES_COLUMNS: Final = {
    "split": Column("string", "valid or test"),
    "row": Column("int64", "row number in that split"),
    "label": Column("string", "letter of its label", {f"splits/{name}": ("label",) for name in EVALUATION}),
    "predicted": Column(
        "string",
        "letter that the model predicts",
        {"sanitized/train": ("image", "label"), **{f"splits/{name}": ("image",) for name in EVALUATION}},
    ),
    "probability": Column(
        "float64",
        "probability of the predicted letter",
        {"sanitized/train": ("image", "label"), **{f"splits/{name}": ("image",) for name in EVALUATION}},
    ),
}
MISTAKES: Final = Declaration(
    key="baselines/mistakes",
    code_version="2",
    role="evidence",
    dagster_type=table_type("Mistakes", _MISTAKES_COLUMNS, "Wrong predictions, the most confident first."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    columns=_MISTAKES_COLUMNS,
    settings=("drop_label_issues", "baselines"),
    is_endpoint=True,
    description=(
        "Every row of splits/valid and splits/test that the first model of the baselines, trained on all sanitized"
        " rows, reads as another letter than its label, the most confident predictions first."
    ),
)


@dg.multi_asset(
    name="baselines",
    can_subset=True,
    # The table of label issues is only loaded if its rows are left out.
    deps=[ISSUES.asset_key, *HASH_KEYS],
    ins={
        **{f"raw_{name}": declaration.input for name, declaration in SPLIT_ASSETS.items()},
        **{f"clean_{name}": declaration.input for name, declaration in SANITIZED.items()},
        "near_pairs": NEAR_PAIRS.input,
        "radius": RADIUS.input,
    },
    outs={"metrics": METRICS.output, "mistakes": MISTAKES.output},
    # Groups of duplicates only matter for intervals.
    internal_asset_deps={
        "metrics": {
            declaration.asset_key
            for declaration in (
                *SPLIT_ASSETS.values(),
                *SANITIZED.values(),
                *HASHES.values(),
                NEAR_PAIRS,
                RADIUS,
                ISSUES,
            )
        },
        "mistakes": {declaration.asset_key for declaration in (*SPLIT_ASSETS.values(), *SANITIZED.values(), ISSUES)},
    },
)
def baselines(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    values: ValueLoader,
    cluster: ClusterResource,
    raw_train: Split,
    raw_valid: Split,
    raw_test: Split,
    clean_train: Split,
    clean_valid: Split,
    clean_test: Split,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
) -> Iterator[dg.MaterializeResult[pd.DataFrame]]:
    """Fit and evaluate the models, and list the mistakes of the model that was trained on all sanitized rows."""
    raw = {"train": raw_train, "valid": raw_valid, "test": raw_test}
    clean = {"train": clean_train, "valid": clean_valid, "test": clean_test}
    config = settings.read()
    models = config.baseline_models
    if config.drop_label_issues:
        issues = values.table(ISSUES.path)
        raw["train"], clean["train"] = (without_issues(train, issues) for train in (raw_train, clean_train))
    index = values.near_index(near_pairs, radius)
    with as_dagster_failure(), cluster.open() as work_map:
        groups = row_groups(index)
        fitted = fit_baselines(raw, clean, models=models, groups=groups, work_map=work_map)
    if METRICS.asset_key in context.selected_asset_keys:
        yield dg.MaterializeResult(
            asset_key=METRICS.asset_key,
            value=fitted.metrics,
            data_version=data_version(fitted.metrics, leave_out=("seconds",)),
            metadata=metrics_metadata(
                fitted,
                models[0],
                raw,
                descriptions(METRICS.schema),
                facts={"without_label_issues": config.drop_label_issues},
            ),
        )
    if MISTAKES.asset_key in context.selected_asset_keys:
        evaluated = {name: raw[name] for name in EVALUATION}
        mistakes = confident_mistakes(evaluated, fitted.models[models[0], "sanitized", "all"].estimator)
        yield dg.MaterializeResult(
            asset_key=MISTAKES.asset_key,
            value=mistakes,
            data_version=data_version(mistakes),
            metadata=asset_page(
                mistakes_summary(mistakes, {name: len(split) for name, split in evaluated.items()}),
                picture={
                    "pictures": exhibits(
                        mistake_exhibits(evaluated, mistakes, groups, _MISTAKES_SHOWN),
                        "wrong predictions with high probabilities, one of each duplicate group; the label or the"
                        " prediction may be wrong",
                        per_line=4,
                    )
                },
                numbers={f"mistakes: {name}": int((mistakes["split"] == name).sum()) for name in EVALUATION},
                tables={"sample_rows": table(mistakes, MISTAKES.schema, shares=("probability",))},
            ),
        )


STAGE = Stage(
    [METRICS, MISTAKES, leakage.LEAKAGE, reference.REFERENCE], [baselines, leakage.leakage, reference.reference]
)
