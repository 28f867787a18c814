"""What runs by itself: the job `refresh` and the schedule `weekly_refresh`.

Belongs here: when runs are asked for. Nothing runs until a person switches the schedule on.
"""

import dagster as dg

REFRESH_JOB = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="Everything, from the archives to the baselines, in one run.",
)

WEEKLY_REFRESH = dg.ScheduleDefinition(
    name="weekly_refresh",
    job=REFRESH_JOB,
    cron_schedule="0 3 * * 1",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Mondays at 03:00 UTC: looks whether an archive changed, and makes what depends on it again.",
)
