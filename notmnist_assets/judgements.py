"""How checks ended, from the instance's records.

Belongs here: reading outcomes. What is checked is in `checks`, what a failed check holds back in `planning`.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import dagster as dg

Outcome = Literal["passed", "warned", "failed"]


def latest_evaluations(
    instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey]
) -> Mapping[dg.AssetCheckKey, dg.AssetCheckEvaluation]:
    """Return the last evaluation of each check, in the order of keys; none where its last run never reached it."""
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(checks))
    found = {}
    for key in sorted(records):
        event = records[key].event
        # A check that was planned, but whose run ended before, has another kind of event.
        evaluation = event.dagster_event.event_specific_data if event and event.dagster_event else None
        if isinstance(evaluation, dg.AssetCheckEvaluation):
            found[key] = evaluation
    return found


def outcome_of(evaluation: dg.AssetCheckEvaluation) -> Outcome:
    """Return how a check ended."""
    if evaluation.passed:
        return "passed"
    return "warned" if evaluation.severity == dg.AssetCheckSeverity.WARN else "failed"
