"""Which runs keep the schedule and the sensor waiting."""

from datetime import timedelta

import dagster as dg
import pytest

from notmnist_assets.automation import job
from notmnist_assets.definitions import defs


def test_a_run_that_was_recorded_but_never_launched_blocks_automation_for_minutes_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with dg.instance_for_test() as instance:
        run = instance.create_run_for_job(defs.resolve_job_def(job.REFRESH_JOB.name))
        assert job.run_under_way(instance) == run.run_id
        monkeypatch.setattr(job, "_LONGEST_START", timedelta(0))
        assert job.run_under_way(instance) is None
        instance.report_run_canceling(run)
        assert job.run_under_way(instance) == run.run_id
