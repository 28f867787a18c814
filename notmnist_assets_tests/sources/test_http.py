"""Archives of a web server: verified, downloaded again only after a change, and identified without a download."""

import hashlib
import re
import time
from pathlib import Path

import pytest
from tenacity import RetryCallState, wait_none

from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.sources.http import HttpSource
from notmnist_assets_tests.sources.downloads import NAME, archive_bytes, downloads, publish_checksum, source
from notmnist_assets_tests.sources.server import Fault, FaultyServer


@pytest.fixture
def _publish(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish size and digest of the small test archive."""
    body = archive_bytes()
    fact = published.ARCHIVES["small"]._replace(bytes=len(body), sha256=hashlib.sha256(body).hexdigest())
    monkeypatch.setitem(published.ARCHIVES, "small", fact)


def test_an_archive_arrives_whole_and_knows_its_digest_and_origin(server: FaultyServer, tmp_path: Path) -> None:
    archive = source(server, tmp_path).fetch("small")
    assert Path(archive.uri).read_bytes() == server.files[NAME]
    assert Path(archive.uri).name == NAME
    assert archive.bytes == len(server.files[NAME])
    assert archive.sha256 == hashlib.sha256(server.files[NAME]).hexdigest()
    assert archive.origin == f"{server.url}/{NAME}"
    assert not any(name.endswith(".part") for name in downloads(tmp_path))


def test_a_missing_archive_is_an_error_at_once(server: FaultyServer, tmp_path: Path) -> None:
    del server.files[NAME]
    with pytest.raises(CurationError) as caught:
        source(server, tmp_path).fetch("small")
    assert "404" in caught.value.problem
    assert caught.value.subject == f"{server.url}/{NAME}"
    assert "NOTMNIST_ARCHIVES" in caught.value.remedy
    assert len(server.of(NAME)) == 1


def test_wrong_bytes_are_deleted_and_the_next_download_starts_from_zero(server: FaultyServer, tmp_path: Path) -> None:
    right, wrong = archive_bytes(), archive_bytes(1)
    publish_checksum(server, right)
    server.files[NAME] = wrong
    with pytest.raises(CurationError, match="SHA-256") as caught:
        source(server, tmp_path).fetch("small")
    assert hashlib.sha256(right).hexdigest() in caught.value.problem
    assert hashlib.sha256(wrong).hexdigest() in caught.value.problem
    assert downloads(tmp_path) == set()
    server.files[NAME] = right
    archive = source(server, tmp_path).fetch("small")
    assert Path(archive.uri).read_bytes() == right
    assert "Range" not in server.of(NAME)[-1].headers


def test_a_wrong_update_does_not_change_the_earlier_download(server: FaultyServer, tmp_path: Path) -> None:
    right = archive_bytes()
    publish_checksum(server, right)
    first = source(server, tmp_path).fetch("small")
    server.files[NAME] = archive_bytes(1)
    with pytest.raises(CurationError, match="SHA-256"):
        source(server, tmp_path).fetch("small")
    assert Path(first.uri).read_bytes() == right


def test_without_a_known_digest_a_damaged_stream_is_refused(server: FaultyServer, tmp_path: Path) -> None:
    server.files[NAME] = archive_bytes()[:-20]
    with pytest.raises(CurationError, match="cut short"):
        source(server, tmp_path).fetch("small")
    assert downloads(tmp_path) == set()


@pytest.mark.usefixtures("_publish")
def test_another_size_than_the_published_one_is_refused_before_the_transfer(
    server: FaultyServer, tmp_path: Path
) -> None:
    server.files[NAME] = archive_bytes() + b"more"
    with pytest.raises(CurationError, match="offers") as caught:
        source(server, tmp_path, published=True).fetch("small")
    assert str(len(archive_bytes())) in caught.value.problem
    assert len(server.of(NAME)) == 1
    assert NAME not in downloads(tmp_path)


@pytest.mark.usefixtures("_publish")
def test_the_published_archive_is_downloaded_without_requesting_checksums(server: FaultyServer, tmp_path: Path) -> None:
    server.files["SHA256SUMS"] = f"{'0' * 64}  {NAME}\n".encode()
    archive = source(server, tmp_path, published=True).fetch("small")
    assert archive.sha256 == hashlib.sha256(archive_bytes()).hexdigest()
    assert server.of("SHA256SUMS") == []


def test_an_unchanged_archive_is_not_downloaded_again(server: FaultyServer, tmp_path: Path) -> None:
    first = source(server, tmp_path).fetch("small")
    second = source(server, tmp_path).fetch("small")
    assert second == first
    assert [(request.status, request.sent) for request in server.of(NAME)] == [(200, first.bytes), (304, 0)]


def test_a_changed_archive_replaces_the_earlier_one(server: FaultyServer, tmp_path: Path) -> None:
    source(server, tmp_path).fetch("small")
    server.files[NAME] = archive_bytes(1)
    archive = source(server, tmp_path).fetch("small")
    assert Path(archive.uri).read_bytes() == archive_bytes(1)


def test_a_corrupted_download_is_downloaded_again(server: FaultyServer, tmp_path: Path) -> None:
    archive = source(server, tmp_path).fetch("small")
    body = bytearray(server.files[NAME])
    body[1000] ^= 1
    Path(archive.uri).write_bytes(body)
    assert Path(source(server, tmp_path).fetch("small").uri).read_bytes() == server.files[NAME]


@pytest.mark.parametrize("url", ["http://[nonsense", "http://127.0.0.1:99999999/x"])
def test_an_impossible_address_is_explained(url: str, tmp_path: Path) -> None:
    with pytest.raises(CurationError, match="NOTMNIST_ARCHIVES"):
        HttpSource(url, tmp_path, published=True, wait=wait_none()).fetch("small")


def test_current_sha256_transfers_no_archive(server: FaultyServer, tmp_path: Path) -> None:
    digest = source(server, tmp_path).fetch("small").sha256
    assert source(server, tmp_path).current_sha256("small") == digest
    assert [request.status for request in server.of(NAME)] == [200, 304]


def test_a_changed_archive_is_not_current_and_not_yet_downloaded(server: FaultyServer, tmp_path: Path) -> None:
    archive = source(server, tmp_path).fetch("small")
    before = Path(archive.uri).read_bytes()
    server.files[NAME] = archive_bytes(seed=1)
    assert source(server, tmp_path).current_sha256("small") is None
    assert Path(archive.uri).read_bytes() == before


def test_an_archive_that_was_never_downloaded_is_not_current(server: FaultyServer, tmp_path: Path) -> None:
    assert source(server, tmp_path).current_sha256("small") is None
    assert server.of(NAME) == []


def test_current_sha256_of_a_server_that_is_down_is_an_error(tmp_path: Path) -> None:
    with FaultyServer().running() as server:
        server.files[NAME] = archive_bytes()
        source(server, tmp_path).fetch("small")
    with pytest.raises(CurationError, match="the request failed"):
        HttpSource(server.url, tmp_path, published=False, wait=no_second_attempt).current_sha256("small")


def no_second_attempt(_: RetryCallState) -> float:
    raise AssertionError("a tick has no time for it")


@pytest.mark.parametrize("silent", [NAME, "SHA256SUMS"])
def test_a_silent_server_reaches_the_deadline_after_a_few_seconds(
    server: FaultyServer, tmp_path: Path, silent: str
) -> None:
    publish_checksum(server, server.files[NAME])
    source(server, tmp_path).fetch("small")
    server.silent.add(silent)
    begun = time.monotonic()
    with pytest.raises(CurationError, match=f"{silent}: the request failed"):
        HttpSource(server.url, tmp_path, published=False, wait=no_second_attempt).current_sha256("small")
    # Four such requests must fit into the 60 seconds of a tick.
    assert time.monotonic() - begun < 12


def test_a_password_in_the_url_is_sent_and_never_printed(
    server: FaultyServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    server.credentials = "somebody:sec ret:1"
    url = server.url.replace("://", "://somebody:sec%20ret:1@")
    mirror = HttpSource(url, tmp_path, published=False, wait=wait_none())
    server.faults.append(Fault(status=503))
    archive = mirror.fetch("small")
    assert archive.origin == f"{server.url}/{NAME}"
    assert mirror.current_sha256("small") == archive.sha256
    assert mirror.validator("small")
    texts = [path.read_text() for path in (tmp_path / "downloads").glob("*.json")]
    for server.credentials, status in (("somebody:else", 401), ("somebody:sec ret:1", 503)):
        server.faults.extend([Fault(status=503)] * 9)
        for method in (mirror.fetch, mirror.current_sha256, mirror.validator):
            with pytest.raises(CurationError, match=str(status)) as caught:
                method("small")
            texts.append(str(caught.value))
        server.faults.clear()
    assert f"{server.url}/{NAME}: attempt 1 failed" in caplog.text
    for text in (*texts, caplog.text):
        assert not re.search("sec( |%20)ret|somebody", text)


@pytest.mark.parametrize("heads", [True, False], ids=["HEAD", "no HEAD"])
def test_the_validator_changes_with_the_archive_and_costs_a_byte_at_most(
    server: FaultyServer, tmp_path: Path, *, heads: bool
) -> None:
    server.heads = heads
    before = source(server, tmp_path).validator("small")
    assert source(server, tmp_path).validator("small") == before
    assert sum(request.sent for request in server.requests) == (0 if heads else 2)
    server.files[NAME] = archive_bytes(seed=1)
    assert source(server, tmp_path).validator("small") != before


def test_without_etags_the_size_is_the_validator(server: FaultyServer, tmp_path: Path) -> None:
    server.etags = server.ranges = server.heads = False
    before = source(server, tmp_path).validator("small")
    server.files[NAME] += b"x"
    assert source(server, tmp_path).validator("small") != before


def test_short_requests_are_not_retried(server: FaultyServer, tmp_path: Path) -> None:
    server.faults.extend([Fault(status=503)] * 2)
    with pytest.raises(CurationError, match=r"small\.tar\.gz: the request failed: the server answered 503"):
        source(server, tmp_path).validator("small")
    assert [request.method for request in server.of(NAME)] == ["HEAD", "GET"]
    del server.files[NAME]
    with pytest.raises(CurationError, match="the server answered 404"):
        source(server, tmp_path).validator("small")


def test_a_server_that_is_down_has_no_validator(tmp_path: Path) -> None:
    with FaultyServer().running() as stopped:
        pass
    with pytest.raises(CurationError, match="the request failed"):
        HttpSource(stopped.url, tmp_path, published=False).validator("small")
