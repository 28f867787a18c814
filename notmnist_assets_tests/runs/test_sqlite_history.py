"""The files of the history stay open during a run: fewer checkpoints, the same content."""

import os
import sqlite3
import time
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import Engine, event

from notmnist_assets.runs import sqlite_history
from notmnist_assets.runs.instance import open_instance
from notmnist_assets.runs.sqlite_history import keep_history_open


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "history"))
    return tmp_path / "history"


@dg.asset
def noted(context: dg.AssetExecutionContext) -> None:
    """Log a few lines while the history is kept open."""
    with keep_history_open(context.instance, context.run.run_id):
        for number in range(5):
            context.log.info(f"line {number}")


def test_all_events_are_recorded_and_no_connection_stays(home: Path) -> None:
    with open_instance() as instance, keep_history_open(instance):
        assert home.joinpath("history/runs.db-wal").exists()
        result = dg.materialize([noted], instance=instance)
        messages = [entry.message for entry in instance.all_logs(result.run_id)]
    assert sum("line" in message for message in messages) == 5
    assert not event.contains(Engine, "connect", sqlite_history._reduce_synchronization)
    assert not list(home.rglob("*-wal")), "the last connection has checkpointed and deleted the log"
    events = home / "history" / "runs" / f"{result.run_id}.db"
    with sqlite3.connect(events) as connection:
        (count,) = connection.execute("SELECT count(*) FROM event_logs").fetchone()
    assert count == len(messages)


def test_the_file_of_a_run_changes_while_the_run_goes_on_so_that_the_ui_follows(home: Path) -> None:
    with open_instance() as instance:
        run = dg.materialize([noted], instance=instance)
        events = home / "history" / "runs" / f"{run.run_id}.db"
        os.utime(events, (0, 0))
        with keep_history_open(instance, run.run_id):
            stored = instance.get_run_by_id(run.run_id)
            assert stored is not None
            instance.report_engine_event("more", stored)
            for _ in range(100):
                if events.stat().st_mtime > 0:
                    break
                time.sleep(0.1)
    assert events.stat().st_mtime > 0


def test_another_kind_of_history_is_left_alone() -> None:
    with dg.DagsterInstance.ephemeral() as instance, keep_history_open(instance, "no such run"):
        assert dg.materialize([noted], instance=instance).success
