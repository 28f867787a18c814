"""Slow, endless, encoding and refusing servers and proxies, and web pages: each ends in time with an error."""

import gzip
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest
from tenacity import wait_none

from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.sources import http
from notmnist_assets.sources.exchange import Limits
from notmnist_assets.sources.http import HttpSource
from notmnist_assets_tests.sources import odd
from notmnist_assets_tests.sources.downloads import NAME, archive_bytes, downloads, publish_checksum
from notmnist_assets_tests.sources.server import Fault, FaultyServer

SHORT = Limits(read=5, request=0.5, window=0.3, retry_after=2, attempts=2)
PATIENT = replace(SHORT, request=30, window=30)
"""For responses that are refused at once, but on a slow machine not within the short limits."""
BOUND = 8.0
"""Seconds within which a request must end, on a slow machine too."""
DRIPS = [odd.drip_head, odd.drip_body, odd.drip_chunk]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(http, "_TICK_LIMITS", SHORT)
    with FaultyServer().running() as server:
        server.files[NAME] = archive_bytes()
        yield server


def source(server: FaultyServer, cache: Path, *, limits: Limits = SHORT, min_rate: float = 10) -> HttpSource:
    return HttpSource(server.url, cache, published=False, min_rate=min_rate, wait=wait_none(), limits=limits)


@pytest.mark.parametrize("drip", DRIPS)
def test_checksums_that_arrive_slowly_reach_the_deadline(server: FaultyServer, tmp_path: Path, drip: odd.Odd) -> None:
    server.odd["SHA256SUMS"] = drip
    begun = time.monotonic()
    with pytest.raises(CurationError, match=r"SHA256SUMS: .*failed 2 times.*within 0\.5 seconds"):
        source(server, tmp_path).fetch("small")
    assert time.monotonic() - begun < BOUND


def test_headers_that_arrive_slowly_reach_the_deadline(server: FaultyServer, tmp_path: Path) -> None:
    source(server, tmp_path).fetch("small")
    server.odd[NAME] = odd.drip_head
    for question in (source(server, tmp_path).validator, source(server, tmp_path).current_sha256):
        begun = time.monotonic()
        with pytest.raises(CurationError, match=r"small\.tar\.gz: the request failed: no complete answer within"):
            question("small")
        assert time.monotonic() - begun < BOUND


@pytest.mark.parametrize("drip", DRIPS)
def test_a_download_below_the_minimum_rate_fails(server: FaultyServer, tmp_path: Path, drip: odd.Odd) -> None:
    server.odd[NAME] = drip
    begun = time.monotonic()
    with pytest.raises(CurationError, match=r"failed 2 times.*fewer than 10 kB/s arrived.*NOTMNIST_MIN_RATE"):
        source(server, tmp_path).fetch("small")
    assert time.monotonic() - begun < BOUND
    assert len(server.of(NAME)) == 2


def test_any_rate_can_be_allowed(server: FaultyServer, tmp_path: Path) -> None:
    server.faults.append(Fault(pause=1.0))
    archive = source(server, tmp_path, min_rate=0).fetch("small")
    assert Path(archive.uri).read_bytes() == server.files[NAME]


