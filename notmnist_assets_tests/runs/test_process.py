"""Runs of killed processes are reported as failed; other runs are not changed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import pytest

from notmnist_assets.automation import dead_runs, weekly_refresh
from notmnist_assets.runs.process import HOST_TAG, PROCESS_TAG, end_dead_runs, lock_run
from notmnist_assets_tests.workspace import Workspace

COMMAND = [sys.executable, "-c", "from notmnist_assets.cli.app import main; main()", "run", "hashes", "overlap"]
STARTED = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])

# A run that starts, claims its lock, and waits: with `ends` it then ends by itself.
WAITS = """
import sys, time
import dagster as dg
from notmnist_assets.runs.process import lock_run
with dg.DagsterInstance.get() as instance:
    run = instance.get_run_by_id(sys.argv[1])
    lock_run(instance, run)
    print("claimed", flush=True)
    time.sleep(600)
"""

# A command that is killed after it created a run, before the run started.
CREATES = """
import os, signal
import dagster as dg
from notmnist_assets.cli.execution import refresh_job
from notmnist_assets.runs.process import lock_next_run
with dg.DagsterInstance.get() as instance:
    instance.create_run_for_job(refresh_job(), tags=lock_next_run(instance))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def started_run(instance: dg.DagsterInstance, job: dg.JobDefinition, **tags: str) -> dg.DagsterRun:
    """Record a run as started, without a process."""
    run = instance.create_run_for_job(job, tags=tags)
    instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, job.name, message="started"), run.run_id
    )
    started = instance.get_run_by_id(run.run_id)
    assert started is not None
    assert started.status == dg.DagsterRunStatus.STARTED
    return started


@contextmanager
def process_of(run: dg.DagsterRun) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen([sys.executable, "-c", WAITS, run.run_id], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "claimed\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def job(workspace: Workspace) -> dg.JobDefinition:
    return workspace.definitions.resolve_job_def("refresh")


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status.value


def test_a_run_is_failed_once_its_process_has_died_and_not_before(workspace: Workspace, job: dg.JobDefinition) -> None:
    with workspace.instance() as instance:
        run = started_run(instance, job)
        with process_of(run) as process:
            assert end_dead_runs(instance) == []
            tagged = instance.get_run_by_id(run.run_id)
            assert tagged is not None
            assert tagged.tags[PROCESS_TAG] == str(process.pid)
            assert tagged.tags[HOST_TAG]
            process.kill()
            process.wait()
        assert end_dead_runs(instance) == [run.run_id]
        assert status(instance, run) == "FAILURE"
        assert any(f"process {process.pid} on" in entry.message for entry in instance.all_logs(run.run_id))
        assert end_dead_runs(instance) == []


def test_a_run_that_was_being_terminated_is_canceled(workspace: Workspace, job: dg.JobDefinition) -> None:
    with workspace.instance() as instance:
        run = started_run(instance, job)
        with process_of(run) as process:
            instance.report_run_canceling(run)
            assert end_dead_runs(instance) == []
            process.kill()
            process.wait()
        assert end_dead_runs(instance) == [run.run_id]
        assert status(instance, run) == "CANCELED"


def test_a_run_whose_process_was_killed_before_it_started_is_failed(workspace: Workspace) -> None:
    subprocess.run([sys.executable, "-c", CREATES], check=False)
    with workspace.instance() as instance:
        (run,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.NOT_STARTED]))
        assert end_dead_runs(instance) == [run.run_id]
        assert status(instance, run) == "FAILURE"


def test_runs_that_ended_or_never_claimed_a_lock_are_not_reported(workspace: Workspace, job: dg.JobDefinition) -> None:
    with workspace.instance() as instance:
        unclaimed, ended = started_run(instance, job), started_run(instance, job)
        with process_of(ended) as process:
            instance.report_run_failed(ended, "it failed by itself")
            process.kill()
        assert end_dead_runs(instance) == []
        assert status(instance, unclaimed) == "STARTED"
        lock_run(instance, unclaimed)
        assert end_dead_runs(instance) == [], "this very process lives"
        lock_run(instance, ended)
        instance.report_run_failed(unclaimed, "over")


def test_the_sensor_and_the_schedule_end_dead_runs(workspace: Workspace, job: dg.JobDefinition) -> None:
    repository = workspace.definitions.get_repository_def()
    with workspace.instance() as instance:
        first, second = started_run(instance, job), started_run(instance, job)
        with process_of(first) as process:
            process.kill()
        tick = dead_runs.evaluate_tick(dg.build_sensor_context(instance, repository_def=repository))
        assert tick.skip_message == f"Reported as failed: {first.run_id}"
        with process_of(second) as process:
            process.kill()
        weekly_refresh.evaluate_tick(dg.build_schedule_context(instance, repository_def=repository))
        assert {status(instance, run) for run in (first, second)} == {"FAILURE"}


@contextmanager
def command_under_way(workspace: Workspace) -> Iterator[tuple["subprocess.Popen[str]", dg.DagsterRun]]:
    """Start `notmnist run` and wait until its run has claimed its lock."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            for _ in range(600):
                with workspace.instance() as instance:
                    runs = [run for run in instance.get_runs(STARTED) if PROCESS_TAG in run.tags]
                if runs:
                    break
                time.sleep(0.1)
            yield process, runs[0]
        finally:
            process.kill()


def test_the_next_command_ends_the_run_of_a_killed_one(workspace: Workspace) -> None:
    with command_under_way(workspace) as (process, run):
        process.send_signal(signal.SIGKILL)
        process.wait()
    with workspace.instance() as instance:
        assert status(instance, run) == "STARTED"
        assert workspace.notmnist("run", "hashes/test").code == 0
        assert status(instance, run) == "FAILURE"


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no such signal here")
def test_a_closed_terminal_ends_a_run_as_a_request_to_terminate_does(workspace: Workspace) -> None:
    for number in (signal.SIGHUP, signal.SIGTERM):
        with command_under_way(workspace) as (process, run):
            os.kill(process.pid, number)
            _, err = process.communicate(timeout=200)
            assert process.returncode not in (0, -number)
            assert "Traceback" not in err
        with workspace.instance() as instance:
            assert status(instance, run) == "FAILURE"
