"""Checks of `sanitized/*`: no leaks, repeats or conflicts are left, all rows are accounted for, classes are balanced.

The stored splits are searched by code that sanitizing does not use.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.assets.near_pairs import RADIUS
from notmnist_assets.assets.sanitized import REMOVED, SANITIZED, sanitize_policy
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.checks.common import (
    CLASS_BALANCE,
    CLASS_BALANCE_DESCRIPTION,
    DISJOINT_CHECKS,
    check_class_balance,
    check_disjoint,
    no_rows_result,
    run_selected,
)
from notmnist_assets.checks.results import check_result
from notmnist_assets.checks.within_split import WITHIN_SPLIT_CHECKS, check_within_split, within_split_specs
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.sanitizing.overrides import find_overridden_rows, kept_rows
from notmnist_assets.curation.sanitizing.reconciliation import unreconciled_rows
from notmnist_assets.curation.splitting.splits import EVALUATION
from notmnist_assets.metadata.display import table
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.resource import SettingsResource

_EXAMPLES = 20
_ACCOUNTED = "all_rows_accounted_for"
_KEYS = {name: declaration.asset_key for name, declaration in SANITIZED.items()}
_RAW_KEYS = [declaration.asset_key for declaration in SPLIT_ASSETS.values()]


@dg.multi_asset_check(
    name="sanitized_checks",
    specs=[
        *(
            dg.AssetCheckSpec(
                name,
                asset=_KEYS[split],
                blocking=True,
                additional_deps=[RADIUS.asset_key],
                description=description,
            )
            for split in EVALUATION
            for name, description in DISJOINT_CHECKS.items()
        ),
        *(dg.AssetCheckSpec(CLASS_BALANCE, asset=key, description=CLASS_BALANCE_DESCRIPTION) for key in _KEYS.values()),
        *(
            dg.AssetCheckSpec(
                _ACCOUNTED,
                asset=key,
                blocking=True,
                additional_deps=[REMOVED.asset_key, *_RAW_KEYS],
                description="Each row of the split before sanitizing is exactly once in the sanitized split, with the"
                " same pixels and letter, or in sanitized/removed.",
            )
            for key in _KEYS.values()
        ),
        *within_split_specs(_KEYS, [RADIUS.asset_key]),
    ],
    ins={
        **{name: declaration.check_input for name, declaration in SANITIZED.items()},
        **{f"raw_{name}": declaration.check_input for name, declaration in SPLIT_ASSETS.items()},
        "removed": REMOVED.check_input,
        "radius": RADIUS.check_input,
    },
    can_subset=True,
)
def sanitized_checks(
    context: dg.AssetCheckExecutionContext,
    settings: SettingsResource,
    train: Split,
    valid: Split,
    test: Split,
    raw_train: Split,
    raw_valid: Split,
    raw_test: Split,
    removed: pd.DataFrame,
    radius: pd.DataFrame,
) -> Iterator[dg.AssetCheckResult]:
    """Search the stored splits for duplicates and conflicts, and reconcile them with the splits before sanitizing."""
    splits = {"train": train, "valid": valid, "test": test}
    config = settings.read()
    raw = {"train": raw_train, "valid": raw_valid, "test": raw_test}
    with as_dagster_failure():
        raw = find_overridden_rows(config.overrides, raw).relabel(raw)
    near_radius = chosen_radius(radius)
    disjoint = check_disjoint(
        _KEYS, splits, near_radius, shifts=config.near_shifts, near_is_error=config.sanitize_method == "near"
    )
    yield from run_selected(
        context,
        [
            (DISJOINT_CHECKS, disjoint),
            ((CLASS_BALANCE,), check_class_balance(_KEYS, splits, config.largest_imbalance)),
            ((_ACCOUNTED,), _check_reconciliation(splits, raw, removed)),
            (
                WITHIN_SPLIT_CHECKS,
                check_within_split(
                    _KEYS,
                    splits,
                    sanitize_policy(config),
                    near_radius,
                    shifts=config.near_shifts,
                    kept_by_override={name: kept_rows(config.overrides, split) for name, split in splits.items()},
                ),
            ),
        ],
    )


def _check_reconciliation(
    splits: Mapping[str, Split], raw: Mapping[str, Split], removed: pd.DataFrame
) -> Iterator[dg.AssetCheckResult]:
    for name, split in splits.items():
        removed_rows = removed.loc[removed["split"] == name, "row"].to_numpy(np.int64)
        if not len(raw[name]) and not len(split) and not len(removed_rows):
            yield no_rows_result(_KEYS[name], _ACCOUNTED)
            continue
        problems = unreconciled_rows(split, raw[name], removed_rows)
        yield check_result(
            _KEYS[name],
            _ACCOUNTED,
            passed=problems.empty,
            actual=len(problems),
            threshold=0,
            rows=len(split),
            removed=len(removed_rows),
            rows_before=len(raw[name]),
            unaccounted=table(problems.head(_EXAMPLES)),
        )


CHECKS: Sequence[dg.AssetChecksDefinition] = [sanitized_checks]
