"""Checks of `overlap/*`: warn if valid or test of `splits/*` leaks, and if there are too few pairs to choose a radius.

Leaks are expected before sanitizing, so that these checks only warn; the checks of `sanitized/*` are errors.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.assets.hashes import HASHES
from notmnist_assets.assets.near_pairs import NEAR_PAIRS, RADIUS
from notmnist_assets.assets.overlap import REPORT
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.checks.results import check_result, only_selected
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.duplicates.radius import CROSS_LETTER_LIMIT, FALLBACK_RADIUS, choose_radius
from notmnist_assets.curation.duplicates.row_index import METHODS, NO_ROW, Method, RowIndex
from notmnist_assets.curation.splitting.splits import EARLIER, SPLITS
from notmnist_assets.metadata.display import table
from notmnist_assets.settings.model import Settings

_FEWEST_PAIRS: Final = round(1 / CROSS_LETTER_LIMIT)
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
            description=f"No image of valid is in train, and none of test is in train or valid, {_METHODS[method]}."
            " Warns only: leaks are expected in splits/*; sanitized/* removes them.",
        )
        for method in METHODS
    ],
    ins={"report": REPORT.check_input, "near_pairs": NEAR_PAIRS.check_input, "radius": RADIUS.check_input},
    can_subset=True,
)
def overlap_checks(
    context: dg.AssetCheckExecutionContext,
    values: ValueLoader,
    report: pd.DataFrame,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
) -> Iterator[dg.AssetCheckResult]:
    """Count the evaluation rows whose image is in an earlier split."""
    near_radius = chosen_radius(radius)
    yield from only_selected(context, _check_leaks(report, values.near_index(near_pairs, radius), near_radius))


def _check_leaks(report: pd.DataFrame, index: RowIndex, radius: float) -> Iterator[dg.AssetCheckResult]:
    pairs = zip(report["rows_of"], report["found_in"], strict=True)
    of_earlier = pd.Series([found_in in EARLIER.get(rows_of, ()) for rows_of, found_in in pairs], report.index, "bool")
    for method in METHODS:
        counts = report[(report["method"] == method) & of_earlier]
        leaking = _leaking_rows(index, method)
        rows = sum(leaking.values())
        by_split = ", ".join(f"{count:,} of {name}" for name, count in leaking.items() if count)
        relation = f"{_METHODS[method]} {radius:g}" if method == "near" else _METHODS[method]
        yield check_result(
            _REPORT,
            f"no_leakage_{method}",
            passed=rows == 0,
            actual=f"{counted(rows, 'row')} ({by_split}) {relation}" if rows else f"0 rows {relation}",
            threshold=0,
            severity=dg.AssetCheckSeverity.WARN,
            gallery="groups&method=cells" if method == "cells" else "pairs",
            leaking_rows=rows,
            **{f"leaking_rows_of_{name}": count for name, count in leaking.items()},
            rows=table(counts, shares=("share",)),
        )


def _leaking_rows(index: RowIndex, method: Method) -> dict[str, int]:
    """Return the number of rows of valid that are in train, and of rows of test that are in train, valid or both."""
    leaking: dict[str, int] = {}
    earlier = np.zeros(len(index.split), np.bool_)
    for name in SPLITS:
        rows = index.in_split(name)
        if earlier.any():
            leaking[name] = int((index.nearest(earlier, method).row[index.image[rows]] != NO_ROW).sum())
        earlier |= rows
    return leaking


@dg.asset_check(
    name="enough_pairs_to_choose",
    asset=RADIUS.asset_key,
    description=f"The radius is chosen from at least {_FEWEST_PAIRS} pairs within the fallback, {FALLBACK_RADIUS:g}."
    " With fewer, a single wrong label would decide, so that the fallback is used whatever the data are.",
)
def enough_pairs_to_choose(radius: pd.DataFrame) -> dg.AssetCheckResult:
    """Count the pairs within the fallback radius."""
    pairs = int(radius.loc[radius["radius"] <= FALLBACK_RADIUS, "pairs"].max())
    choice = choose_radius(radius)
    return check_result(
        RADIUS.asset_key,
        "enough_pairs_to_choose",
        passed=pairs >= _FEWEST_PAIRS,
        actual=f"{counted(pairs, 'pair')} within radius {FALLBACK_RADIUS:g}",
        threshold=f"at least {_FEWEST_PAIRS}",
        severity=dg.AssetCheckSeverity.WARN,
        pairs=pairs,
        radius=choice.radius,
        why=choice.reason,
    )


def optional_checks(settings: Settings) -> Sequence[dg.AssetChecksDefinition]:
    """Return the check of the number of pairs if the radius is chosen from the data."""
    return [enough_pairs_to_choose] if settings.near_radius is None else []


CHECKS: Sequence[dg.AssetChecksDefinition] = [overlap_checks]
