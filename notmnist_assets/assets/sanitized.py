"""Defines `sanitized/train`, `/valid`, `/test`, without leaks, conflicts and repeats, and `sanitized/removed`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.assets.declaration import Declaration, Drift, Stage
from notmnist_assets.assets.hashes import HASH_KEYS
from notmnist_assets.assets.near_pairs import NEAR_PAIRS, RADIUS
from notmnist_assets.assets.removed_metadata import REMOVED_COLUMNS, removed_metadata
from notmnist_assets.assets.splits import SPLIT_ASSETS, columns_from_split
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.curation.core.drift import Limit, within_share
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.statistics import label_counts
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.sanitizing.decision import OVERRIDE, REASONS, Policy, sanitize
from notmnist_assets.curation.sanitizing.overrides import find_overridden_rows
from notmnist_assets.curation.sanitizing.thinning import most_thinned, rows_lost_to_sanitizing
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.curation.summaries.results import clean_summary
from notmnist_assets.metadata.display import (
    asset_page,
    contact_sheet_metadata,
    counts_table,
)
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.model import Settings
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.types import SplitType, data_version, table_type

POLICY_SETTINGS: Final = ("sanitize_method", "sanitize_remove", "sanitize_conflicts", "sanitize_repeats")


def sanitize_policy(config: Settings) -> Policy:
    """Return the policy of the settings."""
    return Policy(config.sanitize_method, config.sanitize_remove, config.sanitize_conflicts, config.sanitize_repeats)


def _limits(_previous: Mapping[str, float]) -> Mapping[str, Limit]:
    return dict.fromkeys(("rows", *(f"rows of {letter}" for letter in LETTERS)), within_share(0.05))


CLEAN_DRIFT: Final = Drift(
    "Rows, and rows of each letter: 5 %, as for letters.",
    _limits,
    table="rows_per_letter",
)
"""Limits of change of sanitized and grouped splits."""


def _declaration(name: str) -> Declaration:
    return Declaration(
        key=f"sanitized/{name}",
        code_version="2",
        role="dataset",
        dagster_type=SplitType,
        io_manager="split_io",
        kinds={"numpy"},
        columns=columns_from_split(f"splits/{name}"),
        settings=(*POLICY_SETTINGS, "overrides"),
        guards=("largest_imbalance",),
        drift=CLEAN_DRIFT,
        description=(
            f"splits/{name} without rows that leak into another split, have an image with conflicting letters, or"
            " repeat another row with equal or near pixels. sanitized/removed lists the removed rows with the reasons."
        ),
    )


SANITIZED: Final = {name: _declaration(name) for name in SPLITS}
REMOVED: Final = Declaration(
    key="sanitized/removed",
    code_version="2",
    role="evidence",
    dagster_type=table_type("RemovedRows", REMOVED_COLUMNS, "Rows that sanitizing removed, with the reasons."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    is_finding=True,
    columns=REMOVED_COLUMNS,
    settings=(*POLICY_SETTINGS, "overrides"),
    description=(
        "Every row that sanitizing removed, with the first reason that applies and the nearest row that it collides"
        " with. The rules are applied in this order. Leaks: valid rows whose image is in train are removed, and test"
        " rows whose image is in train or valid; with NOTMNIST_SANITIZE_REMOVE=training, rows of train and valid are"
        " removed instead, and no test row is removed for leaking. Conflicts: all rows of an image with different"
        " letters are removed; NOTMNIST_SANITIZE_CONFLICTS can keep the rows of the majority letter, or all rows."
        " Repeats: within a split, rows are taken in order, and each with the same image as one taken before is"
        " removed: as a repeat if their pixels are equal, else as a near repeat. NOTMNIST_SANITIZE_REPEATS can keep"
        " near repeats, or all. NOTMNIST_SANITIZE_METHOD defines the same image: equal pixels (exact), equal 4x4 maxima"
        " (cells), or pixels within the radius (near). The table `by_letter` in the metadata counts what each letter"
        " lost."
    ),
)
_DECIDING_KEYS = {declaration.asset_key for declaration in (*SPLIT_ASSETS.values(), NEAR_PAIRS, RADIUS)}


@dg.multi_asset(
    name="sanitized",
    can_subset=True,
    deps=HASH_KEYS,
    ins={
        **{name: declaration.input for name, declaration in SPLIT_ASSETS.items()},
        "near_pairs": NEAR_PAIRS.input,
        "radius": RADIUS.input,
    },
    outs={"removed": REMOVED.output, **{name: declaration.output for name, declaration in SANITIZED.items()}},
    # Dagster compares direct inputs only: with these, sanitized splits become unsynced together with the removed rows.
    internal_asset_deps={
        "removed": {*HASH_KEYS, *_DECIDING_KEYS},
        **{name: {*_DECIDING_KEYS, REMOVED.asset_key} for name in SPLITS},
    },
)
def sanitized(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    values: ValueLoader,
    train: Split,
    valid: Split,
    test: Split,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
) -> Iterator[dg.MaterializeResult[Any]]:
    """Decide which rows to remove, and copy the others."""
    config = settings.read()
    policy = sanitize_policy(config)
    splits = {"train": train, "valid": valid, "test": test}
    near_radius = chosen_radius(radius)
    with as_dagster_failure():
        overrides = find_overridden_rows(config.overrides, splits)
    index = values.near_index(near_pairs, radius)
    outcome = sanitize(index, policy, overrides)
    splits = overrides.relabel(splits)
    lost = {name: rows_lost_to_sanitizing(split, outcome.removed, name) for name, split in splits.items()}
    if REMOVED.asset_key in context.selected_asset_keys:
        yield dg.MaterializeResult(
            asset_key=REMOVED.asset_key,
            value=outcome.removed,
            data_version=data_version(outcome.removed),
            metadata=removed_metadata(splits, index, outcome, policy, lost, config.overrides),
        )
    for name, declaration in SANITIZED.items():
        if declaration.asset_key not in context.selected_asset_keys:
            continue
        split = splits[name].take(outcome.kept[name].astype(np.intp))
        reasons = outcome.removed.loc[outcome.removed["split"] == name, "reason"].value_counts()
        yield dg.MaterializeResult(
            asset_key=declaration.asset_key,
            value=split,
            data_version=data_version(split),
            metadata=asset_page(
                clean_summary(
                    "sanitized",
                    name,
                    len(split),
                    len(splits[name]),
                    "Leaks, conflicting letters and repeats are removed.",
                ),
                picture={"pictures": contact_sheet_metadata(split.images, declaration.key)},
                numbers={
                    "rows": len(split),
                    "removed": len(splits[name]) - len(split),
                    **{f"removed: {reason}": int(reasons.get(reason, 0)) for reason in REASONS if reason != OVERRIDE},
                },
                facts={"method": _method(policy, near_radius), "thinned_most": most_thinned(lost[name])},
                tables={"rows_per_letter": counts_table(label_counts(split.labels).tolist())},
            ),
        )


def _method(policy: Policy, radius: float) -> str:
    return f"near, at most {radius:g} apart" if policy.method == "near" else policy.method


STAGE = Stage([REMOVED, *SANITIZED.values()], [sanitized])
