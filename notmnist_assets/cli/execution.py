"""Running the job outside the UI, on the same persistent instance.

Belongs here: which rounds. What is stale is decided in `planning`, bars and tables are in
`terminal`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from notmnist_assets.automation import REFRESH_JOB
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.definitions import build_definitions
from notmnist_assets.metadata.failures import failure_message
from notmnist_assets.runs.lock import only_run
from notmnist_assets.runs.steps import step_names
from notmnist_assets.settings.model import read_settings
from notmnist_assets.staleness.plan import next_round, plan_refresh

# The instance keeps every event; in the terminal they would only tear up the progress bars.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Outcome:
    """What a refresh did.

    Attributes:
        made: the assets that were to be made, with the reason.
        success: whether all runs succeeded.
        failures: for each failed step, what it makes or checks, and the error in words.
        run_ids: the runs, in order; empty when nothing was stale.
        held: stale assets that were not made, with the reason: a blocking check of what they are made from failed in
            an earlier run.
    """

    made: Mapping[dg.AssetKey, str]
    success: bool
    failures: Mapping[str, str] = field(default_factory=dict)
    run_ids: tuple[str, ...] = ()
    held: Mapping[dg.AssetKey, str] = field(default_factory=dict)


def refresh_job() -> dg.JobDefinition:
    """Return the job `refresh`, by a name that Dagster can find again."""
    return build_definitions(read_settings()).resolve_job_def(REFRESH_JOB.name)


def refresh(instance: dg.DagsterInstance, *, everything: bool = False, only: Sequence[str] = ()) -> Outcome:
    """Make what is stale, in rounds: archives and letters, then splits, then what really changed because of them.

    No other run of the instance is under way meanwhile, not between the rounds either.

    Args:
        instance: where runs are recorded.
        everything: make all assets again, stale or not.
        only: make these again, stale or not, and nothing else: asset keys such as `letters/small/C`, or what some
            begin with, such as `letters/small` or `splits`.

    Raises:
        CurationError: no asset has one of these keys, or another run is under way.
    """
    with only_run(instance, "notmnist run"):
        return _refresh(instance, everything=everything, only=only)


def _refresh(instance: dg.DagsterInstance, *, everything: bool, only: Sequence[str]) -> Outcome:
    settings = read_settings()
    graph = build_definitions(settings).resolve_asset_graph()
    made: dict[dg.AssetKey, str] = {}
    run_ids: list[str] = []
    asked_for = everything or bool(only)
    plan: Mapping[dg.AssetKey, str]
    held: Mapping[dg.AssetKey, str] = {}
    if asked_for:
        plan = dict.fromkeys(_chosen(graph.toposorted_asset_keys, only), "asked for")
    else:
        plan, held = plan_refresh(graph, instance, settings)
    while plan:
        chosen = plan if asked_for else next_round(plan)
        made |= chosen
        result = dg.execute_job(
            dg.reconstructable(refresh_job),
            instance,
            run_config=_QUIET,
            asset_selection=list(chosen),
            raise_on_error=False,
        )
        run_ids.append(result.run_id)
        if not result.success:
            steps = step_names(graph.assets_defs, chosen.keys())
            return Outcome(made, False, _failures(result, steps), tuple(run_ids), held)
        if len(chosen) == len(plan):
            break
        remaining, held = plan_refresh(graph, instance, settings)
        plan = {key: reason for key, reason in remaining.items() if key not in made}
    return Outcome(made, success=not held, run_ids=tuple(run_ids), held=held)


def made_in(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> set[dg.AssetKey]:
    """Return the assets that runs did make, whether they succeeded or not."""
    made = dg.DagsterEventType.ASSET_MATERIALIZATION
    entries = [entry for run_id in run_ids for entry in instance.all_logs(run_id, of_type=made)]
    return {key for entry in entries if (key := entry.get_dagster_event().asset_key) is not None}


def _chosen(keys: Sequence[dg.AssetKey], only: Sequence[str]) -> list[dg.AssetKey]:
    """Return the keys that are among `only` or continue one of them; all when it is empty."""
    wanted = [tuple(name.strip("/").split("/")) for name in only] or [()]
    for name, parts in zip(only, wanted, strict=False):
        if not any(tuple(key.path[: len(parts)]) == parts for key in keys):
            raise CurationError(
                "there is no such asset.", subject=name, remedy="notmnist status lists the keys of all assets."
            )
    return [key for key in keys if any(tuple(key.path[: len(parts)]) == parts for parts in wanted)]


def _failures(result: dg.JobExecutionResult, steps: Mapping[str, str]) -> dict[str, str]:
    failed = (event for event in result.all_events if event.is_step_failure)
    return {steps.get(event.step_key or "", event.step_key or ""): failure_message(event) for event in failed}
