"""Allows one run at a time on an instance, because two runs would replace each other's values and downloads.

The queue of the UI limits only its own runs. So every run that stores values acquires a file lock, which the operating
system releases when the process ends, also if it is killed. If each step is a Kubernetes job, no process has the values
to itself for the whole run: only the queue limits the runs, and a store refuses the second of two writers of an asset.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import dagster as dg
from filelock import FileLock, Timeout

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.runs.location import assign_to_location
from notmnist_assets.runs.process import end_dead_runs, lock_run
from notmnist_assets.runs.sqlite_history import keep_history_open
from notmnist_assets.settings.deployment import place_of_steps

_LOCK: Final = "run.lock"
_OWNER: Final = "run.txt"
_FOREVER: Final = -1


@contextmanager
def only_run(instance: dg.DagsterInstance, name: str, *, wait: bool = False) -> Iterator[None]:
    """Acquire the lock of an instance for the duration of the block; the same process may acquire it repeatedly.

    Args:
        instance: the lock is a file in its folder.
        name: name of the run, for the error in other processes.
        wait: wait until the lock is released instead of raising an error.

    Raises:
        CurationError: another process has acquired the lock.
    """
    lock = _lock(instance)
    try:
        lock.acquire(timeout=_FOREVER if wait else 0, poll_interval=0.2)
    except Timeout:
        raise CurationError(
            f"another run is under way: {lock_owner(instance)}.",
            subject=name,
            remedy="Start again when it has ended. To end it, press Ctrl-C in its terminal, or terminate it in the UI.",
        ) from None
    try:
        if lock.lock_counter == 1:
            since = datetime.now().astimezone().isoformat(" ", "minutes")
            _folder(instance).joinpath(_OWNER).write_text(f"{name}, process {os.getpid()}, since {since}")
            end_dead_runs(instance)
        yield
    finally:
        lock.release()


def lock_owner(instance: dg.DagsterInstance) -> str:
    """Return name, process and start of the run that acquired the lock last."""
    try:
        return _folder(instance).joinpath(_OWNER).read_text()
    except OSError:
        return "a run that has just started"


def _lock(instance: dg.DagsterInstance) -> FileLock:
    folder = _folder(instance)
    folder.mkdir(parents=True, exist_ok=True)
    # One lock object per process: the runs of `notmnist run` acquire it again.
    return FileLock(folder / _LOCK, is_singleton=True)


def _folder(instance: dg.DagsterInstance) -> Path:
    return Path(instance.root_directory).absolute()


@contextmanager
def _hangup_terminates() -> Iterator[None]:
    """Handle SIGHUP, the signal of a closed terminal, as SIGTERM."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(hangup, lambda _number, _frame: signal.raise_signal(signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(hangup, before)


class OneRun(dg.ConfigurableResource["OneRun"]):
    """Makes a run wait before its first step until no other run of the instance is under way."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["OneRun"]:
        """Acquire the lock before the first step of a run and release it after the last.

        Does nothing outside a run, and if each step is a Kubernetes job.
        """
        with ExitStack() as stack:
            instance, run = context.instance, context.run
            if instance is not None and run is not None and place_of_steps() == "process":
                stack.enter_context(_hangup_terminates())
                stack.enter_context(keep_history_open(instance, run.run_id))
                if multiprocessing.parent_process() is None:  # else a step of an executor that has many processes
                    lock_run(instance, run)
                assign_to_location(instance, run.run_id)
                name = f"run {run.run_id} of {run.job_name}"
                try:
                    stack.enter_context(only_run(instance, name))
                except CurationError:
                    if context.log is not None:
                        context.log.info(f"Waits for another run: {lock_owner(instance)}.")
                    stack.enter_context(only_run(instance, name, wait=True))
            yield self
