"""One run at a time on an instance: two would replace each other's values and downloads.

The queue of the UI sees to that among its own runs; a terminal runs at once. So every run holds a lock of the
operating system, which no killed process keeps. Belongs here: the lock, who holds it in words, and the executor that
takes it for every run, whatever started it.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import dagster as dg
from dagster._core.errors import raise_execution_interrupts
from dagster._core.events import EngineEventData
from dagster._core.executor.in_process import InProcessExecutor
from filelock import FileLock, Timeout

from notmnist_assets.curation.errors import CurationError

_LOCK: Final = "run.lock"
_HOLDER: Final = "run.txt"
_FOR_EVER: Final = -1


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
        lock.acquire(timeout=_FOR_EVER if wait else 0, poll_interval=0.2)
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


class _OneRunExecutor(InProcessExecutor):
    """Dagster's executor in one process, which waits until no other run of the instance is under way."""

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        """Execute the steps of a run in its turn."""
        instance, run = plan_context.instance, plan_context.dagster_run
        name = f"run {run.run_id} of {run.job_name}"
        with ExitStack() as turn:
            try:
                turn.enter_context(only_run(instance, name))
            except CurationError:
                told = f"Waits for another run: {holder(instance)}."
                yield dg.DagsterEvent.engine_event(plan_context, told, EngineEventData())
                # Dagster holds interrupts back here; whoever waits must be able to be terminated.
                with raise_execution_interrupts():
                    turn.enter_context(only_run(instance, name, wait=True))
            yield from super().execute(plan_context, execution_plan)


# Its types are unions of all that a definition may be made of.
_usual: Final[Any] = dg.in_process_executor


def _executor(context: dg.InitExecutorContext) -> _OneRunExecutor:
    configured: InProcessExecutor = _usual.executor_creation_fn(context)
    return _OneRunExecutor(configured.retries, configured.step_dependency_config)


one_run_executor = dg.ExecutorDefinition(
    name=_usual.name,
    config_schema=_usual.config_schema,
    executor_creation_fn=_executor,
    description="All steps in one process, one run at a time.",
)
