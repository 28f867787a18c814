"""The schedule `weekly_refresh`: once a week, what is missing or out of date.

Belongs here: when it looks. What is stale is decided in `planning`.
"""

import dagster as dg

from notmnist_assets.automation.job import REFRESH_JOB
from notmnist_assets.automation.under_way import run_making_archives
from notmnist_assets.planning import first_of, plan_refresh
from notmnist_assets.settings import read_settings


@dg.schedule(
    name="weekly_refresh",
    job=REFRESH_JOB,
    cron_schedule="0 3 * * 1",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Mondays at 03:00 UTC: the job refresh for what is missing or out of date, which may be nothing.",
)
def weekly_refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Look whether an archive, the code or a setting changed."""
    if context.repository_def is None:
        raise dg.DagsterInvariantViolationError("weekly_refresh is evaluated within its repository")
    if run_id := run_making_archives(context.instance):
        return dg.SkipReason(f"Run {run_id} is refreshing already.")
    stale, held = plan_refresh(context.repository_def.asset_graph, context.instance, read_settings())
    waiting = f"{len(held)} assets wait, {first_of(held)}." if held else ""
    if not stale:
        return dg.SkipReason(waiting or "Both archives are unchanged, and so is everything made from them.")
    context.log.info(f"{len(stale)} assets are out of date, {first_of(stale)}. {waiting}")
    return dg.RunRequest(asset_selection=list(stale))
