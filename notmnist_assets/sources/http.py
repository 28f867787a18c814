"""Archives from a web server: streamed, resumed, retried, verified before they get their name.

Belongs here: the transfer and the cache of finished downloads. Nothing is downloaded again while the server says,
by ETag or by date and size, that the archive is the one we have.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from notmnist_assets.curation.errors import CurationError
from notmnist_assets.curation.progress import stage
from notmnist_assets.curation.values import Archive
from notmnist_assets.settings import userinfo, without_userinfo
from notmnist_assets.sources.base import (
    CHECKSUMS,
    Expected,
    archive_name,
    parse_checksums,
    published_archive,
    verified,
)

_ATTEMPTS: Final = 6
_TIMEOUT: Final = httpx.Timeout(30.0)
_BRIEF: Final = httpx.Timeout(5.0)
"""A tick has a minute for all it asks: of two archives, whether they changed, and for their checksums."""
_WORTH_RETRYING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONDITIONS: Final = ("If-None-Match", "If-Modified-Since")
_CHECK_URL: Final = "Check NOTMNIST_ARCHIVES: the base URL of the folder that holds both archives."
T = TypeVar("T")
_log = logging.getLogger(__name__)


class _TryAgainError(Exception):
    """A failure that may pass."""


class HttpSource:
    """The two archives below a base URL."""

    def __init__(
        self, base_url: str, cache: Path, *, published: bool, wait: Callable[[RetryCallState], float] | None = None
    ) -> None:
        """Use the archives below `base_url`.

        Args:
            base_url: http or https URL of the folder; a user and password in it are sent, and told nowhere.
            cache: downloads are kept below it.
            published: the archives must be the originals.
            wait: seconds between attempts; exponential from 1 to 60 with jitter by default.
        """
        self._base = without_userinfo(base_url).rstrip("/") + "/"
        self._auth = userinfo(base_url)
        self._folder = cache / "downloads"
        self._published = published
        self._wait = wait or wait_exponential_jitter(initial=1, max=60)

    def expected(self, set_name: str) -> Expected:
        """Return the published numbers, else what SHA256SUMS on the server says."""
        if self._published:
            return published_archive(set_name)
        url = self._base + CHECKSUMS
        return self._retrying(lambda: self._listed(url, set_name, _TIMEOUT), url)

    def current_sha256(self, set_name: str) -> str | None:
        """Return the digest of the download when the server says that it is current; nothing is transferred.

        It is asked once and briefly, for this is done in ticks too. The download that may follow has more patience.
        """
        url = self._base + archive_name(set_name)
        final = self._folder / archive_name(set_name)
        marks = _marks(final, url)
        if not final.exists() or not marks:
            return None

        def ask() -> bool:
            # Not every server answers HEAD; a GET is closed before its body comes.
            with (
                self._client(_BRIEF) as client,
                client.stream("GET", url, headers=marks) as response,
            ):
                if response.status_code == httpx.codes.NOT_MODIFIED:
                    return True
                _raise_for_status(response, url)
                return False

        if not _asked_once(ask, url):
            return None
        checksums = self._base + CHECKSUMS
        expected = (
            published_archive(set_name)
            if self._published
            else _asked_once(lambda: self._listed(checksums, set_name, _BRIEF), checksums)
        )
        return verified(final, expected, url).sha256

    def validator(self, set_name: str) -> str:
        """Return the server's ETag, date and size of the archive, from one answer to HEAD, else to a GET of a byte."""
        url = self._base + archive_name(set_name)

        def ask() -> httpx.Response:
            with self._client(_BRIEF) as client:
                response = client.head(url, headers={"Accept-Encoding": "identity"})
                if response.is_error:
                    # Not every server answers HEAD. The connection is closed before more than the byte comes.
                    headers = {"Accept-Encoding": "identity", "Range": "bytes=0-0"}
                    with client.stream("GET", url, headers=headers) as response:
                        _raise_for_status(response, url)
                return response

        response = _asked_once(ask, url)
        size = response.headers.get("Content-Range", "").rpartition("/")[2] or response.headers.get("Content-Length")
        return f"{response.headers.get('ETag')}, {response.headers.get('Last-Modified')}, {size} bytes"

    def fetch(self, set_name: str) -> Archive:
        """Download the archive unless the one we have is current, and return it verified."""
        url = self._base + archive_name(set_name)
        expected = self.expected(set_name)
        self._folder.mkdir(parents=True, exist_ok=True)
        final = self._folder / archive_name(set_name)
        part = final.with_suffix(".part")
        download = partial(self._download, url, final, part, expected)
        self._retrying(download, url)
        if not part.exists():
            try:
                return verified(final, expected, url)
            except CurationError:
                # It was right when it came: the disk is to blame, not the server.
                _forget(final)
                self._retrying(download, url)
        try:
            archive = verified(part, expected, url)
        except CurationError:
            # Resuming from wrong bytes cannot end well: the next attempt starts from nothing.
            _forget(part)
            raise
        part.replace(final)
        _facts_of(part).replace(_facts_of(final))
        return replace(archive, uri=str(final))

    def _client(self, timeout: httpx.Timeout) -> httpx.Client:
        return httpx.Client(auth=self._auth, timeout=timeout, follow_redirects=True)

    def _listed(self, url: str, set_name: str, timeout: httpx.Timeout) -> Expected:
        """Return what the file of checksums says of an archive; nothing when the server has no such file."""
        with self._client(timeout) as client:
            response = client.get(url)
        if response.status_code in (403, 404):
            return Expected(None, None, "")
        _raise_for_status(response, url)
        return parse_checksums(response.content, set_name, url)

    def _retrying(self, work: Callable[[], T], url: str) -> T:
        """Do `work` up to six times while it fails for reasons that may pass."""
        attempts = Retrying(
            retry=retry_if_exception_type((_TryAgainError, httpx.TransportError)),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=self._wait,
            reraise=True,
            before_sleep=lambda state: _log.warning("%s: attempt %d failed", url, state.attempt_number),
        )
        try:
            return attempts(work)
        except (_TryAgainError, httpx.TransportError) as error:
            raise CurationError(
                f"the transfer failed {_ATTEMPTS} times, last with: {error}.",
                subject=url,
                remedy="Try again later: a download goes on where it stopped. Or set NOTMNIST_ARCHIVES to a mirror"
                " or to a folder.",
            ) from error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise CurationError(f"it cannot be asked for: {error}.", subject=url, remedy=_CHECK_URL) from error

    def _download(self, url: str, final: Path, part: Path, expected: Expected) -> None:
        """Fetch what is missing of `part`; leave no `part` when `final` is current."""
        headers = {"Accept-Encoding": "identity"}
        if part.exists():
            known = _read_facts(part)
            start = part.stat().st_size if known.get("etag") and known.get("url") == url else 0
            if start:
                headers |= {"Range": f"bytes={start}-", "If-Range": known["etag"]}
        elif final.exists():
            headers |= _marks(final, url)
        try:
            with (
                self._client(_TIMEOUT) as client,
                client.stream("GET", url, headers=headers) as response,
            ):
                if response.status_code == httpx.codes.NOT_MODIFIED and not headers.keys().isdisjoint(_CONDITIONS):
                    return
                if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                    _forget(part)
                    raise _TryAgainError("the server has no such range")
                if response.status_code == httpx.codes.PARTIAL_CONTENT and not _continues(response, part):
                    _forget(part)
                    raise _TryAgainError("the server sent another part than was asked for")
                _raise_for_status(response, url)
                self._receive(response, part, url, expected)
        except httpx.TransportError as error:
            raise _TryAgainError(f"{type(error).__name__}: {error}") from error

    def _receive(self, response: httpx.Response, part: Path, url: str, expected: Expected) -> None:
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        start = part.stat().st_size if resumed else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else expected.bytes
        if expected.bytes is not None and total is not None and total != expected.bytes:
            raise CurationError(
                f"the server offers {total} bytes, {expected.bytes} are {expected.by}.",
                subject=url,
                remedy="Use another mirror (NOTMNIST_ARCHIVES).",
            )
        etag = response.headers.get("ETag", "")
        facts = {
            "url": url,
            "etag": "" if etag.startswith("W/") or not (etag.isascii() and etag.isprintable()) else etag,
            "modified": response.headers.get("Last-Modified", ""),
        }
        if not resumed:
            # What came before belongs to another answer, and the facts must never describe bytes of that one.
            part.unlink(missing_ok=True)
        _facts_of(part).write_text(json.dumps(facts), encoding="utf-8")
        with part.open("ab" if resumed else "wb") as file, stage(f"download {part.stem}", total, "B") as advance:
            advance(start)
            for block in response.iter_raw():
                file.write(block)
                advance(len(block))
        if total is not None and part.stat().st_size < total:
            raise _TryAgainError(f"the connection ended after {part.stat().st_size} of {total} bytes")


