"""Reads from the history how the checks of the last materializations ended."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import dagster as dg

from notmnist_assets.staleness.materializations import Materialization

Outcome = Literal["passed", "not compared", "warned", "failed"]

NOT_RUN: Final = "not run"
"""The outcome of a check without an evaluation of the last materialization."""

NOT_COMPARED: Final = "not compared"
"""The outcome of a check that passed because there was nothing to compare with; its `actual` begins with this text."""

DRIFT: Final = "drift"
"""Name of the checks that compare an asset with its history, and are skipped if there is no earlier content."""

_PAGE: Final = 8
"""Records of a check that are read at a time."""


def latest_evaluations(
    instance: dg.DagsterInstance,
    checks: Sequence[dg.AssetCheckKey],
    materialized: Mapping[dg.AssetKey, int | None] | None = None,
) -> Mapping[dg.AssetCheckKey, dg.AssetCheckEvaluation]:
    """Return the last evaluation of each check, in the order of keys, if it evaluated the last materialization.

    A run that ends early leaves checks that it had planned without an evaluation. If it did not materialize the asset
    either, the previous evaluation is the last one.

    Args:
        instance: the history.
        checks: keys of the checks.
        materialized: by asset, the number of its last materialization in the history; read from there by default.
    """
    if materialized is None:
        assets = instance.get_asset_records(sorted({check.asset_key for check in checks})) if checks else []
        entries = [record.asset_entry for record in assets]
        materialized = {entry.asset_key: entry.last_materialization_storage_id for entry in entries}
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(checks))
    latest = {}
    for key in sorted(set(checks) & records.keys()):
        evaluation = _evaluation_in(records[key]) or next(_evaluations(instance, key), None)
        target = evaluation.target_materialization_data if evaluation else None
        if evaluation and target and target.storage_id == materialized.get(key.asset_key):
            latest[key] = evaluation
    return latest


def checks_not_run(
    instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey], last: Mapping[dg.AssetKey, Materialization]
) -> list[dg.AssetCheckKey]:
    """Return the checks that did not run on the last materialization, such as those of a terminated run.

    A check without result ran if a run that planned it succeeded: it was skipped.

    Args:
        instance: the history.
        checks: keys of the checks.
        last: the last materialization of each asset.
    """
    checks = sorted(check for check in checks if check.asset_key in last)
    evaluated = latest_evaluations(instance, checks, {key: one.storage_id for key, one in last.items()})
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(checks)
    planned = {
        check: record.run_id
        for check, record in records.items()
        if record.run_id == last[check.asset_key].run_id or record.create_timestamp > last[check.asset_key].time
    }
    succeeded = dg.RunsFilter(run_ids=sorted(set(planned.values())), statuses=[dg.DagsterRunStatus.SUCCESS])
    ended = {run.run_id for run in instance.get_runs(succeeded)} if planned else set()
    return [check for check in checks if check not in evaluated and planned.get(check) not in ended]


def _evaluations(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield all evaluations of a check, newest first."""
    cursor: int | None = None
    while page := instance.event_log_storage.get_asset_check_execution_history(check, _PAGE, cursor):
        yield from filter(None, map(_evaluation_in, page))
        cursor = page[-1].id


def _evaluation_in(record: Any) -> dg.AssetCheckEvaluation | None:
    """Return the evaluation in a record of the history, None if the check was only planned."""
    event = record.event.dagster_event if record.event else None
    data = event.event_specific_data if event else None
    return data if isinstance(data, dg.AssetCheckEvaluation) else None


def outcome_without_evaluation(check: dg.AssetCheckKey) -> str:
    """Return the outcome of a check that did not evaluate the last materialization; `drift` was then skipped."""
    return NOT_COMPARED if check.name == DRIFT else NOT_RUN


def outcome_of(evaluation: dg.AssetCheckEvaluation) -> Outcome:
    """Return the outcome of an evaluation."""
    if evaluation.passed:
        actual = evaluation.metadata.get("actual")
        return NOT_COMPARED if actual is not None and str(actual.value).startswith(NOT_COMPARED) else "passed"
    return "warned" if evaluation.severity == dg.AssetCheckSeverity.WARN else "failed"
