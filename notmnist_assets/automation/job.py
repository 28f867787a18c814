"""The jobs `refresh` and `checks`, and the search for an unfinished run that materializes assets."""

from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from notmnist_assets.runs.process import end_dead_runs

REFRESH_JOB = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="Materializes everything, from the archives to the baselines, exports and report, in one run.",
)
CHECKS_JOB = dg.define_asset_job(
    "checks",
    selection=dg.AssetSelection.all_asset_checks(),
    description="Runs all checks on the stored values and materializes nothing. `notmnist run` executes those of its"
    " checks that have not run since the last materialization.",
)
_UNFINISHED: Final = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# A run whose process died before it locked the run stays "started" and must not block automation.
_LONGEST_RUN: Final = timedelta(days=1)
# A run stays "not started" if the web server lost the database between recording and launching it.
_LONGEST_START: Final = timedelta(minutes=10)


def run_under_way(instance: dg.DagsterInstance) -> str | None:
    """Return the id of an unfinished run of the last day that materializes assets, None if there is none."""
    end_dead_runs(instance)
    now = datetime.now(UTC)
    for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED, created_after=now - _LONGEST_RUN)):
        run = record.dagster_run
        if run.status is dg.DagsterRunStatus.NOT_STARTED and now - record.create_timestamp > _LONGEST_START:
            continue
        if run.asset_selection is not None or run.job_name in (REFRESH_JOB.name, CHECKS_JOB.name):
            return run.run_id
    return None
