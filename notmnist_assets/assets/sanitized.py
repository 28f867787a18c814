"""`sanitized/train`, `/valid`, `/test` and `sanitized/removed`: splits without leaks, repeats and contradictions.

Belongs here: wiring the policy to the decision and telling what it did. The rules are in `curation.sanitizing`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.assets.inputs import hash_inputs, hashes_of, split_inputs, splits_of, table_input
from notmnist_assets.assets.outputs import split_outputs
from notmnist_assets.curation.images import LETTERS
from notmnist_assets.curation.near_table import chosen_radius
from notmnist_assets.curation.relation import RowIndex
from notmnist_assets.curation.sanitizing import REASONS, Policy, sanitize
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.statistics import label_counts
from notmnist_assets.metadata import contact_sheet_metadata, counts_table
from notmnist_assets.resources import SettingsResource
from notmnist_assets.types import (
    REMOVED_ROWS,
    NearPairsType,
    RadiusCurveType,
    RemovedRowsType,
    data_version,
)

CODE_VERSION = "1"


def sanitize_policy(settings: SettingsResource) -> Policy:
    """Return the policy that the settings of this run name."""
    chosen = settings.read()
    return Policy(chosen.sanitize_method, chosen.sanitize_remove, chosen.sanitize_conflicts, chosen.sanitize_repeats)


_DESCRIPTIONS = {
    name: f"splits/{name} without rows that leak into another split, contradict each other about the letter, or repeat."
    " Which rows left, and why, is in sanitized/removed."
    for name in SPLITS
}


@dg.multi_asset(
    name="sanitized",
    group_name="sanitized",
    can_subset=True,
    ins={
        **split_inputs("splits"),
        **hash_inputs(),
        "near_pairs": table_input("overlap", "near_pairs", NearPairsType),
        "radius": table_input("overlap", "radius", RadiusCurveType),
    },
    outs={
        **split_outputs("sanitized", CODE_VERSION, _DESCRIPTIONS),
        "removed": dg.AssetOut(
            key=["sanitized", "removed"],
            dagster_type=RemovedRowsType,
            io_manager_key="table_io",
            code_version=CODE_VERSION,
            kinds={"pandas", "parquet"},
            is_required=False,
            metadata={"dagster/column_schema": REMOVED_ROWS},
            description="Every row that sanitizing removed, the reason, and the row it collides with.",
        ),
    },
)
def sanitized(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    **inputs: Any,
) -> Iterator[dg.MaterializeResult[Any]]:
    """Decide which rows stay, then copy them."""
    policy = sanitize_policy(settings)
    splits = splits_of(inputs)
    outcome = sanitize(RowIndex(hashes_of(inputs), near_pairs, chosen_radius(radius)), policy)
    for name in SPLITS:
        key = dg.AssetKey(["sanitized", name])
        if key not in context.selected_asset_keys:
            continue
        split = splits[name].take(outcome.kept[name].astype(np.intp))
        counts = label_counts(split.labels).tolist()
        reasons = outcome.removed.loc[outcome.removed["split"] == name, "reason"].value_counts()
        yield dg.MaterializeResult(
            asset_key=key,
            value=split,
            data_version=data_version(split),
            metadata={
                "rows": len(split),
                "removed": len(splits[name]) - len(split),
                **{f"removed: {reason}": int(reasons.get(reason, 0)) for reason in REASONS},
                "method": policy.method,
                "radius": chosen_radius(radius),
                **{
                    f"share: {letter}": count / max(len(split), 1)
                    for letter, count in zip(LETTERS, counts, strict=True)
                },
                "rows_per_letter": counts_table(counts, "rows"),
                "pictures": contact_sheet_metadata(split.images, f"sanitized/{name}"),
            },
        )
    key = dg.AssetKey(["sanitized", "removed"])
    if key in context.selected_asset_keys:
        yield dg.MaterializeResult(
            asset_key=key,
            value=outcome.removed,
            data_version=data_version(outcome.removed),
            metadata={"rows": len(outcome.removed)},
        )


ASSETS: Sequence[dg.AssetsDefinition] = [sanitized]
