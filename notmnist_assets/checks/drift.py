"""Checks `drift`: whether a refresh changed the data more than the limits in an asset's declaration allow.

An asset is compared with its last materialization of other content that was made with the same settings, by the
numbers that both recorded. Comparing with the materialization before would lose a warning as soon as the same data are
materialized again; other settings give other data on purpose.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import dagster as dg

from notmnist_assets.assets.declaration import Declaration, Drift, Stage
from notmnist_assets.checks.history import Recorded, compare_with_history
from notmnist_assets.checks.results import check_result
from notmnist_assets.curation.core.drift import compare, in_words
from notmnist_assets.metadata.display import table
from notmnist_assets.staleness.outcomes import DRIFT

_WHAT: Final = (
    "Compared with the last materialization of other content that was made with the same settings, no recorded number"
    " moved further than its limit. A warning: the change may be meant. Skipped where there is none to compare with."
)


def build_checks(stages: Sequence[Stage]) -> list[dg.AssetChecksDefinition]:
    """Return the checks of all assets that declare limits.

    They are two steps, since each step costs time: one for letters, before splits are sampled, one for the rest.
    """
    declared = [declaration for stage in stages for declaration in stage.declarations if declaration.drift]
    return [
        _drift_checks("letter_drift", [declaration for declaration in declared if declaration.role == "raw"]),
        _drift_checks("result_drift", [declaration for declaration in declared if declaration.role != "raw"]),
    ]


def _drift_checks(name: str, declared: Sequence[Declaration]) -> dg.AssetChecksDefinition:
    limits = {declaration.asset_key: declaration.drift for declaration in declared if declaration.drift is not None}

    @dg.multi_asset_check(
        name=name,
        specs=[
            dg.AssetCheckSpec(DRIFT, asset=key, description=f"{_WHAT} {drift.reason}") for key, drift in limits.items()
        ],
        can_subset=True,
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        skipped: dict[str, list[str]] = {}
        for key, drift in limits.items():
            if dg.AssetCheckKey(key, DRIFT) not in context.selected_asset_check_keys:
                continue
            comparison = compare_with_history(context.instance, key)
            if comparison.actual is None or comparison.previous is None:
                skipped.setdefault(comparison.reason, []).append(key.to_user_string())
            else:
                yield _compare(key, drift, comparison.actual, comparison.previous)
        # A check without a result is neither green nor red: the UI shows it as skipped.
        for reason, names in skipped.items():
            context.log.info(f"Not compared: {', '.join(names)}: {reason}.")

    return checks


def _compare(key: dg.AssetKey, drift: Drift, actual: Recorded, previous: Recorded) -> dg.AssetCheckResult:
    compared = compare(previous.numbers, actual.numbers, drift.limits(previous.numbers))
    drifted = compared[compared["drifted"]]
    return check_result(
        key,
        DRIFT,
        passed=drifted.empty,
        actual=len(drifted),
        threshold=0,
        severity=dg.AssetCheckSeverity.WARN,
        summary=in_words(drifted) or "nothing drifted",
        drifted=table(drifted),
        compared=table(compared),
        previous_made=dg.MetadataValue.timestamp(previous.time),
        previous_run=dg.MetadataValue.dagster_run(previous.run_id),
    )
