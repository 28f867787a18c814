"""Checks of `sanitized/*`: no leaks, repeats or conflicts are left, all rows are accounted for, classes are balanced.

The stored splits are searched by code that sanitizing does not use.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.assets.near_pairs import RADIUS
from notmnist_assets.assets.sanitized import REMOVED, SANITIZED
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
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.sanitizing.overrides import find_overridden_rows, kept_rows
from notmnist_assets.curation.sanitizing.reconciliation import unreconciled_rows
from notmnist_assets.curation.splitting.splits import EVALUATION
from notmnist_assets.metadata.display import table
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.model import PREFIX, Settings
from notmnist_assets.settings.resource import SettingsResource

_EXAMPLES = 20
_ACCOUNTED = "all_rows_accounted_for"
_REPEATS = "no_repeats"
_CONTRADICTIONS = "no_contradictions"
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
                description="Each row of the merged split is exactly once in the sanitized split, with the same pixels"
                " and letter, or in sanitized/removed.",
            )
            for key in _KEYS.values()
        ),
        *(
            dg.AssetCheckSpec(
                _REPEATS,
                asset=key,
                blocking=True,
                description="No two rows of the split have the same pixels. Passes if the settings keep repeats.",
            )
            for key in _KEYS.values()
        ),
        *(
            dg.AssetCheckSpec(
                _CONTRADICTIONS,
                asset=key,
                blocking=True,
                additional_deps=[*(other for other in _KEYS.values() if other != key), RADIUS.asset_key],
                description="No row with another letter has the same image: the same pixels, in any sanitized split;"
                " with the method cells, the same maxima of 4x4 cells, in any sanitized split; with near, an image"
                " within the radius, in this split (no_near_duplicates checks the other splits). Passes if the settings"
                " keep conflicts.",
            )
            for key in _KEYS.values()
        ),
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
    """Search the stored splits for duplicates and conflicts, and reconcile them with the merged splits."""
    splits = {"train": train, "valid": valid, "test": test}
    chosen = settings.read()
    raw = {"train": raw_train, "valid": raw_valid, "test": raw_test}
    with as_dagster_failure():
        raw = find_overridden_rows(chosen.overrides, raw).relabel(raw)
    used = chosen_radius(radius)
    disjoint = check_disjoint(
        _KEYS, splits, used, shifts=chosen.near_shifts, near_is_error=chosen.sanitize_method == "near"
    )
    yield from run_selected(
        context,
        [
            (DISJOINT_CHECKS, disjoint),
            ((CLASS_BALANCE,), check_class_balance(_KEYS, splits)),
            ((_ACCOUNTED,), _check_reconciliation(splits, raw, removed)),
            ((_REPEATS, _CONTRADICTIONS), _check_duplicates_within(splits, chosen, used)),
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
            rows_merged=len(raw[name]),
            unaccounted=table(problems.head(_EXAMPLES)),
        )


def _check_duplicates_within(
    splits: Mapping[str, Split], chosen: Settings, radius: float
) -> Iterator[dg.AssetCheckResult]:
    # Imported here because it imports Numba, which is not needed to load the definitions.
    from notmnist_assets.curation.sanitizing.verification import near_contradictions, number_images

    images = [split.images for split in splits.values()]
    numbers = number_images(images)
    same = number_images(images, by_cells=True) if chosen.sanitize_method == "cells" else numbers
    conflicting = _conflicting_images(np.concatenate(same), np.concatenate([split.labels for split in splits.values()]))
    drop_repeats, drop_conflicts = chosen.sanitize_repeats == "drop", chosen.sanitize_conflicts != "keep"
    for (name, split), image_of, same_image_of in zip(splits.items(), numbers, same, strict=True):
        if not len(split):
            yield from (no_rows_result(_KEYS[name], check) for check in (_REPEATS, _CONTRADICTIONS))
            continue
        by_person = kept_rows(chosen.overrides, split)
        repeats = split.sources[pd.Series(image_of).duplicated(keep=False).to_numpy() & ~by_person]
        yield check_result(
            _KEYS[name],
            _REPEATS,
            passed=repeats.empty or not drop_repeats,
            actual=len(repeats),
            threshold=0 if drop_repeats else f"kept by {PREFIX}SANITIZE_REPEATS=keep",
            examples=_example_table(repeats),
        )
        found = np.isin(same_image_of, conflicting)
        if drop_conflicts and chosen.sanitize_method == "near":
            pairs = near_contradictions(split.images, split.labels, radius, shifts=chosen.near_shifts)
            for row, other_row, _ in pairs:
                found[[row, other_row]] = True
        contradictions = split.sources[found & ~by_person]
        yield check_result(
            _KEYS[name],
            _CONTRADICTIONS,
            passed=contradictions.empty or not drop_conflicts,
            actual=len(contradictions),
            threshold=0 if drop_conflicts else f"kept by {PREFIX}SANITIZE_CONFLICTS=keep",
            method=chosen.sanitize_method,
            radius=radius,
            shifts=chosen.near_shifts,
            examples=_example_table(contradictions),
        )


def _conflicting_images(numbers: npt.NDArray[np.int64], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return the numbers of images that have rows of several letters.

    Args:
        numbers: int64 (n,), image number of each row.
        labels: int32 (n,), 0 to 9 for A to J.
    """
    image, letters = np.unique(np.unique(numbers * len(LETTERS) + labels) // len(LETTERS), return_counts=True)
    return image[letters > 1]


def _example_table(rows: pd.DataFrame) -> dg.TableMetadataValue:
    return table(rows.head(_EXAMPLES).reset_index(names="row"))


CHECKS: Sequence[dg.AssetChecksDefinition] = [sanitized_checks]
