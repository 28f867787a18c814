"""Checks `drift`: whether a refresh changed the data more than the limits in an asset's declaration allow.

An asset is compared with its last materialization of other content that was made with the same settings, by the
numbers that both recorded. Comparing with the materialization before would lose a warning as soon as the same data are
materialized again; other settings give other data on purpose.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import dagster as dg

from notmnist_assets.assets.declaration import Declaration, Drift, Stage
from notmnist_assets.checks.history import compare_with_history
from notmnist_assets.checks.results import judged, not_compared
from notmnist_assets.curation.drift import compare, in_words
from notmnist_assets.metadata import table

_NAME: Final = "drift"
_WHAT: Final = (
    "Compared with the last materialization of other content that was made with the same settings, no recorded number"
    " moved further than its limit. A warning: the change may be meant."
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
            dg.AssetCheckSpec(_NAME, asset=key, description=f"{_WHAT} {drift.reason}") for key, drift in limits.items()
        ],
        can_subset=True,
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for key, drift in limits.items():
            if dg.AssetCheckKey(key, _NAME) in context.selected_asset_check_keys:
                yield _judge(context.instance, key, drift)

    return checks


def _judge(instance: dg.DagsterInstance, key: dg.AssetKey, drift: Drift) -> dg.AssetCheckResult:
    warn = dg.AssetCheckSeverity.WARN
    actual, previous, reason = compare_with_history(instance, key)
    if actual is None or previous is None:
        return not_compared(key, _NAME, reason, severity=warn)
    compared = compare(previous.numbers, actual.numbers, drift.limits(previous.numbers))
    drifted = compared[compared["drifted"]]
    return judged(
        key,
        _NAME,
        passed=drifted.empty,
        actual=len(drifted),
        threshold=0,
        severity=warn,
        summary=in_words(drifted) or "nothing drifted",
        drifted=table(drifted),
        compared=table(compared),
        previous_made=dg.MetadataValue.timestamp(previous.time),
        previous_run=dg.MetadataValue.dagster_run(previous.run_id),
    )
