"""A Celery worker that starts reports the runs that have died with an earlier one of its machine."""

import importlib

import dagster as dg
import pytest

from notmnist_assets_tests.runs.test_process import process_of, started_run


def test_a_worker_that_starts_reports_a_run_of_a_killed_worker_and_none_of_other_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DAGSTER_CELERY_BROKER", "redis://127.0.0.1:1/0")
    importlib.import_module("deploy.celery.dagster_celery_config")
    signals = importlib.import_module("celery.signals")

    @dg.job
    def nothing() -> None: ...

    with dg.instance_for_test() as instance:
        killed, elsewhere = (started_run(instance, nothing) for _ in range(2))
        with process_of(killed) as worker:
            worker.kill()
        signals.worker_ready.send(sender=None)
        found = [instance.get_run_by_id(run.run_id) for run in (killed, elsewhere)]
    assert [run.status.value for run in found if run] == ["FAILURE", "STARTED"]
