"""Downloads of one archive with common faults of servers: cut connections, ranges, retries."""

import hashlib
import json
from pathlib import Path

import pytest
from tenacity import RetryCallState

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.sources.http import HttpSource
from notmnist_assets_tests.sources.downloads import NAME, archive_bytes, downloads, publish_checksum, source
from notmnist_assets_tests.sources.server import Fault, FaultyServer


def test_a_cut_connection_is_resumed_where_it_broke(server: FaultyServer, tmp_path: Path) -> None:
    body = server.files[NAME]
    server.faults.extend([Fault(cut_after=200_000), Fault(cut_after=150_000)])
    archive = source(server, tmp_path).fetch("small")
    assert Path(archive.uri).read_bytes() == body
    requests = server.of(NAME)
    assert [request.status for request in requests] == [200, 206, 206]
    starts = [int(request.headers["Range"].removeprefix("bytes=").rstrip("-")) for request in requests[1:]]
    assert starts == [200_000, 350_000]
    assert sum(request.sent for request in requests) == len(body)


def test_a_download_resumes_in_the_next_run(server: FaultyServer, tmp_path: Path) -> None:
    server.faults.extend([Fault(cut_after=300_000), *[Fault(status=503)] * 6])
    with pytest.raises(CurationError, match=r"failed 6 times.*503"):
        source(server, tmp_path).fetch("small")
    assert NAME not in downloads(tmp_path)
    archive = source(server, tmp_path).fetch("small")
    assert Path(archive.uri).read_bytes() == server.files[NAME]
    assert server.of(NAME)[-1].headers["Range"] == "bytes=300000-"


def test_a_request_to_a_busy_server_is_retried(server: FaultyServer, tmp_path: Path) -> None:
    server.faults.extend([Fault(status=503), Fault(status=429)])
    archive = source(server, tmp_path).fetch("small")
    assert Path(archive.uri).read_bytes() == server.files[NAME]
    assert [request.status for request in server.of(NAME)] == [503, 429, 200]


def test_a_server_that_ignores_ranges_is_read_from_the_start(server: FaultyServer, tmp_path: Path) -> None:
    server.ranges = False
    server.faults.append(Fault(cut_after=200_000))
    archive = source(server, tmp_path).fetch("small")
    assert Path(archive.uri).read_bytes() == server.files[NAME]
    assert [request.status for request in server.of(NAME)] == [200, 200]
    assert "Range" in server.of(NAME)[1].headers


def test_a_server_without_etags_is_never_resumed(server: FaultyServer, tmp_path: Path) -> None:
    server.etags = False
    server.faults.append(Fault(cut_after=200_000))
    archive = source(server, tmp_path).fetch("small")
    assert Path(archive.uri).read_bytes() == server.files[NAME]
    assert all("Range" not in request.headers for request in server.of(NAME))


def test_an_archive_that_changes_between_attempts_is_never_mixed(server: FaultyServer, tmp_path: Path) -> None:
    server.faults.append(Fault(cut_after=200_000))
    server.after_each = lambda: server.files.update({NAME: archive_bytes(1)})
    archive = source(server, tmp_path).fetch("small")
    assert Path(archive.uri).read_bytes() == archive_bytes(1)
    assert [request.status for request in server.of(NAME)] == [200, 200]


@pytest.mark.parametrize("cut", [0, 200_000])
@pytest.mark.parametrize("start", [0, 1, 100_000])
def test_a_range_that_does_not_continue_the_part_is_discarded(
    server: FaultyServer, tmp_path: Path, start: int, cut: int
) -> None:
    if cut:
        server.faults.append(Fault(cut_after=cut))
    server.faults.append(Fault(part_from=start))
    publish_checksum(server, server.files[NAME])
    archive = source(server, tmp_path).fetch("small")
    assert Path(archive.uri).read_bytes() == server.files[NAME]
    assert [request.status for request in server.of(NAME)][-2:] == [206, 200]


def test_the_range_of_another_file_is_discarded(server: FaultyServer, tmp_path: Path) -> None:
    old, new = server.files[NAME], archive_bytes(1)
    server.faults.extend([Fault(cut_after=200_000), Fault(part_from=200_000)])
    server.after_each = lambda: server.files.update({NAME: new})
    archive = source(server, tmp_path).fetch("small")
    assert old != Path(archive.uri).read_bytes() == new


@pytest.mark.parametrize(("status", "problem"), [(304, "failed 6 times|answered 304"), (300, "answered 300")])
def test_a_response_without_an_archive_is_an_error_and_discarded(
    server: FaultyServer, tmp_path: Path, status: int, problem: str
) -> None:
    server.faults.extend([Fault(status=status)] * 6)
    with pytest.raises(CurationError, match=problem):
        source(server, tmp_path).fetch("small")
    assert downloads(tmp_path) == set()


def test_an_etag_that_is_no_valid_header_is_not_sent_back(server: FaultyServer, tmp_path: Path) -> None:
    server.etag_prefix = "\xe9"
    server.faults.append(Fault(cut_after=200_000))
    for _ in range(2):
        archive = source(server, tmp_path).fetch("small")
        assert Path(archive.uri).read_bytes() == server.files[NAME]
    (tmp_path / "downloads" / f"{NAME}.json").write_text(json.dumps({"url": archive.origin, "etag": 7}))
    assert source(server, tmp_path).fetch("small").sha256 == archive.sha256


def test_a_run_killed_before_the_rename_does_not_bring_the_earlier_archive_back(
    server: FaultyServer, tmp_path: Path
) -> None:
    """The server answers 416 because the part is complete; the facts about the part must not describe the old file."""
    source(server, tmp_path).fetch("small")
    new = server.files[NAME] = archive_bytes(1)
    part = tmp_path / "downloads" / "notMNIST_small.tar.part"
    part.write_bytes(new)
    facts = {"url": f"{server.url}/{NAME}", "etag": f'"{hashlib.sha256(new).hexdigest()[:12]}"', "modified": ""}
    part.with_name(f"{part.name}.json").write_text(json.dumps(facts))
    archive = source(server, tmp_path).fetch("small")
    assert Path(archive.uri).read_bytes() == new


def test_a_slow_response_is_awaited(server: FaultyServer, tmp_path: Path) -> None:
    server.faults.append(Fault(pause=0.3))
    assert Path(source(server, tmp_path).fetch("small").uri).read_bytes() == server.files[NAME]


def test_requests_to_a_server_that_is_down_end_after_the_limit_of_attempts(tmp_path: Path) -> None:
    with FaultyServer().running() as stopped:
        pass
    attempts: list[int] = []

    def wait(state: RetryCallState) -> float:
        attempts.append(state.attempt_number)
        return 0.0

    gone = HttpSource(stopped.url, tmp_path, published=True, wait=wait)
    with pytest.raises(CurationError, match="failed 6 times") as caught:
        gone.fetch("small")
    assert max(attempts) == 6
    assert "mirror" in caught.value.remedy