def test_a_connection_that_breaks_every_tenth_of_the_way_downloads_the_archive(
    server: FaultyServer, tmp_path: Path
) -> None:
    server.faults.extend([Fault(cut_after=len(server.files[NAME]) // 10)] * 9)
    archive = source(server, tmp_path, limits=Limits(attempts=3)).fetch("small")
    assert Path(archive.uri).read_bytes() == server.files[NAME]
    assert [request.status for request in server.of(NAME)] == [200, *[206] * 9]


def test_a_connection_without_progress_fails(server: FaultyServer, tmp_path: Path) -> None:
    server.faults.extend([Fault(cut_after=100)] * 50)
    with pytest.raises(CurationError, match="failed 6 times in a row"):
        source(server, tmp_path, limits=Limits()).fetch("small")
    assert len(server.of(NAME)) == 6


def test_an_archive_without_end_stops_at_the_limit(server: FaultyServer, tmp_path: Path) -> None:
    server.odd[NAME] = odd.endless(b"\x1f\x8b")
    with pytest.raises(CurationError, match="more than 5000000 bytes, which are the limit for an archive of unknown"):
        source(server, tmp_path, limits=Limits(archive=5_000_000)).fetch("small")
    assert downloads(tmp_path) == set()


def test_an_archive_without_end_stops_at_the_published_size(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fact = published.ARCHIVES["small"]._replace(bytes=100_000)
    monkeypatch.setitem(published.ARCHIVES, "small", fact)
    server.odd[NAME] = odd.endless(b"\x1f\x8b")
    with pytest.raises(CurationError, match="more than 100000 bytes, which are published"):
        HttpSource(server.url, tmp_path, published=True, wait=wait_none(), limits=SHORT).fetch("small")
    assert downloads(tmp_path) == set()


def test_an_archive_larger_than_the_disk_is_refused_before_the_transfer(server: FaultyServer, tmp_path: Path) -> None:
    server.odd[NAME] = odd.whole(b"", headers={"Content-Length": str(1 << 60)})
    with pytest.raises(CurationError, match=r"offers 1152921504606846976 bytes, and .* has room for"):
        source(server, tmp_path).fetch("small")


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_a_requested_pause_is_kept(server: FaultyServer, tmp_path: Path, *, as_date: bool) -> None:
    pause = formatdate(time.time() + 2, usegmt=True) if as_date else "1"
    busy = odd.whole(b"", 503, {"Retry-After": pause})
    server.odd[NAME] = odd.after(1, busy, odd.whole(server.files[NAME]))
    begun = time.monotonic()
    assert source(server, tmp_path).fetch("small").bytes == len(server.files[NAME])
    assert time.monotonic() - begun > 0.9


def test_a_requested_pause_longer_than_the_limit_is_an_error(server: FaultyServer, tmp_path: Path) -> None:
    server.odd[NAME] = odd.whole(b"", 503, {"Retry-After": "3600"})
    with pytest.raises(CurationError, match="asks to wait 3600 seconds, and the limit is 2"):
        source(server, tmp_path).fetch("small")
    assert len(server.of(NAME)) == 1


@pytest.mark.parametrize("pause", ["soon", "-5", "Mon, 99 Foo 2026 00:00:00 GMT", "9" * 5000, "\xb2"])
def test_an_invalid_pause_is_ignored(server: FaultyServer, tmp_path: Path, pause: str) -> None:
    server.odd[NAME] = odd.whole(b"", 503, {"Retry-After": pause})
    with pytest.raises(CurationError, match="503"):
        source(server, tmp_path).fetch("small")


def test_encoded_checksums_are_never_inflated(server: FaultyServer, tmp_path: Path) -> None:
    server.odd["SHA256SUMS"] = odd.whole(gzip.compress(bytes(10_000_000)), headers={"Content-Encoding": "gzip"})
    with pytest.raises(CurationError, match=r"SHA256SUMS: the server sends it encoded \(Content-Encoding: gzip\)"):
        source(server, tmp_path).fetch("small")


def test_checksums_are_read_up_to_a_limit(server: FaultyServer, tmp_path: Path) -> None:
    server.odd["SHA256SUMS"] = odd.endless(b"#")
    with pytest.raises(CurationError, match="larger than 1000 bytes, the limit for a file of checksums"):
        source(server, tmp_path, limits=Limits(checksums=1000)).fetch("small")


def test_every_request_asks_for_no_encoding(server: FaultyServer, tmp_path: Path) -> None:
    source(server, tmp_path).fetch("small")
    source(server, tmp_path).validator("small")
    assert {request.headers["Accept-Encoding"] for request in server.requests} == {"identity"}


def test_an_archive_labelled_as_encoded_is_stored_unchanged(server: FaultyServer, tmp_path: Path) -> None:
    body = server.files[NAME]
    server.odd[NAME] = odd.whole(body, headers={"Content-Encoding": "x-gzip"})
    assert Path(source(server, tmp_path).fetch("small").uri).read_bytes() == body


@pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, gzip"])
def test_an_encoded_archive_is_refused(server: FaultyServer, tmp_path: Path, encoding: str) -> None:
    server.odd[NAME] = odd.whole(gzip.compress(server.files[NAME]), headers={"Content-Encoding": encoding})
    with pytest.raises(CurationError, match=f"encoded .Content-Encoding: {encoding}"):
        source(server, tmp_path).fetch("small")
    assert downloads(tmp_path) == set()


def test_a_redirection_is_followed_without_reading_its_body_or_sending_the_password(
    server: FaultyServer, tmp_path: Path
) -> None:
    with FaultyServer().running() as other:
        other.files[NAME] = server.files[NAME]
        there = {"Location": f"{other.url}/{NAME}", "Content-Encoding": "gzip"}
        server.odd[NAME] = odd.whole(b"no gzip", 302, there)
        mirror = HttpSource(
            server.url.replace("://", "://somebody:secret@"), tmp_path, published=False, wait=wait_none(), limits=SHORT
        )
        assert mirror.fetch("small").bytes == len(server.files[NAME])
        assert "Authorization" in server.of(NAME)[0].headers
        assert "Authorization" not in other.of(NAME)[0].headers


def test_redirections_in_a_circle_end(server: FaultyServer, tmp_path: Path) -> None:
    server.odd[NAME] = odd.whole(b"", 302, {"Location": NAME})
    with pytest.raises(CurationError, match="answered 302"):
        source(server, tmp_path).fetch("small")


def test_a_web_page_in_place_of_checksums_means_that_there_are_none(
    server: FaultyServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.odd["SHA256SUMS"] = odd.whole(odd.PAGE, headers={"Content-Type": "text/html"})
    archive = source(server, tmp_path).fetch("small")
    assert archive.sha256 == hashlib.sha256(server.files[NAME]).hexdigest()
    assert "SHA256SUMS: the server answers with a web page, so there are no checksums" in caplog.text
    assert source(server, tmp_path).current_sha256("small") == archive.sha256


def test_a_web_page_in_place_of_an_archive_is_named(server: FaultyServer, tmp_path: Path) -> None:
    publish_checksum(server, server.files[NAME])
    server.odd[NAME] = odd.whole(odd.PAGE)
    with pytest.raises(CurationError, match=r"small\.tar\.gz: the server answers with a web page, not with an archive"):
        source(server, tmp_path).fetch("small")
    assert downloads(tmp_path) == set()


@pytest.fixture
def proxy(server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    """A proxy for all requests, with a password that must not be printed."""
    with FaultyServer().running() as proxy:
        address = f"http://somebody:zebra@127.0.0.1:{proxy.port}"
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, address)
        yield proxy


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (407, "the proxy http://127.0.0.1:{port} answered 407 Proxy Authentication Required"),
        (403, "the server, or the proxy http://127.0.0.1:{port} on the way to it, answered 403 Forbidden"),
        (502, "failed 2 times.*answered 502 Bad Gateway .through the proxy http://127.0.0.1:{port}."),
    ],
)
def test_a_proxy_that_refuses_is_named(
    server: FaultyServer, proxy: FaultyServer, tmp_path: Path, status: int, problem: str
) -> None:
    proxy.odd[NAME] = odd.whole(odd.PAGE, status)
    with pytest.raises(CurationError, match=problem.format(port=proxy.port)) as caught:
        source(server, tmp_path, limits=PATIENT).fetch("small")
    assert status == 502 or "NO_PROXY" in caught.value.remedy
    assert "zebra" not in str(caught.value)
    assert server.requests == []


def test_a_proxy_that_refuses_a_tunnel_is_named(server: FaultyServer, proxy: FaultyServer, tmp_path: Path) -> None:
    secure = HttpSource("https://example.invalid/books", tmp_path, published=False, wait=wait_none(), limits=PATIENT)
    with pytest.raises(CurationError, match=f"the proxy http://127.0.0.1:{proxy.port} refuses: 501") as caught:
        secure.fetch("small")
    assert "zebra" not in str(caught.value)


def test_a_proxy_that_is_down_is_named(server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultyServer().running() as stopped:
        pass
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{stopped.port}")
    with pytest.raises(CurationError, match=f"ConnectError.*through the proxy http://127.0.0.1:{stopped.port}"):
        source(server, tmp_path, limits=PATIENT).fetch("small")
    assert os.environ["http_proxy"]
