"""Configures Celery workers: `dagster_celery.app` imports this module by its name."""

import os
from typing import Any

import dagster as dg
from celery.signals import worker_ready  # type: ignore[import-untyped]

from notmnist_assets.runs.process import end_dead_runs

broker_url = os.environ["DAGSTER_CELERY_BROKER"]
result_backend = broker_url
task_track_started = True
# A task that waits for a busy worker must stay free for another worker.
worker_prefetch_multiplier = 1
task_acks_late = True


@worker_ready.connect  # type: ignore[untyped-decorator]
def report_dead_runs(**_: Any) -> None:
    """Report the runs of this machine that have died with an earlier worker; no other machine sees that they have."""
    with dg.DagsterInstance.get() as instance:
        end_dead_runs(instance)
