"""The definitions of the package with jobs of some assets, and a schedule that has a tick each minute if it is on."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from notmnist_assets.automation import REFRESH_JOB, dead_runs, weekly_refresh
from notmnist_assets.definitions import DECLARATIONS, build_definitions
from notmnist_assets.settings.model import read_settings

SWITCH = "SCHEDULE_SWITCH"
"""The variable with the path of a file; the schedule is on as long as it exists."""
DATA = [key for key in DECLARATIONS if not key.startswith(("labels/", "baselines/", "report/", "exports/parquet"))]
FEW = [key for key in DATA if not key.startswith(("overlap/", "sanitized/", "grouped/", "exports/"))]
FEW.append("overlap/near_pairs")

PODS = [key for key in DECLARATIONS if key.startswith(("archives/", "letters/", "splits/"))]


def _without_checks(keys: Sequence[str]) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*(key.split("/") for key in keys)).without_checks()


few = dg.define_asset_job("few", _without_checks(FEW))
data = dg.define_asset_job("data", _without_checks(DATA))
pods = dg.define_asset_job("pods", _without_checks(PODS))
processes = dg.define_asset_job("processes", _without_checks(FEW), executor_def=dg.multiprocess_executor)


@dg.schedule(
    name=weekly_refresh.name,
    job=REFRESH_JOB,
    cron_schedule="* * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def schedule(context: dg.ScheduleEvaluationContext) -> Any:
    """Request the next round."""
    return weekly_refresh(context) if Path(os.environ[SWITCH]).exists() else dg.SkipReason("It is off.")


def _with_schedule(real: dg.Definitions) -> dg.Definitions:
    return dg.Definitions(
        assets=real.assets,
        asset_checks=real.asset_checks,
        jobs=[*(real.jobs or []), few, data, pods, processes],
        schedules=[schedule],
        sensors=[dead_runs],
        resources=real.resources,
        loggers=real.loggers,
        executor=real.executor,
    )


defs = _with_schedule(build_definitions(read_settings()))


def processes_job() -> dg.JobDefinition:
    """Return the job that executes each step in a process of its own."""
    return defs.resolve_job_def(processes.name)
