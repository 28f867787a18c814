"""Executes the job `refresh` outside the UI, on the same instance: the rounds of the plan, or the named assets."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

import dagster as dg

from notmnist_assets.automation import CHECKS_JOB, REFRESH_JOB
from notmnist_assets.cli.keys import select_keys
from notmnist_assets.definitions import build_definitions
from notmnist_assets.metadata.failures import failed_checks_message, failure_message
from notmnist_assets.runs.location import assign_to_location
from notmnist_assets.runs.lock import only_run
from notmnist_assets.runs.materialization_log import LOGGER
from notmnist_assets.runs.process import lock_next_run, release_locks
from notmnist_assets.runs.steps import step_names
from notmnist_assets.settings.model import read_settings
from notmnist_assets.staleness.plan import assets_in_order, checks_to_run, next_round, plan_refresh

# The instance records every event. In a terminal, the lines of Dagster's logger would break the progress bars.
_QUIET: Final[Mapping[str, Any]] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_LINE_PER_ASSET: Final[Mapping[str, Any]] = {"loggers": {LOGGER: {}}}


@dataclass(frozen=True)
class Outcome:
    """The outcome of a refresh.

    Attributes:
        made: the assets of the executed rounds, each with the reason.
        success: whether all runs succeeded and no asset was blocked.
        failures: the error message of each failed step, by the name of the step.
        run_ids: the runs, in order; empty if nothing was stale.
        checked: checks that ran without materializing their assets, because they had not run before.
        blocked: stale assets that were not materialized, each with the reason: a blocking check of an upstream asset
            failed in an earlier run.
    """

    made: Mapping[dg.AssetKey, str]
    success: bool
    failures: Mapping[str, str] = field(default_factory=dict)
    run_ids: tuple[str, ...] = ()
    blocked: Mapping[dg.AssetKey, str] = field(default_factory=dict)
    checked: Sequence[dg.AssetCheckKey] = ()


def refresh_job() -> dg.JobDefinition:
    """Return the job `refresh`; Dagster imports this function by its name."""
    return build_definitions(read_settings()).resolve_job_def(REFRESH_JOB.name)


def checks_job(checks: Sequence[tuple[str, str]]) -> dg.JobDefinition:
    """Return a job that runs some checks, each given by asset key and name; Dagster calls it by its name."""
    keys = [dg.AssetCheckKey(dg.AssetKey(asset.split("/")), name) for asset, name in checks]
    whole = build_definitions(read_settings())
    part = dg.Definitions(
        assets=whole.assets,
        asset_checks=whole.asset_checks,
        jobs=[dg.define_asset_job(CHECKS_JOB.name, selection=dg.AssetSelection.checks(*keys))],
        resources=whole.resources,
        executor=whole.executor,
        loggers=whole.loggers,
    )
    return part.resolve_job_def(CHECKS_JOB.name)


def refresh(
    instance: dg.DagsterInstance, *, everything: bool = False, only: Sequence[str] = (), print_assets: bool = False
) -> Outcome:
    """Materialize what is stale, in rounds: archives and letters, then splits, then what changed because of them.

    The lock of the instance is kept between the rounds.

    Args:
        instance: where runs are recorded.
        everything: materialize all assets, stale or not.
        only: materialize these assets, stale or not, and no others: keys such as `letters/small/C`, or their first
            parts, such as `letters/small` or `splits`.
        print_assets: print a line per asset as soon as it is materialized.

    Raises:
        CurationError: no asset has one of these keys, or another run is under way.
    """
    with only_run(instance, "notmnist run"):
        return _refresh(instance, everything, only, _LINE_PER_ASSET if print_assets else _QUIET)


def _refresh(
    instance: dg.DagsterInstance, everything: bool, only: Sequence[str], run_config: Mapping[str, Any]
) -> Outcome:
    settings = read_settings()
    graph = build_definitions(settings).resolve_asset_graph()
    made: dict[dg.AssetKey, str] = {}
    run_ids: list[str] = []
    by_name = everything or bool(only)
    plan: Mapping[dg.AssetKey, str]
    blocked: Mapping[dg.AssetKey, str] = {}
    if by_name:
        plan = dict.fromkeys(select_keys(assets_in_order(graph), only), "named in the command")
    else:
        plan, blocked = plan_refresh(graph, instance, settings)
    while plan:
        selected = plan if by_name else next_round(plan)
        made |= selected
        result = dg.execute_job(
            dg.reconstructable(refresh_job),
            instance,
            run_config=run_config,
            tags=lock_next_run(instance),
            asset_selection=list(selected),
            raise_on_error=False,
        )
        # A run that is repeated in the UI gets the tags of this one, and must not seem to have its lock.
        release_locks()
        run_ids.append(result.run_id)
        if not result.success:
            return Outcome(made, False, _failures(result, graph, selected.keys()), tuple(run_ids), blocked)
        if len(selected) == len(plan):
            break
        remaining, blocked = plan_refresh(graph, instance, settings)
        plan = {key: reason for key, reason in remaining.items() if key not in made}
    checks = [] if by_name else checks_to_run(graph, instance, blocked.keys())
    if checks:
        result = dg.execute_job(_job_of(checks), instance, run_config=run_config, raise_on_error=False)
        run_ids.append(result.run_id)
        assign_to_location(instance, result.run_id)
        if not result.success:
            failures = _failures(result, graph, {check.asset_key for check in checks})
            return Outcome(made, False, failures, tuple(run_ids), blocked, checks)
    return Outcome(made, success=not blocked, run_ids=tuple(run_ids), blocked=blocked, checked=checks)


def _job_of(checks: Sequence[dg.AssetCheckKey]) -> Any:
    """Return the job `checks` for some checks, in the form that can be executed on an instance."""
    names = [(check.asset_key.to_user_string(), check.name) for check in checks]
    return dg.build_reconstructable_job(__name__, checks_job.__name__, reconstructable_kwargs={"checks": names})


def materialized_in(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> set[dg.AssetKey]:
    """Return the assets that runs materialized, whether the runs succeeded or not."""
    materialization = dg.DagsterEventType.ASSET_MATERIALIZATION
    entries = [entry for run_id in run_ids for entry in instance.all_logs(run_id, of_type=materialization)]
    return {key for entry in entries if (key := entry.get_dagster_event().asset_key) is not None}


def _failures(result: dg.JobExecutionResult, graph: Any, selected: AbstractSet[dg.AssetKey]) -> dict[str, str]:
    """Return the message of each failed step by its name; of a step of checks, what they found."""
    steps = step_names(graph.assets_defs, selected)
    found: dict[str | None, list[dg.AssetCheckEvaluation]] = {}
    for event in result.all_events:
        if isinstance(event.event_specific_data, dg.AssetCheckEvaluation):
            found.setdefault(event.step_key, []).append(event.event_specific_data)
    failed = (event for event in result.all_events if event.is_step_failure)
    return {
        steps.get(event.step_key or "", event.step_key or ""): failed_checks_message(found.get(event.step_key, ()))
        or failure_message(event)
        for event in failed
    }
