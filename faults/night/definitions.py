"""The definitions of the package with short pauses, for the daemon of the night.

Schedule and sensors are the package's own. The schedule has a tick each minute, `upstream_watch` one every ten seconds,
each asks the source, and a request that failed is repeated after 20 seconds, then 40, and so on.
"""

from typing import Any

import dagster as dg

from faults.night import WATCH_SECONDS
from notmnist_assets.automation import REFRESH_JOB, dead_runs, failure_alerts, run_requests, upstream, upstream_watch
from notmnist_assets.automation import weekly_refresh as real_schedule
from notmnist_assets.definitions import build_definitions
from notmnist_assets.settings.model import read_settings

run_requests._HOUR = 20.0  # type: ignore[misc]
upstream._PAUSE = 8.0  # type: ignore[misc]
upstream._LONGEST_PAUSE = 30.0  # type: ignore[misc]


@dg.schedule(
    name=real_schedule.name,
    job=REFRESH_JOB,
    cron_schedule="* * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def schedule(context: dg.ScheduleEvaluationContext) -> Any:
    """Request the next round."""
    return real_schedule(context)


@dg.sensor(
    name=upstream_watch.name,
    job=REFRESH_JOB,
    minimum_interval_seconds=WATCH_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def watch(context: dg.SensorEvaluationContext) -> Any:
    """Compare the stored archives with the source, and assets with their inputs; request the next round."""
    return upstream_watch(context)


def _with_short_pauses(real: dg.Definitions) -> dg.Definitions:
    return dg.Definitions(
        assets=real.assets,
        asset_checks=real.asset_checks,
        jobs=real.jobs,
        schedules=[schedule],
        sensors=[watch, failure_alerts, dead_runs],
        resources=real.resources,
        loggers=real.loggers,
        executor=real.executor,
    )


defs = _with_short_pauses(build_definitions(read_settings()))
