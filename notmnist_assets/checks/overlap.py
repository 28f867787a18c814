"""Checks of `overlap/report`: images that merged splits share.

Belongs here: warnings of leaks. That merged splits leak is a fact of the data, not an error; `checks.sanitized` is
strict.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.assets.hashes import HASHES
from notmnist_assets.assets.stored_values import StoredValues
from notmnist_assets.assets.near_pairs import NEAR_PAIRS, RADIUS
from notmnist_assets.assets.overlap import REPORT
from notmnist_assets.checks.results import check_result, only_selected
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.duplicates.row_index import METHODS, NO_ROW, Method, RowIndex
from notmnist_assets.curation.splitting.splits import EARLIER, SPLITS
from notmnist_assets.metadata.display import table

_REPORT = REPORT.asset_key
_METHODS: Final[Mapping[Method, str]] = {
    "exact": "with equal pixels",
    "cells": "with equal maxima of all 4x4 cells",
    "near": "within the radius",
}


@dg.multi_asset_check(
    name="overlap_checks",
    specs=[
        dg.AssetCheckSpec(
            f"no_leakage_{method}",
            asset=_REPORT,
            additional_deps=[declaration.asset_key for declaration in (*HASHES.values(), NEAR_PAIRS, RADIUS)],
            description=f"No image of valid is in train, and none of test in train or valid, {_METHODS[method]}. A"
            " warning: the merged splits are what the assignment uses; the sanitized ones are free of it.",
        )
        for method in METHODS
    ],
    ins={"report": REPORT.check_input, "near_pairs": NEAR_PAIRS.check_input, "radius": RADIUS.check_input},
    can_subset=True,
)
def overlap_checks(
    context: dg.AssetCheckExecutionContext,
    values: StoredValues,
    report: pd.DataFrame,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
) -> Iterator[dg.AssetCheckResult]:
    """Warn of evaluation rows that training rows give away."""
    used = chosen_radius(radius)
    yield from only_selected(context, _judge_leaks(report, values.row_index().with_pairs(near_pairs, used), used))


def _judge_leaks(report: pd.DataFrame, index: RowIndex, radius: float) -> Iterator[dg.AssetCheckResult]:
    pairs = zip(report["rows_of"], report["found_in"], strict=True)
    leaks = pd.Series([found_in in EARLIER.get(rows_of, ()) for rows_of, found_in in pairs], report.index, "bool")
    for method in METHODS:
        part = report[(report["method"] == method) & leaks]
        leaking = _leaking_rows(index, method)
        rows = sum(leaking.values())
        by_split = ", ".join(f"{count:,} of {name}" for name, count in leaking.items() if count)
        how = f"{_METHODS[method]} {radius:g}" if method == "near" else _METHODS[method]
        yield check_result(
            _REPORT,
            f"no_leakage_{method}",
            passed=rows == 0,
            actual=f"{counted(rows, 'row')} ({by_split}) {how}" if rows else f"0 rows {how}",
            threshold=0,
            severity=dg.AssetCheckSeverity.WARN,
            leaking_rows=rows,
            **{f"leaking_rows_of_{name}": count for name, count in leaking.items()},
            rows=table(part),
        )


def _leaking_rows(index: RowIndex, method: Method) -> dict[str, int]:
    """Return how many rows of valid are in train, and how many of test in train, valid or both."""
    leaking: dict[str, int] = {}
    before = np.zeros(len(index.split), np.bool_)
    for name in SPLITS:
        rows = index.in_split(name)
        if before.any():
            leaking[name] = int((index.nearest(before, method).row[index.image[rows]] != NO_ROW).sum())
        before |= rows
    return leaking


CHECKS: Sequence[dg.AssetChecksDefinition] = [overlap_checks]
