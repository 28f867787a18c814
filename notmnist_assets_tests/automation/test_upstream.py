"""The sensor `upstream_watch` requests each change until it is stored; a server that does not answer is no failure."""

import json
import re
import time
from collections.abc import Iterator

import dagster as dg
import pytest

from notmnist_assets.automation import upstream_watch
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets_tests.archives import write_checksums
from notmnist_assets_tests.automation.changes import change_a_letter, make_letters_that_fail_a_blocking_check
from notmnist_assets_tests.automation.ticks import Watch, cancel, carry_out, follow, requested
from notmnist_assets_tests.sources import odd
from notmnist_assets_tests.sources.server import FaultyServer
from notmnist_assets_tests.specs import asset_specs
from notmnist_assets_tests.workspace import Workspace

pytestmark = pytest.mark.long

ARCHIVES = ["archives/large", "archives/small"]
SMALL = "notMNIST_small.tar.gz"
FIRST_ROUND = {"archives/small", "letters/files", *(f"letters/small/{letter}" for letter in LETTERS)}
NOTHING = "Both archives are unchanged, and all assets are up to date."


@pytest.fixture
def watch(workspace: Workspace) -> Watch:
    """The sensor, with the folder of the materialized archives as its source."""
    return Watch(workspace)


def serve(server: FaultyServer, workspace: Workspace) -> None:
    for path in workspace.archives.glob("*.tar.gz"):
        server.files[path.name] = path.read_bytes()


