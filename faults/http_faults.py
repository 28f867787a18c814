"""Fetches an archive from a bad server on this machine; each question ends in the right file or a sentence, in time."""

import gzip
import hashlib
import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final

from tenacity import wait_none

from faults.cases import CaseError, Kind, Outcome, RunCase, require
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.sources import http
from notmnist_assets.sources.base import archive_name
from notmnist_assets.sources.checksums import CHECKSUMS
from notmnist_assets.sources.exchange import Limits
from notmnist_assets.sources.http import HttpSource
from notmnist_assets_tests.sources import odd
from notmnist_assets_tests.sources.server import Fault, FaultyServer

_NAME: Final = archive_name("small")
_LIMITS: Final = Limits(read=0.5, request=0.5, window=0.3, retry_after=0.5, attempts=2, archive=5_000_000)
_SECONDS: Final = 30.0
"""More than all attempts may take on a busy machine; a server that is not given up takes for ever."""
_STATUSES: Final = (
    *(100, 204, 205, 206, 300, 304, 305, 400, 401, 403, 404, 405, 408, 410, 416, 418, 425, 429, 451),
    *(500, 501, 502, 503, 504, 505, 507, 511, 520, 599, 999),
)
Arrange = Callable[[FaultyServer], None]


@dataclass(frozen=True)
class _Case:
    name: str
    arrange: Arrange
    listed: bool = True
    """Whether the server has SHA256SUMS, so that a wrong archive can be recognized."""


def _raw(text: bytes) -> odd.Odd:
    """Answer with these bytes and close the connection."""
    return lambda handler: (handler.wfile.write(text), None)[1]


