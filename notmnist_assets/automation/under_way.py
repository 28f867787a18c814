"""Which run makes assets at the moment, so that automation waits for it before it plans."""

from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from notmnist_assets.automation.job import REFRESH_JOB
from notmnist_assets.runs.process import end_dead_runs

_UNFINISHED: Final = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# A run of a process that never claimed it stays "started"; it must not stop all automation for ever.
_LONGEST_RUN: Final = timedelta(days=1)


def run_under_way(instance: dg.DagsterInstance) -> str | None:
    """Return the id of an unfinished run of the last day that makes assets, None when there is none."""
    end_dead_runs(instance)
    recent = dg.RunsFilter(statuses=_UNFINISHED, created_after=datetime.now(UTC) - _LONGEST_RUN)
    for run in instance.get_runs(filters=recent):
        if run.asset_selection is not None or run.job_name == REFRESH_JOB.name:
            return run.run_id
    return None
