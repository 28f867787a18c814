"""The watch of the source, against a real server: what is asked, what is asked for, and what happens in silence."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from notmnist_assets.automation import upstream_watch
from notmnist_assets.curation.images import LETTERS, SETS
from notmnist_assets_tests.automation.changes import change_a_letter, make_letters_that_fail_a_blocking_check
from notmnist_assets_tests.automation.ticks import Conditions, Watch, asked_for, below, unsynced
from notmnist_assets_tests.sources.server import FaultyServer
from notmnist_assets_tests.workspace import Workspace

ARCHIVES = ["archives/large", "archives/small"]


@pytest.fixture
def watch(workspace: Workspace) -> Watch:
    """The watch of the folder that everything was made from."""
    return Watch(workspace)


def serve(server: FaultyServer, workspace: Workspace) -> None:
    for path in workspace.archives.glob("*.tar.gz"):
        server.files[path.name] = path.read_bytes()


@pytest.fixture
def server(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    """A server with both archives, which were downloaded from it already."""
    with FaultyServer().running() as server:
        serve(server, workspace)
        monkeypatch.setenv("NOTMNIST_ARCHIVES", server.url)
        assert workspace.run(ARCHIVES).success
        server.requests.clear()
        yield server


def bytes_sent(server: FaultyServer) -> int:
    return sum(request.sent for request in server.requests if request.path.endswith(".gz"))


def test_the_watch_is_off_and_looks_four_times_an_hour() -> None:
    assert upstream_watch.default_status == dg.DefaultSensorStatus.STOPPED
    assert upstream_watch.minimum_interval_seconds == 900


def test_an_unchanged_server_is_asked_without_a_download(server: FaultyServer, watch: Watch) -> None:
    assert watch.tick() == "Both archives are those that everything was made from."
    assert bytes_sent(server) == 0
    server.requests.clear()
    assert watch.tick() == "Both archives are as they were at the last look."
    assert [request.method for request in server.requests] == ["HEAD", "HEAD"]


def test_a_changed_archive_is_asked_for_once_with_all_that_follows_and_then_nothing_is_left_to_do(
    server: FaultyServer, workspace: Workspace, watch: Watch
) -> None:
    conditions = Conditions(workspace)
    watch.tick()
    change_a_letter(workspace)
    serve(server, workspace)
    request = watch.tick()
    assert asked_for(request) == below(workspace, "archives/small")
    assert watch.tick() == "Both archives are as they were at the last look."
    before = workspace.load("letters/small/C").images[:]
    assert workspace.run(sorted(asked_for(request))).success
    assert (workspace.load("letters/small/C").images != before).any()
    assert watch.tick() == "Both archives are as they were at the last look."
    watch.cursor = None
    assert watch.tick() == "Both archives are those that everything was made from."
    assert conditions.tick() == set(), "a run of everything leaves the conditions nothing to follow"
    assert unsynced(workspace) == {}


def test_what_waits_for_a_failed_check_is_not_asked_for_with_a_changed_archive(
    workspace: Workspace, watch: Watch
) -> None:
    make_letters_that_fail_a_blocking_check(workspace)
    assert watch.tick() == "Both archives are those that everything was made from."
    path = workspace.archives / "notMNIST_large.tar.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=9, mtime=1))
    request = watch.tick()
    letters = {f"letters/large/{letter}" for letter in LETTERS}
    assert asked_for(request) == {"archives/large", *letters}


def test_a_change_whose_run_fails_is_not_asked_for_again(
    server: FaultyServer, workspace: Workspace, watch: Watch
) -> None:
    watch.tick()
    server.files["notMNIST_small.tar.gz"] = b"no archive"
    request = watch.tick()
    assert isinstance(request, dg.RunRequest)
    assert not workspace.run(["archives/small"]).success
    assert watch.tick() == "Both archives are as they were at the last look."
    watch.cursor = None
    again = watch.tick()
    assert isinstance(again, dg.RunRequest)
    assert again.run_key == request.run_key, "the daemon drops a request whose key it has seen"


def test_a_change_that_comes_again_is_asked_for_again(workspace: Workspace, watch: Watch) -> None:
    path = workspace.archives / "notMNIST_small.tar.gz"
    first = path.read_bytes()
    keys = []
    for _ in range(2):
        change_a_letter(workspace)
        for expected in (None, first):
            if expected is not None:
                path.write_bytes(expected)
            request = watch.tick()
            assert isinstance(request, dg.RunRequest)
            keys.append(request.run_key)
            assert workspace.run(["archives/small"]).success
    assert len(set(keys)) == 4


def test_a_change_that_comes_again_from_a_server_with_equal_marks_is_asked_for_again(
    server: FaultyServer, workspace: Workspace, watch: Watch
) -> None:
    first = dict(server.files)
    change_a_letter(workspace)
    keys = []
    for files in ({path.name: path.read_bytes() for path in workspace.archives.glob("*.gz")}, first) * 2:
        server.files = files
        request = watch.tick()
        assert isinstance(request, dg.RunRequest)
        keys.append(request.run_key)
        assert workspace.run(["archives/small"]).success
    assert len(set(keys)) == 4


def test_another_mirror_with_the_same_archives_is_looked_at(
    server: FaultyServer, workspace: Workspace, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.tick()
    with FaultyServer().running() as mirror:
        serve(mirror, workspace)
        monkeypatch.setenv("NOTMNIST_ARCHIVES", mirror.url)
        assert set(ARCHIVES) <= asked_for(watch.tick())


def test_the_password_of_a_mirror_is_stored_and_printed_nowhere(
    server: FaultyServer, workspace: Workspace, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.lets_in = "somebody:zebra-7"
    monkeypatch.setenv("NOTMNIST_ARCHIVES", server.url.replace("://", "://somebody:zebra-7@"))
    watch.tick()
    change_a_letter(workspace)
    serve(server, workspace)
    assert isinstance(watch.tick(), dg.RunRequest)
    printed = [workspace.notmnist("run", "archives"), workspace.notmnist("show", "archives/small")]
    server.lets_in = "somebody:else"
    printed += [workspace.notmnist("run", "archives"), workspace.notmnist("status")]
    assert [ended.code for ended in printed] == [0, 0, 1, 0]
    assert "the server answered 401" in printed[2].err
    told = f"{printed} {watch.cursor} {watch.tick()}"
    assert server.url in told
    versions = [spec.code_version for spec in workspace.definitions.resolve_all_asset_specs()]
    assert f"archives={server.url}" in str(versions)
    stored = [path.read_bytes() for path in workspace.root.rglob("*") if path.is_file()]
    assert any(server.url.encode() in data for data in stored)
    for secret in ("zebra", "somebody"):
        assert secret not in told + str(versions)
        assert not any(secret.encode() in data for data in stored)


def test_a_server_that_is_down_is_reported_in_words_and_asked_less_and_less(
    server: FaultyServer, workspace: Workspace, watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer().running() as other:
        serve(other, workspace)
        monkeypatch.setenv("NOTMNIST_ARCHIVES", other.url)
        assert workspace.run(ARCHIVES).success
        watch.tick()
    waits = []
    for _ in range(8):
        answer = watch.tick()
        assert isinstance(answer, str)
        assert f"{other.url}/notMNIST_large.tar.gz: it cannot be asked for" in answer
        waits.append(answer.rpartition("Asked again in ")[2])
    minutes = [15, 30, 15, 60, 45, 30, 15, 120]
    assert waits == [f"{wait} minutes." for wait in minutes]
    change_a_letter(workspace)
    with other.running(other.port):
        serve(other, workspace)
        other.requests.clear()
        for _ in range(7):
            assert isinstance(watch.tick(), str)
        assert other.requests == [], "a pause is kept without asking"
        assert asked_for(watch.tick()) == below(workspace, "archives/small")
    assert json.loads(watch.cursor or "")["failures"] == 0


def test_the_longest_silence_is_still_looked_into_every_four_hours(finished: Workspace) -> None:
    watch = Watch(finished)
    watch.cursor = json.dumps({"failures": 1_000, "trouble": "Nobody answers."})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOTMNIST_ARCHIVES", "http://127.0.0.1:1")
        assert str(watch.tick()).endswith("Asked again in 240 minutes.")


def test_a_folder_is_watched_by_size_and_date(workspace: Workspace, watch: Watch) -> None:
    assert watch.tick() == "Both archives are those that everything was made from."
    assert watch.tick() == "Both archives are as they were at the last look."
    path = workspace.archives / "notMNIST_large.tar.gz"
    path.touch()
    assert watch.tick() == "Both archives are those that everything was made from.", "another date, the same bytes"
    path.rename(path.with_suffix(".away"))
    assert str(watch.tick()).startswith(f"{path}: there is no such file.")


def test_a_setting_changed_beside_it_is_not_the_watchs_business(
    finished: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_SEED", "134")
    assert Watch(finished).tick() == "Both archives are those that everything was made from."


def test_nothing_is_asked_for_while_a_run_makes_the_archives(workspace: Workspace, watch: Watch) -> None:
    watch.tick()
    change_a_letter(workspace)
    job = workspace.definitions.resolve_job_def("refresh")
    with workspace.instance() as instance:
        run = instance.create_run_for_job(job)
    assert str(watch.tick()).startswith(f"Run {run.run_id} is making the archives")
    with workspace.instance() as instance:
        instance.report_run_canceled(run)
    assert asked_for(watch.tick()) == below(workspace, "archives/small")


def test_a_cursor_of_another_kind_counts_as_none(finished: Workspace) -> None:
    for cursor in ("", "nonsense", "[]", '{"more": 1}'):
        watch = Watch(finished)
        watch.cursor = cursor
        assert watch.tick() == "Both archives are those that everything was made from."


def test_before_the_first_run_everything_is_asked_for(finished: Workspace) -> None:
    repository = finished.definitions.get_repository_def()
    with dg.DagsterInstance.ephemeral() as empty:
        result = upstream_watch.evaluate_tick(dg.build_sensor_context(empty, repository_def=repository))
    (request,) = result.run_requests or ()
    assert len(request.asset_selection or ()) == len(list(finished.definitions.resolve_all_asset_specs()))
    assert {f"letters/{name}/{letter}" for name in SETS for letter in LETTERS} <= asked_for(request)
