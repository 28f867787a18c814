"""Ctrl-C ends a command once, with its exit code, and reaches no child process."""

import os
import signal
import subprocess
import sys
import time
import weakref

import dagster as dg
import pytest

from notmnist_assets.cli import start
from notmnist_assets.cli.interrupts import INTERRUPTED, interrupts_spare_children, signals_raise_exit
from notmnist_assets_tests.workspace import Workspace

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals cannot be blocked here")

COMMAND = [sys.executable, "-c", "from notmnist_assets.cli.app import main; main()", "run", "hashes", "overlap"]
CHILD = [sys.executable, "-c", "import time; print('started', flush=True); time.sleep(60)"]


def test_a_signal_reaches_this_process_and_no_child() -> None:
    with interrupts_spare_children() as interrupted:
        with subprocess.Popen(CHILD, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "started\n"
            assert not interrupted()
            with pytest.raises(KeyboardInterrupt):  # noqa: PT012
                os.kill(child.pid, signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(30)
            assert child.poll() is None
            child.kill()
        assert interrupted()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.parametrize("replaced", [False, True])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_in_a_callback_of_the_garbage_collector_is_not_lost(number: signal.Signals, replaced: bool) -> None:
    class Collected:
        pass

    def end(_: object) -> None:
        try:
            signal.raise_signal(number)
        finally:
            if replaced:
                raise RuntimeError("the connection is closed")

    collected = Collected()
    reference = weakref.ref(collected, end)
    with pytest.raises((SystemExit, KeyboardInterrupt)) as caught, signals_raise_exit():  # noqa: PT012
        del collected
        assert reference() is None
        for _ in range(200):
            time.sleep(0.05)
    if number != signal.SIGINT:
        assert isinstance(caught.value, SystemExit)
        assert caught.value.code == 128 + number


def test_an_interruption_by_dagster_in_a_callback_of_the_garbage_collector_is_not_lost() -> None:
    class Collected:
        pass

    def end(_: object) -> None:
        raise dg.DagsterExecutionInterruptedError

    collected = Collected()
    reference = weakref.ref(collected, end)
    with pytest.raises(SystemExit), signals_raise_exit():  # noqa: PT012
        del collected
        assert reference() is None
        for _ in range(200):
            time.sleep(0.05)


def test_ctrl_c_during_imports_ends_the_command_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupting:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "notmnist_assets.cli.app":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "notmnist_assets.cli.app", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupting, *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        start.main()
    assert ended.value.code == INTERRUPTED


def test_ctrl_c_ends_a_run_without_a_traceback(workspace: Workspace) -> None:
    with subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        for _ in range(600):
            with workspace.instance() as instance:
                runs = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
                messages = [entry.message for run in runs for entry in instance.all_logs(run.run_id)]
            if any("Started execution of step" in message for message in messages):
                break
            time.sleep(0.1)
        # A terminal sends the signal to all processes of the command.
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=200)
    assert process.returncode == INTERRUPTED == 130
    assert err.startswith("Interrupted: ")
    assert "Traceback" not in err