def _stall(handler: BaseHTTPRequestHandler) -> None:
    """Send half of what is announced, then nothing more."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n\x1f\x8b")
    handler.wfile.flush()
    threading.Event().wait(5)


def _redirect(location: str) -> odd.Odd:
    return odd.whole(b"", 302, {"Location": location})


def _answers(body: bytes) -> dict[str, odd.Odd]:
    """Return bad answers to a request for a file with this content, by name."""
    head = b"HTTP/1.1 200 OK\r\n"
    half = len(body) // 2
    answers = {
        "drips headers": odd.drip_head,
        "drips the body": odd.drip_body,
        "drips a chunk": odd.drip_chunk,
        "stalls": _stall,
        "never ends": odd.endless(body[:2]),
        "closes at once": _raw(b""),
        "is no HTTP": _raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
        "is HTTP 0.9": _raw(body),
        "has no headers": _raw(head),
        "has a header of 200 kB": _raw(head + b"X: " + b"x" * 200_000 + b"\r\n\r\n"),
        "has 10,000 headers": _raw(head + b"X: y\r\n" * 10_000 + b"\r\n"),
        "has a broken header": _raw(head + b"no colon\r\n\r\n"),
        "has broken chunks": _raw(head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body),
        "ends within a chunk": _raw(head + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n" + body[:half]),
        "is a web page": odd.whole(odd.PAGE, headers={"Content-Type": "text/html"}),
        "is empty": odd.whole(b""),
        "is half of it": odd.whole(body[:half]),
        "is garbage": odd.whole(bytes(range(256)) * 4),
        "has no length and half of it": _raw(head + b"\r\n" + body[:half]),
        "redirects to itself": lambda handler: _redirect(handler.path)(handler),
        "redirects for ever": lambda handler: _redirect(f"{handler.path}?{time.monotonic_ns()}")(handler),
        "redirects nowhere": odd.whole(b"", 302),
        "redirects to a file": _redirect("file:///etc/hostname"),
        "redirects to ftp": _redirect("ftp://127.0.0.1/x"),
        "redirects to no URL": _redirect("http://[::1"),
        "redirects to no host": _redirect("http://name.invalid/x"),
        "redirects to no port": _redirect("http://127.0.0.1:1/x"),
        "redirects to a port of 6 digits": _redirect("http://127.0.0.1:123456/x"),
        "asks to wait an hour": odd.whole(b"", 503, {"Retry-After": "3600"}),
        "asks to wait for nonsense": odd.whole(b"", 429, {"Retry-After": "\x00soon"}),
    }
    for length in (0, half, len(body) + 1000, 10**30):
        answers[f"has length {length}"] = odd.whole(body, headers={"Content-Length": str(length)})
    for text in ("-1", "x", "1, 2", "\xb2", ""):
        answers[f"has length {text!r}"] = odd.whole(body, headers={"Content-Length": text})
    for encoding in ("gzip", "br", "deflate", "gzip, gzip", "x-gzip", "identity", "zstd", "\xff"):
        answers[f"is not encoded as {encoding!r}"] = odd.whole(body, headers={"Content-Encoding": encoding})
    answers["is gzip once more"] = odd.whole(gzip.compress(body), headers={"Content-Encoding": "gzip"})
    bomb = gzip.compress(gzip.compress(bytes(50 << 20)))
    answers["is a gzip bomb"] = odd.whole(bomb, headers={"Content-Encoding": "gzip"})
    for status in _STATUSES:
        answers[f"is {status}"] = odd.whole(b"", status)
        answers[f"is {status} with a page"] = odd.whole(odd.PAGE, status)
    return answers


def _odd(name: str, answer: odd.Odd) -> Arrange:
    return lambda server: server.odd.update({name: answer})


def _once(name: str, answer: odd.Odd) -> Arrange:
    """Give a bad answer to the first request, and good ones from then on."""

    def arrange(server: FaultyServer) -> None:
        def send(handler: BaseHTTPRequestHandler) -> None:
            server.odd.pop(name, None)
            answer(handler)

        server.odd[name] = send

    return arrange


def _faults(*faults: Fault, etags: bool = True, ranges: bool = True) -> Arrange:
    def arrange(server: FaultyServer) -> None:
        server.etags, server.ranges = etags, ranges
        server.faults.extend(faults)

    return arrange


def _changing(server: FaultyServer) -> None:
    """Put another archive in place after each answer, until four were sent."""
    good = server.files[_NAME]

    def change() -> None:
        server.files[_NAME] = gzip.compress(bytes(50_000)) if len(server.of(_NAME)) in (1, 2) else good

    server.after_each = change
    server.faults.extend([Fault(cut_after=len(good) // 2)] * 3)


def _cases(body: bytes) -> Iterator[_Case]:
    """Yield all cases for an archive."""
    sums = f"{hashlib.sha256(body).hexdigest()}  {_NAME}\n".encode()
    for subject, name, content in (("archive", _NAME, body), ("checksums", CHECKSUMS, sums)):
        for problem, answer in _answers(content).items():
            yield _Case(f"{subject} {problem}", _odd(name, answer))
            if name == _NAME:
                yield _Case(f"{subject} {problem}, without checksums", _odd(name, answer), listed=False)
            yield _Case(f"{subject} {problem}, once", _once(name, answer))
        yield _Case(f"{subject}: no answer", lambda server, name=name: server.silent.add(name))  # type: ignore[misc]
    tenth = len(body) // 10
    for part in range(10):
        for etags, ranges in ((True, True), (True, False), (False, False)):
            drop = _faults(Fault(cut_after=part * tenth), etags=etags, ranges=ranges)
            yield _Case(f"drops at {part * 10} %, etags {etags}, ranges {ranges}", drop)
        yield _Case(f"drops at {part * 10} % each time", _faults(*[Fault(cut_after=part * tenth)] * 30))
        wrong = _faults(Fault(cut_after=4 * tenth), Fault(part_from=part * tenth))
        yield _Case(f"resumes at {part * 10} % when 40 % came", wrong)
        yield _Case(f"begins at {part * 10} %", _faults(Fault(part_from=part * tenth)), listed=False)
    yield _Case("another archive during the download", _changing)
    other = b"0" * 64 + b"  " + _NAME.encode()
    for text in (b"", b"garbage", other, sums + other, sums * 2, sums + sums[1:], bytes(900), b"<html>"):
        yield _Case(f"checksums are {text[:12]!r}", _odd(CHECKSUMS, odd.whole(text)))


_BODY: Final = gzip.compress(random.Random(1).randbytes(1_000_000), 1, mtime=0)  # noqa: S311
_CASES: Final = list(_cases(_BODY))


class _Http:
    def __init__(self, folder: Path) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            os.environ.pop(name, None)
            os.environ.pop(name.upper(), None)
        http._TICK_LIMITS = _LIMITS  # type: ignore[misc]
        self._cache = folder / "http"

    def __call__(self, number: int, _randomly: random.Random) -> None:
        case = _CASES[number]
        shutil.rmtree(self._cache, ignore_errors=True)
        with FaultyServer().running() as server:
            server.files[_NAME] = _BODY
            if case.listed:
                server.files[CHECKSUMS] = f"{hashlib.sha256(_BODY).hexdigest()}  {_NAME}\n".encode()
            case.arrange(server)
            self._fetch(case, server)
            for question in (self._source(server).validator, self._source(server).current_sha256):
                self._ask(case, lambda question=question: question("small"))  # type: ignore[misc]
            server.odd.clear()
            server.silent.clear()
            server.faults.clear()
            server.files[_NAME] = _BODY
            server.after_each = lambda: None
            try:
                self._check_file(case, self._source(server, Limits()).fetch("small").uri)
            except CurationError as error:
                message = f"{case.name}: cannot be fetched from the repaired server: {error}"
                raise CaseError(Outcome.LOST, message) from error

    def _source(self, server: FaultyServer, limits: Limits = _LIMITS) -> HttpSource:
        return HttpSource(server.url, self._cache, published=False, wait=wait_none(), limits=limits)

    def _fetch(self, case: _Case, server: FaultyServer) -> None:
        uri = self._ask(case, lambda: self._source(server).fetch("small").uri)
        if uri is not None:
            self._check_file(case, uri)
        kept = self._cache / "downloads" / _NAME
        if uri is None and kept.exists():
            self._check_file(case, str(kept))

    def _ask(self, case: _Case, question: Callable[[], str | None]) -> str | None:
        begun = time.monotonic()
        try:
            answer = question()
        except CurationError as error:
            require(error.problem and error.remedy, Outcome.SILENT, f"{case.name}: {error!r}")
            answer = None
        except Exception as error:
            raise CaseError(Outcome.FOREIGN, f"{case.name}: {type(error).__name__}: {error}") from error
        seconds = time.monotonic() - begun
        require(seconds < _SECONDS, Outcome.HUNG, f"{case.name}: {seconds:.0f} s")
        return answer

    def _check_file(self, case: _Case, uri: str) -> None:
        require(Path(uri).read_bytes() == _BODY, Outcome.SILENT, f"{case.name}: a wrong file was accepted")


def _prepare(folder: Path) -> RunCase:
    return _Http(folder)


HTTP: Final = Kind("http", "answers of bad servers", len(_CASES), 120, _prepare, total=len(_CASES))
