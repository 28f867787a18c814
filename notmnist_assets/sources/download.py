"""Downloads one archive to a file: resumes, retries, and enforces a minimum rate and a maximum size."""

import gzip
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.curation.reading.formats import is_web_page
from notmnist_assets.sources.base import Expected
from notmnist_assets.sources.deadlines import watch_progress
from notmnist_assets.sources.exchange import (
    CHECK_URL,
    Limits,
    TryAgainError,
    Wait,
    describe_error,
    open_response,
    refuse_encoding,
    refuse_status,
    retry_request,
)

_CONDITIONS: Final = ("If-None-Match", "If-Modified-Since")
_STEP: Final = 1 << 16
"""Bytes that count as progress: after this many more, the count of failed attempts restarts."""
_GZIP: Final = b"\x1f\x8b"
_GZIP_LABELS: Final = frozenset({"gzip", "x-gzip"})
_OTHER_MIRROR: Final = "Use another mirror (NOTMNIST_ARCHIVES)."


@dataclass
class Download:
    """The transfer of one archive.

    Attributes:
        url: URL of the archive.
        auth: user and password.
        final: file of the last complete download, which stays if the server says that it is current.
        expected: expected size and digest of the archive.
        min_rate: kB/s below which an attempt is canceled; 0 for no minimum.
        limits: limits of requests.
        wait: seconds between attempts.
        received: bytes received so far.
    """

    url: str
    auth: tuple[str, str] | None
    final: Path
    expected: Expected
    min_rate: float
    limits: Limits
    wait: Wait | None
    received: int = field(default=0, init=False)

    @property
    def part(self) -> Path:
        """The file of the unfinished download."""
        return self.final.with_suffix(".part")

    def run(self) -> None:
        """Download the missing bytes of `part`; if `final` is current, there is no `part` afterwards.

        Progress resets the count of failed attempts, except in an attempt that is too slow.

        Raises:
            CurationError: the download failed.
        """
        best = _size(self.part)
        too_slow = False

        def attempt() -> None:
            nonlocal too_slow
            too_slow = False
            try:
                self._attempt()
            except _TooSlowError:
                too_slow = True
                raise

        def progress() -> bool:
            nonlocal best
            grown = _size(self.part) >= best + _STEP
            if grown:
                best = _size(self.part)
            return grown and not too_slow

        retry_request(attempt, self.url, self.limits, self.wait, progress)

    def _attempt(self) -> None:
        headers = self._headers()
        least = self.min_rate * 1000 * self.limits.window
        measured = self.received

        def is_fast_enough() -> bool:
            nonlocal measured
            enough, measured = self.received - measured >= least, self.received
            return enough

        problem: Exception | None = None
        with watch_progress(self.limits.window, is_fast_enough) as connections:
            try:
                with open_response(
                    "GET", self.url, headers, auth=self.auth, limits=self.limits, connections=connections
                ) as response:
                    self._accept(response, headers)
            except (httpx.TransportError, TryAgainError) as error:
                problem = error
        # For a body of unknown size, a connection that was shut down looks like the end of the body.
        if connections.ended:
            raise _TooSlowError(
                f"fewer than {self.min_rate:g} kB/s arrived within {self.limits.window:g} seconds (NOTMNIST_MIN_RATE)"
            ) from problem
        if isinstance(problem, TryAgainError):
            raise problem
        if problem is not None:
            raise TryAgainError(describe_error(problem, self.url)) from problem

    def _headers(self) -> dict[str, str]:
        """Return the headers that request the missing bytes."""
        if not self.part.exists():
            return condition_headers(self.final, self.url) if self.final.exists() else {}
        known = _read_facts(self.part)
        start = _size(self.part) if known.get("etag") and known.get("url") == self.url else 0
        return {"Range": f"bytes={start}-", "If-Range": known["etag"]} if start else {}

    def _accept(self, response: httpx.Response, request_headers: dict[str, str]) -> None:
        if response.status_code == httpx.codes.NOT_MODIFIED and not request_headers.keys().isdisjoint(_CONDITIONS):
            return
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            delete_download(self.part)
            raise TryAgainError("the server has no such range")
        if response.status_code == httpx.codes.PARTIAL_CONTENT and not _continues_part(response, self.part):
            delete_download(self.part)
            raise TryAgainError("the server sent another range than the requested one")
        refuse_status(response, self.url)
        # Many servers label `.tar.gz` files as encoded but send them unchanged.
        labelled = response.headers.get("Content-Encoding", "").strip().lower() in _GZIP_LABELS
        if not labelled:
            refuse_encoding(response, self.url)
        self._receive(response)
        if labelled and _is_compressed_twice(self.part):
            delete_download(self.part)
            refuse_encoding(response, self.url)

    def _receive(self, response: httpx.Response) -> None:
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        start = _size(self.part) if resumed else 0
        total = self._announced_size(response, start)
        limit = total if total is not None else self.limits.archive
        if not resumed:
            # The facts written below do not describe the bytes of an earlier response.
            self.part.unlink(missing_ok=True)
        etag = response.headers.get("ETag", "")
        facts = {
            "url": self.url,
            "etag": "" if etag.startswith("W/") or not (etag.isascii() and etag.isprintable()) else etag,
            "modified": response.headers.get("Last-Modified", ""),
        }
        facts_path(self.part).write_text(json.dumps(facts), encoding="utf-8")
        size = start
        with (
            self.part.open("ab" if resumed else "wb") as file,
            progress_bar(f"download {self.part.stem}", total, "B") as advance,
        ):
            advance(start)
            for block in response.iter_raw():
                if size == 0 and is_web_page(block):
                    break
                size += len(block)
                if size > limit:
                    break
                file.write(block)
                self.received += len(block)
                advance(len(block))
            else:
                if total is not None and size < total:
                    raise TryAgainError(f"the connection ended after {size} of {total} bytes")
                return
        delete_download(self.part)
        raise self._size_error(limit) if size else self._web_page_error()

    def _announced_size(self, response: httpx.Response, start: int) -> int | None:
        """Return the size of the whole archive, published or announced by the server; None if unknown."""
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isascii() and length.isdigit() else self.expected.bytes
        if self.expected.bytes is not None and total != self.expected.bytes:
            raise CurationError(
                f"the server offers {total} bytes, {self.expected.bytes} are {self.expected.by}.",
                subject=self.url,
                remedy=_OTHER_MIRROR,
            )
        free = shutil.disk_usage(self.part.parent).free
        if total is not None and total - start > free:
            raise CurationError(
                f"the server offers {total} bytes, and {self.part.parent} has room for {free}.",
                subject=self.url,
                remedy="Free space, or set NOTMNIST_STORAGE to a place with more of it.",
            )
        return total

    def _web_page_error(self) -> CurationError:
        return CurationError(
            "the server answers with a web page, not with an archive.",
            subject=self.url,
            remedy=f"Open the address in a browser: the page may say why, such as a login. {CHECK_URL}",
        )

    def _size_error(self, limit: int) -> CurationError:
        by = self.expected.by if self.expected.bytes is not None else "the limit for an archive of unknown size"
        return CurationError(
            f"the server sends more than {limit} bytes, which are {by}.", subject=self.url, remedy=_OTHER_MIRROR
        )


