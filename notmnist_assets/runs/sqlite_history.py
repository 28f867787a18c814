"""Speeds up the recording of events in histories of SQLite files.

Dagster opens and closes a connection for each event. When the last connection to a file closes, SQLite copies the
write-ahead log into the file and deletes the log. A further connection that stays open prevents this, and with
`synchronous=NORMAL` SQLite does not wait for the disk after each event. This cannot corrupt a file; after a loss of
power, the last events may be missing.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import dagster as dg
from sqlalchemy import Engine, event

_RUNS: Final = "history/runs.db"
_EVENTS: Final = "history/runs"
_ASSET_EVENTS: Final = "index.db"
_SECONDS: Final = 1.0


@contextmanager
def keep_history_open(instance: dg.DagsterInstance, run_id: str | None = None) -> Iterator[None]:
    """Keep the SQLite files of the history open; do nothing if the history is in another database.

    Args:
        instance: the Dagster instance.
        run_id: also keep the events of this run open.
    """
    home = Path(instance.root_directory)
    files = [home / _RUNS, home / _EVENTS / _ASSET_EVENTS]
    of_run = home / _EVENTS / f"{run_id}.db"
    with ExitStack() as stack:
        for path in [*files, of_run]:
            if path.is_file():
                stack.enter_context(_keep_open(path))
        if of_run.is_file():
            stack.enter_context(_notify_watchers(of_run))
        listener = (Engine, "connect", _reduce_synchronization)
        if not event.contains(*listener):  # the block of a run may be inside that of a command
            event.listen(*listener)
            stack.callback(event.remove, *listener)
        yield


@contextmanager
def _keep_open(path: Path) -> Iterator[None]:
    # The block may end in another thread.
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        with suppress(sqlite3.Error):  # Dagster reports an unusable file
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        yield


@contextmanager
def _notify_watchers(path: Path) -> Iterator[None]:
    """Update the time of a file when its write-ahead log grows, because the UI watches the file for new events."""
    log = path.with_name(f"{path.name}-wal")
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_SECONDS):
            with suppress(OSError):
                if log.stat().st_mtime_ns > path.stat().st_mtime_ns:
                    os.utime(path)

    thread = threading.Thread(target=watch, name="notmnist-history", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _reduce_synchronization(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=NORMAL")
