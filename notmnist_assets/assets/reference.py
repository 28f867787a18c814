"""Defines `baselines/reference`: accuracies of the assignment's own models, beside the published ones."""

from typing import Final

import dagster as dg
import pandas as pd

from notmnist_assets.assets.declaration import Declaration
from notmnist_assets.assets.hashes import HASH_KEYS
from notmnist_assets.assets.leakage import GROUPED
from notmnist_assets.assets.near_pairs import NEAR_PAIRS, RADIUS
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.cluster import ClusterResource
from notmnist_assets.curation.baselines.reference import reference_table, unshared_rows
from notmnist_assets.curation.baselines.scoring import row_groups
from notmnist_assets.curation.core.published import compare_accuracies
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.summaries.scores import reference_summary
from notmnist_assets.metadata.columns import Column, Sources
from notmnist_assets.metadata.display import asset_page, table
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.types import data_version, table_type

_FITTED: Final[Sources] = {"splits/train": ("image", "label")}
_SHARED: Final[Sources] = {"hashes/*": ("exact",)}
_SCORES: Final[Sources] = {**_FITTED, "splits/test": ("image", "label"), **_SHARED}
_COLUMNS: Final = {
    "model": Column("string", "one_vs_rest_liblinear, multinomial_lbfgs or one_vs_rest_sag"),
    "train_rows": Column("string", "50, 100, 1000, 5000 or all"),
    "fitted_rows": Column("int64", "training rows used"),
    "eval_rows": Column(
        "string", "raw: all test rows; unshared: those whose image is neither in train nor in valid; shared: the others"
    ),
    "rows": Column("int64", "evaluated rows", _SHARED),
    "groups": Column("int64", "duplicate groups of these rows", GROUPED),
    "accuracy": Column("float64", "share of evaluated rows that are classified correctly", _SCORES),
    "ci_low": Column("float64", "lower end of its 95 % interval, bootstrap over groups", {**_SCORES, **GROUPED}),
    "ci_high": Column("float64", "upper end of the interval", {**_SCORES, **GROUPED}),
    "converged": Column("bool", "whether the fit converged within 100 steps", _FITTED),
    "seconds": Column("float64", "duration of the fit in seconds"),
}
_COMPARED: Final = {
    "model": "fitted model",
    "train_rows": "training rows",
    "eval_rows": "evaluated test rows",
    "published": "published accuracy",
    "found": "accuracy found here; empty if the model was not fitted",
    "difference": "found minus published",
    "tolerance": "largest difference that counts as agreement; empty if the number cannot be repeated",
    "compared": "whether the numbers can be compared",
    "agrees": "whether the difference is within the tolerance",
    "source": "where the published number comes from",
}
REFERENCE: Final = Declaration(
    key="baselines/reference",
    code_version="3",
    role="evidence",
    dagster_type=table_type("Reference", _COLUMNS, "Accuracies of the assignment's own models."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    columns=_COLUMNS,
    settings=("reference_all",),
    is_endpoint=True,
    description=(
        "Accuracies of the models that solutions of the assignment used, on the split of the assignment before"
        " sanitizing: one-vs-rest logistic regression by liblinear, scikit-learn's former default, and multinomial by"
        " lbfgs, its present one, on the first 50, 100, 1000 and 5000 rows. With NOTMNIST_REFERENCE_ALL=true, lbfgs and"
        " one-vs-rest by sag are fitted on all rows too, which takes minutes for 200,000 rows. With the profile full,"
        " default sizes and seed, the check published_accuracies compares them with published accuracies."
    ),
)


@REFERENCE.asset(
    ins={
        **{name: SPLIT_ASSETS[name].input for name in ("train", "test")},
        "near_pairs": NEAR_PAIRS.input,
        "radius": RADIUS.input,
    },
    deps=HASH_KEYS,
)
def reference(
    settings: SettingsResource,
    values: ValueLoader,
    cluster: ClusterResource,
    train: Split,
    test: Split,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Fit the models of the assignment and score test."""
    config = settings.read()
    index = values.near_index(near_pairs, radius)
    with as_dagster_failure(), cluster.open() as work_map:
        found = reference_table(
            *(train, test, unshared_rows(index), row_groups(index)["test"]),
            on_all=config.reference_all,
            work_map=work_map,
        )
    compared = {"published": compared_table(compare_accuracies(found))} if config.is_published_split else {}
    most_rows_first = found.sort_values("fitted_rows", ascending=False, kind="stable")
    return dg.MaterializeResult(
        value=found,
        data_version=data_version(found, leave_out=("seconds",)),
        metadata=asset_page(
            reference_summary(found, compared=config.is_published_split),
            tables={
                **compared,
                "reference": table(
                    most_rows_first,
                    REFERENCE.schema,
                    shares=("accuracy",),
                    intervals={"interval": ("ci_low", "ci_high")},
                ),
            },
        ),
    )


def compared_table(compared: pd.DataFrame) -> dg.TableMetadataValue:
    """Return the comparison with published accuracies, as `compare_accuracies` returns it, for a page."""
    return table(compared, _COMPARED, shares=("published", "found", "difference", "tolerance"))
