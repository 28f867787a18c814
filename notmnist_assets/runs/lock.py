"""One run at a time on an instance: two would replace each other's values and downloads.

The queue of the UI sees to that among its own runs, but a terminal runs at once. So every run that stores values holds
a lock of the operating system, which is free as soon as its process has ended, however it ended.
"""

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
from notmnist_assets.runs.process import claim_run, end_dead_runs

_LOCK: Final = "run.lock"
_HOLDER: Final = "run.txt"
_FOREVER: Final = -1


@contextmanager
def only_run(instance: dg.DagsterInstance, name: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock of an instance; within that, the same thread may take it again.

    Args:
        instance: its folder holds the lock.
        name: what runs, for those who find the lock taken.
        wait: until it is free, in place of refusing.

    Raises:
        CurationError: another process holds the lock.
    """
    lock = _lock(instance)
    try:
        lock.acquire(timeout=_FOREVER if wait else 0, poll_interval=0.2)
    except Timeout:
        raise CurationError(
            f"another run is under way: {holder(instance)}.",
            subject=name,
            remedy="Start again when it has ended. To end it, press Ctrl-C in its terminal, or terminate it in the UI.",
        ) from None
    try:
        if lock.lock_counter == 1:
            since = datetime.now().astimezone().isoformat(" ", "minutes")
            _folder(instance).joinpath(_HOLDER).write_text(f"{name}, process {os.getpid()}, since {since}")
            end_dead_runs(instance)
        yield
    finally:
        lock.release()


def holder(instance: dg.DagsterInstance) -> str:
    """Return in words what took the lock last."""
    try:
        return _folder(instance).joinpath(_HOLDER).read_text()
    except OSError:
        return "one that has just begun"


def _lock(instance: dg.DagsterInstance) -> FileLock:
    folder = _folder(instance)
    folder.mkdir(parents=True, exist_ok=True)
    # One object for all who ask in this process: the runs of a refresh take what the refresh holds.
    return FileLock(folder / _LOCK, is_singleton=True)


def _folder(instance: dg.DagsterInstance) -> Path:
    return Path(instance.root_directory).absolute()


@contextmanager
def _hangup_terminates() -> Iterator[None]:
    """Let the signal of a closed terminal end a run as a request to terminate does."""
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
    """One run at a time: a run waits here, before its first step, until no other run of the instance is under way."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["OneRun"]:
        """Hold the lock from before the first step of a run to after its last; outside a run there is none to hold."""
        with ExitStack() as turn:
            instance, run = context.instance, context.run
            if instance is not None and run is not None:
                turn.enter_context(_hangup_terminates())
                claim_run(instance, run)
                name = f"run {run.run_id} of {run.job_name}"
                try:
                    turn.enter_context(only_run(instance, name))
                except CurationError:
                    if context.log is not None:
                        context.log.info(f"Waits for another run: {holder(instance)}.")
                    turn.enter_context(only_run(instance, name, wait=True))
            yield self
