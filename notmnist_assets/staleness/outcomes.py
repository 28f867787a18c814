"""How checks ended, from the instance's records.

Belongs here: reading outcomes. What is checked is in `checks`, what a failed check holds back in `planning`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import dagster as dg

Outcome = Literal["passed", "not compared", "warned", "failed"]

NOT_RUN: Final = "not run"
"""How a check that left no evaluation of the value that is there ended."""

NOT_COMPARED: Final = "not compared"
"""What the `actual` of a check begins with that passed because there was nothing to compare with."""

DRIFT: Final = "drift"
"""The name of the checks that compare an asset with its history; they are skipped where there is none."""

_PAGE: Final = 8
"""Records of a check that are read at a time."""


def latest_evaluations(
    instance: dg.DagsterInstance,
    checks: Sequence[dg.AssetCheckKey],
    materialized: Mapping[dg.AssetKey, int | None] | None = None,
) -> Mapping[dg.AssetCheckKey, dg.AssetCheckEvaluation]:
    """Return what each check last said of the value that is there, in the order of keys; none where it said nothing.

    A run that ends early leaves the checks it had planned without an evaluation. Where it did not make the asset anew
    either, the evaluation before still holds.

    Args:
        instance: the history.
        checks: those asked for.
        materialized: the number of each asset's last materialization in the history, where it is known already.
    """
    if materialized is None:
        assets = instance.get_asset_records(sorted({check.asset_key for check in checks})) if checks else []
        entries = [record.asset_entry for record in assets]
        materialized = {entry.asset_key: entry.last_materialization_storage_id for entry in entries}
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(checks))
    found = {}
    for key in sorted(set(checks) & records.keys()):
        evaluation = _evaluation_in(records[key]) or next(_evaluations(instance, key), None)
        target = evaluation.target_materialization_data if evaluation else None
        if evaluation and target and target.storage_id == materialized.get(key.asset_key):
            found[key] = evaluation
    return found


def _evaluations(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield all evaluations of a check, the last one first."""
    cursor: int | None = None
    while page := instance.event_log_storage.get_asset_check_execution_history(check, _PAGE, cursor):
        yield from filter(None, map(_evaluation_in, page))
        cursor = page[-1].id


def _evaluation_in(record: Any) -> dg.AssetCheckEvaluation | None:
    """Return the evaluation that a record of Dagster's holds; None in that of a check that was only planned."""
    event = record.event.dagster_event if record.event else None
    said = event.event_specific_data if event else None
    return said if isinstance(said, dg.AssetCheckEvaluation) else None


def outcome_without_evaluation(check: dg.AssetCheckKey) -> str:
    """Return how a check ended that said nothing of the value that is there; drift then had no earlier value."""
    return NOT_COMPARED if check.name == DRIFT else NOT_RUN


def outcome_of(evaluation: dg.AssetCheckEvaluation) -> Outcome:
    """Return how a check ended."""
    if evaluation.passed:
        actual = evaluation.metadata.get("actual")
        return NOT_COMPARED if actual is not None and str(actual.value).startswith(NOT_COMPARED) else "passed"
    return "warned" if evaluation.severity == dg.AssetCheckSeverity.WARN else "failed"
