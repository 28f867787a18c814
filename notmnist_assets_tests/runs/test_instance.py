"""The folder of the history is created once with the package's configuration; unusable ones are explained."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.runs.instance import open_instance, shipped_configuration

COUNT_RUNS = """
import sys
import dagster
from notmnist_assets.runs.instance import open_instance
sys.stdin.readline()
with open_instance() as instance:
    print(instance.get_runs_count())
"""

# Root may write everywhere, so the process becomes another user, after imports that perhaps only root can read.
AS_ANOTHER_USER = """
import os
from notmnist_assets import definitions
from notmnist_assets.cli import app
from notmnist_assets.cli import inspection
from notmnist_assets.runs import instance
from notmnist_assets.staleness import plan
from notmnist_assets.cli import execution
from notmnist_assets.cli import show
from notmnist_assets.cli import terminal
if os.getuid() == 0:
    os.setuid(65534)
app.main()
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "history"))
    return tmp_path / "history"


def test_a_folder_without_configuration_gets_the_shipped_one_and_another_is_kept(home: Path) -> None:
    with open_instance() as instance:
        assert instance.root_directory == str(home)
        assert not instance.telemetry_enabled
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_runtime_seconds == 24 * 60 * 60
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 1
    assert (home / "dagster.yaml").read_text() == shipped_configuration()
    (home / "dagster.yaml").write_text("nux:\n  enabled: true\n")
    with open_instance():
        assert (home / "dagster.yaml").read_text() == "nux:\n  enabled: true\n"


@pytest.mark.parametrize("profile", ["sample", "full"])
def test_without_the_variable_each_profile_has_a_history_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    monkeypatch.setattr("notmnist_assets.runs.instance.project_home", lambda: tmp_path)
    monkeypatch.setenv("NOTMNIST_PROFILE", profile)
    monkeypatch.setenv("DAGSTER_HOME", "")
    with open_instance() as instance:
        assert instance.root_directory == str(tmp_path / ".dagster" / profile)
    assert os.environ["DAGSTER_HOME"] == str(tmp_path / ".dagster" / profile)


@pytest.mark.usefixtures("home")
def test_two_first_commands_at_the_same_time_create_one_history() -> None:
    command = [sys.executable, "-c", COUNT_RUNS]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=200) for process in started]
    assert [out for out, _ in ended] == ["0\n", "0\n"], ended
    with open_instance() as instance:
        assert instance.get_runs_count() == 0


def full_disk() -> None:
    with sqlite3.connect(":memory:") as database:
        database.execute("PRAGMA max_page_count = 1")
        database.execute("CREATE TABLE anything (column_)")


def read_only(home: Path) -> Callable[[], None]:
    def write() -> None:
        sqlite3.connect(home / "x.db").execute("CREATE TABLE one (column_)")
        sqlite3.connect(f"file:{home / 'x.db'}?mode=ro", uri=True).execute("CREATE TABLE two (column_)")

    return write


def raising(error: Exception) -> Callable[[], None]:
    def raise_it() -> None:
        raise error

    return raise_it


CAUSES: dict[str, tuple[Callable[[Path], Callable[[], None]], str]] = {
    "full": (lambda _: full_disk, "Free space on its disk, or set DAGSTER_HOME to"),
    "full in the middle": (
        lambda _: raising(sqlite3.OperationalError("disk I/O error")),
        "Free space on its disk and check it, or set DAGSTER_HOME to",
    ),
    "full for files": (lambda _: raising(OSError(errno.ENOSPC, "No space left on device")), "Free space on its disk"),
    "read-only": (read_only, "Allow this user to write there, or set DAGSTER_HOME to"),
    "forbidden": (lambda _: raising(PermissionError(errno.EACCES, "Permission denied")), "Allow this user to write"),
    "busy": (lambda _: raising(sqlite3.OperationalError("database is locked")), "start again when that has ended"),
    "damaged": (
        lambda _: raising(sqlite3.DatabaseError("file is not a database")),
        "Restore it from a backup, or set DAGSTER_HOME to",
    ),
}


@pytest.mark.parametrize(("cause", "remedy"), CAUSES.values(), ids=list(CAUSES))
def test_each_cause_has_its_own_remedy_and_no_remedy_deletes_the_history(
    home: Path, monkeypatch: pytest.MonkeyPatch, cause: Callable[[Path], Callable[[], None]], remedy: str
) -> None:
    home.mkdir()
    monkeypatch.setattr(dg.DagsterInstance, "get", cause(home))
    with pytest.raises(CurationError) as caught, open_instance():
        raise AssertionError("it was opened")
    assert remedy in str(caught.value)
    assert str(home) in str(caught.value)
    assert not {"delete", "move", "remove"} & set(str(caught.value).lower().split())


def test_a_relative_path_is_an_error_with_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", "history")
    with pytest.raises(CurationError, match="Set DAGSTER_HOME to an absolute path"), open_instance():
        raise AssertionError("it was opened")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def forbidden() -> Iterator[Path]:
    """A folder that other users can read and only root can write."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("command", [["status"], ["run"], ["show", "splits/test"]], ids=lambda words: words[0])
def test_a_user_without_permission_gets_an_error_with_the_remedy(forbidden: Path, command: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", AS_ANOTHER_USER, *command],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "DAGSTER_HOME": str(forbidden / "history")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert f"{forbidden / 'history'}: Dagster's history cannot be used: " in ended.stderr
    assert "Allow this user to write there, or set DAGSTER_HOME" in ended.stderr
    assert "Traceback" not in ended.stderr