def _asked_once(work: Callable[[], T], url: str) -> T:
    try:
        return work()
    except (_TryAgainError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise CurationError(f"it cannot be asked for: {error}.", subject=url, remedy=_CHECK_URL) from error


def _raise_for_status(response: httpx.Response, url: str) -> None:
    if response.status_code in _WORTH_RETRYING:
        raise _TryAgainError(f"the server answered {response.status_code}")
    # Redirections that lead somewhere have been followed.
    if not response.is_success:
        raise CurationError(
            f"the server answered {response.status_code} {response.reason_phrase}.",
            subject=url,
            remedy=_CHECK_URL,
        )


def _continues(response: httpx.Response, part: Path) -> bool:
    """Tell whether an answer of 206 goes on where `part` ends, with bytes of the same file."""
    known = _read_facts(part)
    start = part.stat().st_size if part.exists() else -1
    goes_on: bool = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
    same: bool = response.headers.get("ETag", known.get("etag")) == known.get("etag")
    return goes_on and same


def _facts_of(path: Path) -> Path:
    """Return the file that says where the bytes in `path` came from, and the server's marks for them."""
    return path.with_name(f"{path.name}.json")


def _marks(path: Path, url: str) -> dict[str, str]:
    """Return the headers that ask a server whether the bytes in `path` are still what it has; empty if unknown."""
    known = _read_facts(path)
    if known.get("url") != url:
        return {}
    marks = (known.get("etag"), known.get("modified"))
    return {name: value for name, value in zip(_CONDITIONS, marks, strict=True) if value}


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)
    _facts_of(path).unlink(missing_ok=True)


def _read_facts(path: Path) -> dict[str, str]:
    try:
        facts = json.loads(_facts_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in facts.items() if isinstance(v, str)} if isinstance(facts, dict) else {}