class _TooSlowError(TryAgainError):
    """A download was slower than the minimum rate."""


@contextmanager
def explain_disk_errors(folder: Path) -> Iterator[None]:
    """Raise a CurationError for an error of the disk below `folder`."""
    try:
        yield
    except OSError as error:
        raise CurationError(
            f"a download cannot be stored there: {error.strerror or error}.",
            subject=str(error.filename or folder),
            remedy="Free space, make the folder writable, or set NOTMNIST_STORAGE to another one.",
        ) from error


def _is_compressed_twice(path: Path) -> bool:
    try:
        with gzip.open(path) as file:
            return file.read(len(_GZIP)) == _GZIP
    except (OSError, EOFError):
        return False


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _continues_part(response: httpx.Response, part: Path) -> bool:
    """Return whether a response with status 206 continues where `part` ends, with bytes of the same file."""
    known = _read_facts(part)
    start = part.stat().st_size if part.exists() else -1
    is_next: bool = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
    is_same_file: bool = response.headers.get("ETag", known.get("etag")) == known.get("etag")
    return is_next and is_same_file


def facts_path(path: Path) -> Path:
    """Return the path of the file that records URL, ETag and date of the download in `path`."""
    return path.with_name(f"{path.name}.json")


def condition_headers(path: Path, url: str) -> dict[str, str]:
    """Return headers that request an archive only if it differs from `path`; empty if no ETag or date is recorded."""
    known = _read_facts(path)
    if known.get("url") != url:
        return {}
    values = (known.get("etag"), known.get("modified"))
    return {name: value for name, value in zip(_CONDITIONS, values, strict=True) if value}


def delete_download(path: Path) -> None:
    """Delete a download and the facts about it."""
    path.unlink(missing_ok=True)
    facts_path(path).unlink(missing_ok=True)


def _read_facts(path: Path) -> dict[str, str]:
    try:
        facts = json.loads(facts_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in facts.items() if isinstance(v, str)} if isinstance(facts, dict) else {}
