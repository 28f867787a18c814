"""The schedule `weekly_refresh`: materializes what is missing or out of date once a week, round by round."""

import dagster as dg

from notmnist_assets.automation.job import REFRESH_JOB, run_under_way
from notmnist_assets.automation.run_requests import TICK_SECONDS, ask_source, changed_archives, next_request
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.settings.model import read_settings
from notmnist_assets.sources.deadlines import run_within
from notmnist_assets.staleness.materializations import stored_archives


@dg.schedule(
    name="weekly_refresh",
    job=REFRESH_JOB,
    cron_schedule="*/10 3-8 * * 1",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every ten minutes on Mondays from 03:00 to 08:59 UTC: requests the next round of what notmnist run"
    " would materialize, until nothing is missing or out of date.",
)
def weekly_refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Request the next round."""
    if context.repository_def is None:
        raise dg.DagsterInvariantViolationError("weekly_refresh must be evaluated in its code location")
    if run_id := run_under_way(context.instance):
        return dg.SkipReason(f"Run {run_id} is under way.")
    settings = read_settings()
    stored = stored_archives(context.instance)
    seen: dict[str, str] = {}
    try:
        seen = run_within(TICK_SECONDS / 2, lambda _: ask_source(settings))
        changed = run_within(TICK_SECONDS / 2, lambda _: changed_archives(settings, stored))
    except (CurationError, TimeoutError) as error:
        # The run asks again, with longer limits than those of a tick.
        changed = dict.fromkeys(stored, f"to be checked: {error}")
    request = next_request(
        context.instance,
        context.repository_def.asset_graph,
        settings,
        seen=seen,
        compare_archive=lambda name, _: changed.get(name),
    )
    return dg.SkipReason(request) if isinstance(request, str) else request