@pytest.fixture
def server(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    """A server from which both archives have been downloaded."""
    with FaultyServer().running() as server:
        serve(server, workspace)
        monkeypatch.setenv("NOTMNIST_ARCHIVES", server.url)
        assert workspace.run(ARCHIVES).success
        server.requests.clear()
        yield server


def bytes_sent(server: FaultyServer) -> int:
    return sum(request.sent for request in server.requests if request.path.endswith(".gz"))


def minutes_left(text: str, how: str) -> int:
    """Return the minutes after which a run that ended in this way is repeated, from the reason of a skipped tick."""
    found = re.search(f"{how}; it is repeated in (\\d+) minutes", text)
    assert found, text
    return int(found[1])


def test_the_watch_is_off_by_default_and_has_a_tick_each_minute() -> None:
    assert upstream_watch.default_status == dg.DefaultSensorStatus.STOPPED
    assert upstream_watch.minimum_interval_seconds == 60


def test_an_unchanged_server_is_asked_four_times_an_hour_without_a_download(server: FaultyServer, watch: Watch) -> None:
    follow(watch.workspace, watch.tick)
    assert bytes_sent(server) == 0
    server.requests.clear()
    assert watch.tick() == "No run since the last check; the source is asked in 15 minutes."
    assert server.requests == []
    assert watch.look() == NOTHING
    assert [(request.method, request.path.rsplit("/")[-1]) for request in server.requests] == [
        ("GET", "SHA256SUMS"),
        ("HEAD", "notMNIST_large.tar.gz"),
        ("GET", "SHA256SUMS"),
        ("HEAD", SMALL),
    ]


def test_assets_that_a_failed_check_blocks_are_not_requested(workspace: Workspace, watch: Watch) -> None:
    make_letters_that_fail_a_blocking_check(workspace)
    assert "are blocked, first letters/files: the blocking check enough_images of letters/small/C failed" in str(
        watch.tick()
    )


@pytest.mark.extended
def test_a_failed_change_is_requested_again_after_one_hour_then_two_and_another_change_at_once(
    workspace: Workspace, watch: Watch
) -> None:
    path = workspace.archives / SMALL
    path.write_bytes(path.read_bytes()[:-300])
    request = watch.tick()
    assert requested(request) == FIRST_ROUND
    assert not carry_out(workspace, request).success
    for minutes in (60, 120):
        left = minutes_left(str(watch.tick()), "failed")
        assert left == pytest.approx(minutes - watch.clock.later / 60, abs=2)
        assert watch.tick() == "No run since the last check; the source is asked in 15 minutes."
        watch.clock.pass_minutes(left - 5)
        assert "failed; it is repeated in" in str(watch.tick())
        watch.clock.pass_minutes(20)
        request = watch.tick()
        assert requested(request) == FIRST_ROUND
        assert not carry_out(workspace, request).success
    change_a_letter(workspace)
    assert carry_out(workspace, watch.look()).success
    assert len(follow(workspace, watch.tick)) == 2
    assert watch.look() == NOTHING


def test_checksums_that_are_corrected_after_the_archive_are_enough(workspace: Workspace, watch: Watch) -> None:
    write_checksums(workspace.archives)
    assert watch.tick() == NOTHING
    change_a_letter(workspace)
    assert not carry_out(workspace, watch.look()).success
    write_checksums(workspace.archives)
    request = watch.look()
    assert requested(request) == FIRST_ROUND
    assert carry_out(workspace, request).success


def test_a_change_that_fails_and_is_taken_back_and_comes_again_ends_stored(workspace: Workspace, watch: Watch) -> None:
    path = workspace.archives / SMALL
    good, checksums = path.read_bytes(), workspace.archives / "SHA256SUMS"
    write_checksums(workspace.archives)
    right = checksums.read_text()
    change_a_letter(workspace)
    changed = path.read_bytes()
    assert not carry_out(workspace, watch.look()).success
    path.write_bytes(good)
    assert carry_out(workspace, watch.look()).success, "what a failed run was to make is made again"
    assert watch.look() == NOTHING
    path.write_bytes(changed)
    assert not carry_out(workspace, watch.look()).success, "requested at once"
    write_checksums(workspace.archives)
    assert checksums.read_text() != right
    assert carry_out(workspace, watch.look()).success
    assert requested(watch.tick()) == {"splits/test"}


def test_a_change_whose_run_is_terminated_while_queued_is_requested_again_after_an_hour(
    workspace: Workspace, watch: Watch
) -> None:
    watch.tick()
    change_a_letter(workspace)
    run = cancel(workspace, watch.look())
    text = str(watch.tick())
    assert f"The identical run {run[:8]} was canceled" in text
    assert minutes_left(text, "was canceled") == pytest.approx(60 - watch.clock.later / 60, abs=2)
    watch.clock.pass_minutes(61)
    request = watch.tick()
    assert requested(request) == FIRST_ROUND
    assert carry_out(workspace, request).success
    assert requested(watch.tick()) == {"splits/test"}


def test_assets_downstream_of_a_letter_materialized_by_hand_are_requested_after_a_canceled_run(
    workspace: Workspace, watch: Watch
) -> None:
    assert watch.tick() == NOTHING
    change_a_letter(workspace)
    assert workspace.run(sorted(FIRST_ROUND)).success
    request = watch.tick()
    assert requested(request) == {"splits/test"}
    cancel(workspace, request)
    assert "was canceled; it is repeated in 60 minutes" in str(watch.tick())
    watch.clock.pass_minutes(61)
    assert requested(watch.tick()) == {"splits/test"}


@pytest.mark.extended
def test_changes_back_and_forth_are_each_requested(server: FaultyServer, workspace: Workspace, watch: Watch) -> None:
    follow(workspace, watch.tick)
    first = dict(server.files)
    change_a_letter(workspace)
    second = {path.name: path.read_bytes() for path in workspace.archives.glob("*.gz")}
    for files in (second, first, second):
        server.files = dict(files)
        request = watch.look()
        assert requested(request) == FIRST_ROUND
        assert carry_out(workspace, request).success


@pytest.mark.extended
def test_an_asset_that_stays_out_of_date_is_not_materialized_each_minute(workspace: Workspace, watch: Watch) -> None:
    other = {"resources": {"settings": {"config": {"reference_all": True}}}}
    for _ in range(2):
        assert workspace.run(["baselines/reference"], other).success
        request = watch.tick()
    assert isinstance(request, dg.RunRequest)
    carry_out(workspace, request)
    assert workspace.run(["baselines/reference"], other).success
    assert "succeeded, but its assets are out of date again; it is repeated in 60 minutes" in str(watch.tick())


def test_the_password_of_a_mirror_is_stored_and_printed_nowhere(
    server: FaultyServer, workspace: Workspace, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.credentials = "somebody:zebra-7"
    monkeypatch.setenv("NOTMNIST_ARCHIVES", server.url.replace("://", "://somebody:zebra-7@"))
    watch.tick()
    change_a_letter(workspace)
    serve(server, workspace)
    assert isinstance(watch.look(), dg.RunRequest)
    printed = [workspace.notmnist("run", "archives"), workspace.notmnist("show", "archives/small")]
    server.credentials = "somebody:else"
    printed += [workspace.notmnist("run", "archives"), workspace.notmnist("status")]
    assert [ended.code for ended in printed] == [0, 0, 1, 0]
    assert "the server answered 401" in printed[2].err
    text = f"{printed} {watch.cursor} {watch.look()}"
    assert server.url in text
    versions = [spec.code_version for spec in asset_specs(workspace.definitions)]
    assert f"archives={server.url}" in str(versions)
    stored = [path.read_bytes() for path in workspace.root.rglob("*") if path.is_file()]
    assert any(server.url.encode() in data for data in stored)
    for secret in ("zebra", "somebody"):
        assert secret not in text + str(versions)
        assert not any(secret.encode() in data for data in stored)


def test_a_server_that_is_down_is_reported_and_asked_less_and_less_often(
    server: FaultyServer, workspace: Workspace, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(workspace, watch.tick)
    with FaultyServer().running() as other:
        port = other.port
        monkeypatch.setenv("NOTMNIST_ARCHIVES", other.url)
    for minutes in (15, 30, 60, 120, 240, 240):
        watch.clock.pass_minutes(300)
        answer = str(watch.tick())
        assert f"http://127.0.0.1:{port}/books/SHA256SUMS: the request failed" in answer
        assert answer.endswith(f"Asked again in {minutes} minutes.")
    assert watch.tick() == "No run since the last check; the source is asked in 240 minutes."
    assert workspace.run(["hashes/test"]).success
    assert "does not answer; asked again in 240 minutes" in str(watch.tick()), "another address is another origin"
    with other.running(port):
        serve(other, workspace)
        watch.clock.pass_minutes(300)
        assert set(ARCHIVES) <= requested(watch.tick())
    assert json.loads(watch.cursor or "")["failures"] == 0


def test_a_server_that_drips_ends_no_tick(server: FaultyServer, workspace: Workspace, watch: Watch) -> None:
    server.odd["SHA256SUMS"] = odd.drip_head
    begun = time.monotonic()
    assert "no complete answer within" in str(watch.tick())
    assert time.monotonic() - begun < 50


def test_a_folder_is_watched_by_size_and_date(workspace: Workspace, watch: Watch) -> None:
    assert watch.tick() == NOTHING
    path = workspace.archives / "notMNIST_large.tar.gz"
    path.touch()
    assert watch.look() == NOTHING, "another date, the same bytes"
    path.rename(path.with_suffix(".away"))
    assert str(watch.look()).startswith(f"{path}: there is no such file")


def test_nothing_is_requested_while_a_run_is_under_way(workspace: Workspace, watch: Watch) -> None:
    watch.tick()
    change_a_letter(workspace)
    with workspace.instance() as instance:
        run = instance.create_run_for_job(workspace.definitions.resolve_job_def("refresh"))
    assert str(watch.look()).startswith(f"Run {run.run_id} is under way")
    with workspace.instance() as instance:
        instance.report_run_canceled(run)
    assert requested(watch.tick()) >= FIRST_ROUND


def test_a_cursor_of_another_kind_counts_as_none(finished: Workspace) -> None:
    for cursor in ("", "nonsense", "[]", '{"more": 1}'):
        watch = Watch(finished)
        watch.cursor = cursor
        assert watch.tick() == NOTHING
