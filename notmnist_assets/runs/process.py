"""Detects runs whose process has died and reports them as failed.

Each run locks a file for as long as its process lives. The operating system releases the lock when the process ends,
also if it is killed and on another machine that shares the history's folder. Process ids do not suffice: they are
reused, and they are not valid in other containers.
"""

import os
import socket
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

import dagster as dg
from filelock import FileLock, Timeout

_FOLDER: Final = "running"
_IN_PROGRESS: Final = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
HOST_TAG: Final = "notmnist/host"
PROCESS_TAG: Final = "notmnist/process"
SINCE_TAG: Final = "notmnist/process_since"
_LOCK_TAG: Final = "notmnist/lock"
"""Name of the locked file, if it is not the id of the run."""

_locks: dict[Path, FileLock] = {}
"""Locks of the runs of this process. A lock outlives its run, so that a run that records its end is not reported."""


def lock_next_run(instance: dg.DagsterInstance) -> dict[str, str]:
    """Lock a file for a run that this process is about to create, and return the tags of the run."""
    lock_name = uuid4().hex
    _lock(_lock_file(instance, lock_name))
    return {_LOCK_TAG: lock_name, **_process_tags()}


def release_locks() -> None:
    """Release the locks of this process, whose runs have ended."""
    for path in list(_locks):
        _release(path, _locks.pop(path))


def lock_run(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Lock the file of a run, which shows that its process is alive; tag the run with host and process.

    The lock is released when the process ends or locks the file of its next run. Does nothing if the process has locked
    the file with `lock_next_run`.
    """
    if _lock_of(instance, run) not in _locks:
        _lock(_lock_file(instance, run.run_id))
        instance.add_run_tags(run.run_id, _process_tags())


def find_dead_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Return the unfinished runs whose process has died, without reporting them."""
    dead = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_IN_PROGRESS)):
        lock = _try_lock(_lock_of(instance, run))
        if lock is not None:
            lock.release()
            dead.append(run)
    return dead


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report unfinished runs of dead processes as failed, or canceled if they were being terminated.

    Runs without a lock file are left to Dagster's run monitoring.

    Returns:
        Ids of the reported runs.
    """
    dead = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_IN_PROGRESS)):
        path = _lock_of(instance, run)
        lock = _try_lock(path)
        if lock is None:
            continue
        # The run may have ended since it was listed.
        now = instance.get_run_by_id(run.run_id)
        if now is not None and now.status in _IN_PROGRESS:
            _report(instance, now)
            dead.append(run.run_id)
        _release(path, lock)
    return dead


def _try_lock(path: Path) -> FileLock | None:
    """Acquire and return the lock of a run, None if its process is alive or never locked it."""
    if not path.exists():
        return None
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def _report(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    process = f"process {run.tags.get(PROCESS_TAG)} on {run.tags.get(HOST_TAG)}, since {run.tags.get(SINCE_TAG)}"
    message = (
        f"The process of this run has died: {process}. The values that it stored are kept; notmnist run materializes"
        " the others."
    )
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, message)
    else:
        instance.report_run_failed(run, message)


def _lock(path: Path) -> None:
    release_locks()
    path.parent.mkdir(parents=True, exist_ok=True)
    _locks[path] = FileLock(path)
    _locks[path].acquire(timeout=0)


def _process_tags() -> dict[str, str]:
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    return {HOST_TAG: socket.gethostname(), PROCESS_TAG: str(os.getpid()), SINCE_TAG: since}


def _lock_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Path:
    """Return the file that the process of a run locks."""
    own = _lock_file(instance, run.run_id)
    return own if own.exists() else _lock_file(instance, run.tags.get(_LOCK_TAG, run.run_id))


def _lock_file(instance: dg.DagsterInstance, name: str) -> Path:
    return Path(instance.root_directory).absolute() / _FOLDER / f"{name}.lock"


def _release(path: Path, lock: FileLock) -> None:
    # On Windows a file that is open cannot be deleted.
    with suppress(OSError):
        path.unlink(missing_ok=True)
    lock.release()
    with suppress(OSError):
        path.unlink(missing_ok=True)
