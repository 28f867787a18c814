"""Whether a run is already making the archives, so that two automatic ways never do the same work twice.

Belongs here: this one question to the instance.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from notmnist_assets.automation.job import REFRESH_JOB

_UNFINISHED: Final = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# A killed process leaves its run "started" for ever; it must not stop all automation for ever.
_LONGEST_RUN: Final = timedelta(days=1)


def run_making_archives(instance: dg.DagsterInstance) -> str | None:
    """Return the id of an unfinished run of the last day that makes an archive, None when there is none."""
    recent = dg.RunsFilter(statuses=_UNFINISHED, created_after=datetime.now(UTC) - _LONGEST_RUN)
    for run in instance.get_runs(filters=recent):
        if run.asset_selection is None:
            if run.job_name == REFRESH_JOB.name:
                return run.run_id
        elif any(key.path[0] == "archives" for key in run.asset_selection):
            return run.run_id
    return None
