"""Dagster's event log in SQLite, with connections that stay open.

Dagster 1.13 opens the log anew for each event: an engine, its compiled statements, a connection, and a checkpoint when
that is closed, 10 ms for each of a run's hundreds of events. Kept open, an event takes 2 ms. Files and schema stay
Dagster's own: the same history can be read and continued with either class.

Belongs here: how the log's files are opened. `dagster.yaml` names the class. What the events tell does not belong here.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import Any, Final, Self

from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, QueuePool, create_engine, event

_MOST_OPEN: Final = 4
"""The files used last are kept open; a run uses its own and the index."""


class OpenSqliteEventLogStorage(SqliteEventLogStorage):
    """Dagster's event log, a SQLite file for each run and one for all, that keeps the files in use open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Keep the log's files in the folder `base_dir`."""
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._tables: set[str] = set()
        # One connection at a time, as in the class above: SQLite lets only one write.
        self._one_at_a_time = threading.Lock()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """Return the storage that `dagster.yaml` describes."""
        return cls(inst_data=inst_data, **config_value)

    def run_connection(self, run_id: str | None = None) -> AbstractContextManager[Connection]:
        """Return a connection to the events of a run, within a transaction."""
        if run_id is None:
            raise ValueError("every event stands in the file of its run")
        return self._connection(run_id, partial(super().run_connection, run_id))

    def index_connection(self) -> AbstractContextManager[Connection]:
        """Return a connection to the events of assets in all runs, within a transaction."""
        return self._connection(INDEX_SHARD_NAME, super().index_connection)

    def has_table(self, table_name: str) -> bool:
        """Return whether the index has a table; Dagster asks several times for each check."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, and tell those who watch the run's file: what is written stands in the log beside it."""
        super().store_event(event)
        with suppress(OSError):
            os.utime(self.path_for_shard(event.run_id))

    def wipe(self) -> None:
        """Delete all events."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close the files."""
        super().dispose()
        self._close()

    @contextmanager
    def _connection(
        self, shard: str, initialize: Callable[[], AbstractContextManager[Connection]]
    ) -> Iterator[Connection]:
        with self._one_at_a_time:
            if shard not in self._engines:
                # Makes the tables where there are none.
                with initialize():
                    pass
                self._engines[shard] = self._engine(shard)
            self._engines.move_to_end(shard)
            engine = self._engines[shard]
            while len(self._engines) > _MOST_OPEN:
                self._engines.popitem(last=False)[1].dispose()
            with engine.begin() as connection:
                yield connection

    def _engine(self, shard: str) -> Engine:
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=QueuePool,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
        )

        # With a write-ahead log nothing can be damaged by that; a loss of power may take the last events.
        @event.listens_for(engine, "connect")
        def _wait_less_for_the_disk(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA synchronous=NORMAL")

        return engine

    def _close(self) -> None:
        with self._one_at_a_time:
            while self._engines:
                self._engines.popitem()[1].dispose()
