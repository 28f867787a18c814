"""Checks `drift`: warn if a refresh changed the numbers of an asset by more than the limits in its declaration.

An asset is compared with its last materialization that has different content and the same settings. The materialization
just before would lose a warning as soon as the same data are materialized again, and different settings change the data
on purpose.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import dagster as dg

from notmnist_assets.assets.declaration import Declaration, Drift, Stage
from notmnist_assets.checks.earlier_content import Recorded, compare_with_history
from notmnist_assets.checks.results import check_result
from notmnist_assets.curation.core.drift import compare, describe_changes
from notmnist_assets.metadata.display import table
from notmnist_assets.staleness.outcomes import DRIFT

_DESCRIPTION: Final = (
    "Compared with the last materialization with different content and the same settings, no recorded number changed by"
    " more than its limit. A failure is a warning, because the change may be intended. Skipped if there is no such"
    " materialization."
)


def build_checks(stages: Sequence[Stage]) -> list[dg.AssetChecksDefinition]:
    """Return the checks of all assets that declare limits, as two steps because each step takes time.

    The first step checks the letters, before splits are sampled, the second one all other assets.
    """
    declared = [declaration for stage in stages for declaration in stage.declarations if declaration.drift]
    return [
        _drift_checks("letter_drift", [declaration for declaration in declared if declaration.role == "raw"]),
        _drift_checks("result_drift", [declaration for declaration in declared if declaration.role != "raw"]),
    ]


def _drift_checks(name: str, declared: Sequence[Declaration]) -> dg.AssetChecksDefinition:
    by_key = {declaration.asset_key: declaration for declaration in declared}
    limits = {key: declaration.drift for key, declaration in by_key.items() if declaration.drift is not None}

    @dg.multi_asset_check(
        name=name,
        specs=[
            dg.AssetCheckSpec(DRIFT, asset=key, description=f"{_DESCRIPTION} {drift.reason}")
            for key, drift in limits.items()
        ],
        can_subset=True,
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        skipped: dict[str, list[str]] = {}
        for key, drift in limits.items():
            if dg.AssetCheckKey(key, DRIFT) not in context.selected_asset_check_keys:
                continue
            comparison = compare_with_history(context.instance, key, by_key[key].guards, drift.table)
            if comparison.actual is None or comparison.previous is None:
                skipped.setdefault(comparison.reason, []).append(key.to_user_string())
            else:
                yield _compare(key, drift, comparison.actual, comparison.previous)
        # The UI shows a check without a result as skipped.
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
        summary=describe_changes(drifted) or "no number changed by more than its limit",
        drifted=table(drifted),
        compared=table(compared),
        previous_made=dg.MetadataValue.timestamp(previous.time),
        previous_run=dg.MetadataValue.dagster_run(previous.run_id),
    )
