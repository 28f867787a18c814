"""Puts runs into the queue of a cluster, waits for their end, and says where and how long they ran."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import dagster as dg
from dagster_graphql import DagsterGraphQLClient
from distributed import Client

from deploy.celery.cluster import Cluster
from deploy.celery.servers import HOST, ClusterError

RUN_SECONDS: Final = 240
_POLL: Final = 0.5


@contextmanager
def instance_of(cluster: Cluster) -> Iterator[dg.DagsterInstance]:
    """Open the history of a cluster."""
    with patch.dict(os.environ, cluster.environment), dg.DagsterInstance.get() as instance:
        yield instance


def launch(cluster: Cluster, job: str = "refresh", run_config: Mapping[str, Any] | None = None) -> str:
    """Put a run of a job into the queue, as the UI does with a launchpad of this content, and return its id."""
    client = DagsterGraphQLClient(HOST, port_number=cluster.ports["webserver"])
    return client.submit_job_execution(job, run_config=run_config)


def wait_for_end(instance: dg.DagsterInstance, seconds: float = RUN_SECONDS) -> dg.DagsterRun:
    """Wait until no run is queued or under way and return the newest one.

    Raises:
        ClusterError: it took longer than `seconds`.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        runs = instance.get_runs(limit=10)
        if runs and all(run.is_finished for run in runs) and not _may_be_retried(instance, runs[0]):
            return runs[0]
        time.sleep(_POLL)
    raise ClusterError(f"No end of the run within {seconds:.0f} s.")


def _may_be_retried(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Return whether the daemon may still start a failed run again; Dagster says so soon after the failure."""
    tags = (instance.get_run_by_id(run.run_id) or run).tags
    return run.status is dg.DagsterRunStatus.FAILURE and tags.get("dagster/will_retry") != "false"


def stage_seconds(instance: dg.DagsterInstance, run_id: str) -> Mapping[str, float]:
    """Return the seconds of the steps of a run, by the first part of the keys of their assets; checks apart."""
    stages: dict[str, str] = {}
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        event = entry.get_dagster_event()
        if event.asset_key is not None and event.step_key is not None:
            stages[event.step_key] = event.asset_key.path[0]
    seconds = dict.fromkeys([*stages.values(), "checks"], 0.0)
    for step in instance.get_run_step_stats(run_id):
        if step.start_time is not None and step.end_time is not None:
            seconds[stages.get(step.step_key, "checks")] += step.end_time - step.start_time
    return seconds


def tasks_by_worker(cluster: Cluster) -> Mapping[str, int]:
    """Return how many tasks each Dask worker has computed since its start."""
    with Client(cluster.dask, set_as_default=False) as client:
        return dict(client.run(_name_and_tasks).values())


def _name_and_tasks(dask_worker: Any) -> tuple[str, int]:
    return str(dask_worker.name), int(dask_worker.state.executed_count)


def command(cluster: Cluster, *words: str) -> str:
    """Run a command in the environment of the cluster and return what it printed.

    Raises:
        ClusterError: it failed; the message contains what it printed.
    """
    program = words[0] if "/" in words[0] else str(Path(sys.executable).with_name(words[0]))
    done = subprocess.run(  # noqa: S603
        [program, *words[1:]], env=os.environ | cluster.environment, capture_output=True, text=True, timeout=RUN_SECONDS
    )
    if done.returncode:
        raise ClusterError(f"{' '.join(words)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout
