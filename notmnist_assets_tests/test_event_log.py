import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import StepMaterializationData
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.utils import make_new_run_id

from notmnist_assets.event_log import OpenSqliteEventLogStorage
from notmnist_assets.settings import project_home

KEY = dg.AssetKey(["letters", "small", "A"])
PATIENCE = 20


@contextmanager
def opened(kind: type[SqliteEventLogStorage], folder: Path) -> Iterator[SqliteEventLogStorage]:
    with dg.DagsterInstance.ephemeral() as instance:
        storage = kind(str(folder))
        storage.register_instance(instance)
        try:
            yield storage
        finally:
            storage.dispose()


def materialized(run_id: str, rows: int) -> EventLogEntry:
    """Return an event that tells of an asset with some rows."""
    context = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
        job_name="refresh",
        event_specific_data=StepMaterializationData(dg.AssetMaterialization(KEY, metadata={"rows": rows})),
    )
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level=10,
        user_message="",
        run_id=run_id,
        timestamp=float(rows),
        step_key="letters_small",
        job_name="refresh",
        dagster_event=context,
    )


def rows_of(entries: Sequence[EventLogEntry]) -> list[int]:
    found = []
    for entry in entries:
        assert entry.asset_materialization is not None
        rows = entry.asset_materialization.metadata["rows"].value
        assert isinstance(rows, int)
        found.append(rows)
    return found


def rows_in_run(storage: SqliteEventLogStorage, run_id: str) -> list[int]:
    return rows_of([record.event_log_entry for record in storage.get_records_for_run(run_id).records])


def rows_of_asset(storage: SqliteEventLogStorage) -> list[int]:
    return rows_of([record.event_log_entry for record in storage.fetch_materializations(KEY, limit=1000).records])


def test_a_history_is_continued_by_either_class(tmp_path: Path) -> None:
    run_id = make_new_run_id()
    turns = (SqliteEventLogStorage, OpenSqliteEventLogStorage, SqliteEventLogStorage, OpenSqliteEventLogStorage)
    for rows, kind in enumerate(turns):
        with opened(kind, tmp_path) as storage:
            storage.store_event(materialized(run_id, rows))
    for kind in (SqliteEventLogStorage, OpenSqliteEventLogStorage):
        with opened(kind, tmp_path) as storage:
            assert rows_in_run(storage, run_id) == [0, 1, 2, 3]
            assert rows_of_asset(storage) == [3, 2, 1, 0]


def test_others_read_an_event_while_the_files_stay_open(tmp_path: Path) -> None:
    run_id = make_new_run_id()
    with opened(OpenSqliteEventLogStorage, tmp_path) as writing, opened(SqliteEventLogStorage, tmp_path) as reading:
        for rows in range(3):
            writing.store_event(materialized(run_id, rows))
            assert rows_in_run(reading, run_id) == list(range(rows + 1))
            assert rows_of_asset(reading)[0] == rows


@pytest.mark.parametrize("watching", [OpenSqliteEventLogStorage, SqliteEventLogStorage])
def test_who_watches_a_run_is_told_of_each_event_at_once(watching: type[SqliteEventLogStorage], tmp_path: Path) -> None:
    run_id = make_new_run_id()
    with opened(OpenSqliteEventLogStorage, tmp_path) as writing, opened(watching, tmp_path) as reading:
        writing.store_event(materialized(run_id, 0))
        told: list[EventLogEntry] = []
        news = threading.Semaphore(0)

        def listen(entry: EventLogEntry, _cursor: str) -> None:
            told.append(entry)
            news.release()

        reading.watch(run_id, None, listen)
        for rows in range(1, 4):
            writing.store_event(materialized(run_id, rows))
            while len(told) <= rows:
                assert news.acquire(timeout=PATIENCE)
        assert rows_of(told) == [0, 1, 2, 3]


def test_events_of_several_threads_and_storages_are_all_kept(tmp_path: Path) -> None:
    runs = [make_new_run_id() for _ in range(3)]
    with opened(OpenSqliteEventLogStorage, tmp_path) as one, opened(OpenSqliteEventLogStorage, tmp_path) as other:
        one.store_event(materialized(runs[0], 0))
        with ThreadPoolExecutor(6) as pool:
            list(
                pool.map(
                    lambda rows: (one, other)[rows % 2].store_event(materialized(runs[rows % 3], rows)), range(1, 60)
                )
            )
        assert sorted(rows_of_asset(one)) == list(range(60))
        assert sorted(rows for run_id in runs for rows in rows_in_run(other, run_id)) == list(range(60))


def test_it_knows_the_tables_of_the_index(tmp_path: Path) -> None:
    with opened(OpenSqliteEventLogStorage, tmp_path) as storage:
        assert storage.has_table("asset_check_executions")
        assert not storage.has_table("no_such_table")


def test_a_wiped_log_is_empty_and_takes_new_events(tmp_path: Path) -> None:
    run_id = make_new_run_id()
    with opened(OpenSqliteEventLogStorage, tmp_path) as storage:
        storage.store_event(materialized(run_id, 1))
        storage.wipe()
        assert not list(tmp_path.glob(f"{run_id}*"))
        assert rows_of_asset(storage) == []
        storage.store_event(materialized(run_id, 2))
        assert rows_in_run(storage, run_id) == [2]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the system, as Linux tells it")
def test_a_log_of_many_runs_keeps_few_files_open_and_a_closed_one_none(tmp_path: Path) -> None:
    def files_open() -> set[str]:
        targets = (_target(path) for path in Path("/proc/self/fd").iterdir())
        return {target for target in targets if target.startswith(str(tmp_path))}

    def _target(path: Path) -> str:
        try:
            return str(path.readlink())
        except OSError:
            return ""

    with opened(OpenSqliteEventLogStorage, tmp_path) as storage:
        for rows in range(12):
            storage.store_event(materialized(make_new_run_id(), rows))
        assert len({path.removesuffix("-wal").removesuffix("-shm") for path in files_open()}) == 4
    assert files_open() == set()


def test_the_project_s_history_is_kept_in_such_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster.yaml").write_text((project_home() / "dagster.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert isinstance(instance.event_log_storage, OpenSqliteEventLogStorage)
        assert (tmp_path / ".dagster" / "history" / "runs" / "index.db").is_file()
