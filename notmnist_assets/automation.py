"""What runs by itself: the job `refresh` and the schedule `weekly_refresh`.

Belongs here: when runs are asked for, and for what. Nothing runs until a person switches the schedule on.
"""

import dagster as dg

from notmnist_assets.planning import stale_assets
from notmnist_assets.settings import read_settings

REFRESH_JOB = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="Everything, from the archives to the baselines, in one run.",
)


@dg.schedule(
    name="weekly_refresh",
    job=REFRESH_JOB,
    cron_schedule="0 3 * * 1",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Mondays at 03:00 UTC: runs `refresh` for what is missing or out of date; nothing when all is current.",
)
def weekly_refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Look whether an archive, the code or a setting changed."""
    if context.repository_def is None:
        raise dg.DagsterInvariantViolationError("weekly_refresh is evaluated within its repository")
    stale = stale_assets(context.repository_def.asset_graph, context.instance, read_settings())
    if not stale:
        return dg.SkipReason("Both archives are unchanged, and so is everything made from them.")
    first, reason = next(iter(stale.items()))
    context.log.info(f"{len(stale)} assets are out of date, first {first.to_user_string()}: {reason}")
    return dg.RunRequest(asset_selection=list(stale))
