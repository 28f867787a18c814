"""One run at a time, with real processes at the same time and after a killed one."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import pytest

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.runs.lock import only_run
from notmnist_assets_tests.workspace import Workspace

COMMAND = [sys.executable, "-c", "from notmnist_assets.cli.app import main; main()", "run"]
LAUNCHED = """
import dagster as dg
from notmnist_assets.runs.instance import open_instance
from notmnist_assets.cli.execution import refresh_job
with open_instance() as instance:
    job = dg.reconstructable(refresh_job)
    result = dg.execute_job(job, instance, asset_selection=[dg.AssetKey(["hashes", "test"])], raise_on_error=False)
    print("status", instance.get_run_by_id(result.run_id).status.value)
"""


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_run(workspace: Workspace, status: dg.DagsterRunStatus, count: int) -> None:
    """Wait until so many runs of this status are recorded."""
    for _ in range(600):
        with workspace.instance() as instance:
            if instance.get_runs_count(dg.RunsFilter(statuses=[status])) == count:
                return
        time.sleep(0.1)
    raise AssertionError(f"no run is {status.value}")


def wait_until_logged(workspace: Workspace, beginning: str) -> dg.DagsterRun:
    """Wait until the run that is under way has logged a message, and return the run."""
    wait_for_run(workspace, dg.DagsterRunStatus.STARTED, 1)
    for _ in range(300):
        with workspace.instance() as instance:
            (run,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
            if any(entry.message.startswith(beginning) for entry in instance.all_logs(run.run_id)):
                return run
        time.sleep(0.1)
    raise AssertionError(f"not logged: {beginning}")


def test_a_second_command_is_refused_and_a_killed_command_leaves_no_lock(
    workspace: Workspace,
) -> None:
    with running(*COMMAND, "hashes", "overlap") as first:
        wait_for_run(workspace, dg.DagsterRunStatus.STARTED, 1)
        ended = workspace.notmnist("run")
        assert ended.code == 1
        assert "Not started: notmnist run: another run is under way: notmnist run, process" in ended.err
        assert f"process {first.pid}, since 20" in ended.err
        assert "Traceback" not in ended.err
        out, err = first.communicate(timeout=120)
        assert (first.returncode, err) == (0, "")
        assert "Done:" in out
    with running(*COMMAND, "hashes", "overlap") as killed:
        wait_for_run(workspace, dg.DagsterRunStatus.STARTED, 1)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    ended = workspace.notmnist("run", "hashes/test")
    assert (ended.code, ended.err) == (0, "")


def test_a_run_of_another_process_waits_for_the_command_and_logs_it(workspace: Workspace) -> None:
    with running(sys.executable, "-c", LAUNCHED) as launched:
        with workspace.instance() as instance, only_run(instance, "notmnist run"):
            wait_until_logged(workspace, "Waits for another run: notmnist run, process")
            ended = workspace.notmnist("run", "hashes/train")
            assert (ended.code, ended.err) == (0, ""), "the process with the lock may run"
            assert launched.poll() is None
        assert "status SUCCESS" in launched.communicate(timeout=60)[0]


def test_a_run_that_waits_can_be_terminated(workspace: Workspace) -> None:
    with (
        workspace.instance() as instance,
        only_run(instance, "notmnist run"),
        running(sys.executable, "-c", LAUNCHED) as launched,
    ):
        instance.report_run_canceling(wait_until_logged(workspace, "Waits for another run"))
        launched.send_signal(signal.SIGINT)
        assert "status CANCELED" in launched.communicate(timeout=60)[0]


def test_a_command_during_a_run_of_another_process_names_that_run(finished: Workspace) -> None:
    holding = (
        "import time; import dagster as dg; from notmnist_assets.runs.lock import only_run\n"
        "with dg.DagsterInstance.get() as instance, only_run(instance, 'run 1234 of refresh'):\n"
        "    print('holds', flush=True); time.sleep(600)\n"
    )
    with running(sys.executable, "-c", holding) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "holds\n"
        with (
            finished.instance() as instance,
            pytest.raises(CurationError, match="run 1234 of refresh, process"),
            only_run(instance, "notmnist run"),
        ):
            raise AssertionError("two at a time")
