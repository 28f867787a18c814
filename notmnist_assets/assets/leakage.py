"""Defines `baselines/leakage`: how much of the accuracy on leaking test rows is memory, and how much is selection."""

from typing import Final

import dagster as dg
import pandas as pd

from notmnist_assets.assets.declaration import Declaration
from notmnist_assets.assets.hashes import HASH_KEYS
from notmnist_assets.assets.near_pairs import NEAR_PAIRS, RADIUS
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.cluster import ClusterResource
from notmnist_assets.curation.baselines.leakage import (
    CHANGE,
    DIFFERENCE,
    TWINS,
    WITH,
    WITHOUT,
    find_twins,
    leakage_table,
    values_of,
)
from notmnist_assets.curation.baselines.nearest import NEAREST_NEIGHBOUR
from notmnist_assets.curation.baselines.scoring import row_groups
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.summaries.scores import leakage_summary
from notmnist_assets.metadata.columns import Column, Sources
from notmnist_assets.metadata.display import asset_page, table
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.types import data_version, table_type

GROUPED: Final[Sources] = {
    "hashes/*": ("exact",),
    "overlap/near_pairs": ("exact_a", "exact_b", "distance"),
    "overlap/radius": ("radius", "chosen"),
}
"""Columns that decide which rows are duplicates of each other."""
_SCORES: Final[Sources] = {f"splits/{name}": ("image", "label") for name in ("train", "test")} | dict(GROUPED)
_COLUMNS: Final = {
    "model": Column("string", "name of the classifier"),
    "scored": Column("string", "test rows with a twin in train, other rows, or the difference of the two"),
    "fitted": Column("string", "with twins, without twins, or the change from without to with"),
    "rows": Column("int64", "rows of test", GROUPED),
    "groups": Column("int64", "their duplicate groups; the first row of each is scored", GROUPED),
    "value": Column("float64", "accuracy, or difference of accuracies", _SCORES),
    "ci_low": Column("float64", "lower end of its 95 % interval, bootstrap over groups", _SCORES),
    "ci_high": Column("float64", "upper end of the interval", _SCORES),
    "improved": Column("int64", "groups that are right only with twins", _SCORES),
    "worsened": Column("int64", "groups that are right only without twins", _SCORES),
    "p_value": Column("float64", "exact McNemar test of these groups, NaN for other rows of the table", _SCORES),
}
LEAKAGE: Final = Declaration(
    key="baselines/leakage",
    code_version="2",
    role="evidence",
    dagster_type=table_type("Leakage", _COLUMNS, "Accuracies with and without the train rows that are also in test."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    columns=_COLUMNS,
    settings=("baselines",),
    is_endpoint=True,
    is_finding=True,
    description=(
        "Leak or selection? Test rows with a twin in train (the same image, or one within the radius) score higher. The"
        " first model of the baselines is fitted on train with and without the rows that are also in test, and the same"
        " test rows are scored: what is lost without the twins is memory, what is left of the gap is selection, since"
        " common images are easier. A nearest-neighbour classifier, which remembers every image, is the positive"
        " control. Each duplicate group counts once; intervals are a bootstrap over groups, tests are exact McNemar"
        " tests."
    ),
)


@LEAKAGE.asset(
    ins={
        **{name: SPLIT_ASSETS[name].input for name in ("train", "test")},
        "near_pairs": NEAR_PAIRS.input,
        "radius": RADIUS.input,
    },
    deps=HASH_KEYS,
)
def leakage(
    settings: SettingsResource,
    values: ValueLoader,
    cluster: ClusterResource,
    train: Split,
    test: Split,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Fit with and without twins, and score the same test rows."""
    index = values.near_index(near_pairs, radius)
    twins = find_twins(index, row_groups(index)["test"])
    model = settings.read().baseline_models[0]
    with as_dagster_failure(), cluster.open() as work_map:
        found = leakage_table(train, test, twins, model=model, work_map=work_map)
    return dg.MaterializeResult(
        value=found,
        data_version=data_version(found),
        metadata=asset_page(
            leakage_summary(found),
            numbers={
                **_gaps(found, model),
                "test_rows_with_a_twin": int(twins.test.sum()),
                "train_rows_with_a_twin": int(twins.train.sum()),
            },
            tables={
                "leakage": table(
                    found, LEAKAGE.schema, shares=("value",), intervals={"interval": ("ci_low", "ci_high")}
                )
            },
        ),
    )


def _gaps(found: pd.DataFrame, model: str) -> dict[str, float]:
    """Return the numbers of the answer in percentage points, by metadata label."""
    if found.empty:
        return {}
    rows, control = values_of(found, model), values_of(found, NEAREST_NEIGHBOUR)
    gaps = {
        "accuracy gap": rows[DIFFERENCE, WITH],
        "accuracy gap: memory": rows[TWINS, CHANGE],
        "accuracy gap: selection": rows[DIFFERENCE, WITHOUT],
        "accuracy gap: memory of the nearest neighbour": control[TWINS, CHANGE],
    }
    return {f"{name} (points)": 100 * gap.value for name, gap in gaps.items()}
