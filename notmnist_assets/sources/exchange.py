"""Sends requests to the server of the archives, with time limits, retries, and errors with a remedy.

Bodies are not decoded: `Content-Encoding` is never applied, not even in a redirection.
"""

import logging
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.settings.urls import without_userinfo
from notmnist_assets.sources.deadlines import Connections, run_within

CHECK_URL: Final = "Check NOTMNIST_ARCHIVES: the base URL of the folder that contains both archives."
_CHECK_PROXY: Final = "Check the proxy: HTTP_PROXY, HTTPS_PROXY, and NO_PROXY for hosts to reach without it."
_TEMPORARY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_PLAIN: Final = ("", "identity")
_MOST_REDIRECTIONS: Final = 10
T = TypeVar("T")
Wait = Callable[[RetryCallState], float]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """Limits of requests; sizes in bytes, times in seconds.

    Attributes:
        read: time between two pieces of a response.
        request: time for a whole response other than an archive.
        window: time over which the rate of a download is measured.
        retry_after: longest pause that a server may request with `Retry-After`.
        checksums: size of SHA256SUMS.
        archive: size of an archive whose size is unknown.
        attempts: number of consecutive attempts without progress.
    """

    read: float = 30.0
    request: float = 20.0
    window: float = 60.0
    retry_after: float = 300.0
    checksums: int = 1 << 20
    archive: int = 4 << 30
    attempts: int = 6


class TryAgainError(Exception):
    """A failure that may be temporary; `pause` is the number of seconds that the server requests to wait."""

    def __init__(self, message: str, pause: float = 0.0) -> None:
        super().__init__(message)
        self.pause = pause


@contextmanager
def open_response(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    auth: tuple[str, str] | None,
    limits: Limits,
    connections: Connections,
) -> Iterator[httpx.Response]:
    """Send a request, follow its redirections, and yield the last response with its body unread."""
    timeout = httpx.Timeout(limits.read)
    with httpx.Client(timeout=timeout, follow_redirects=False) as client:
        request = client.build_request(
            method,
            url,
            headers={**headers, "Accept-Encoding": "identity"},
            extensions={"trace": connections.trace},
        )
        response = client.send(request, auth=auth, stream=True)
        try:
            # httpx would read and inflate the body of each redirection.
            for _ in range(_MOST_REDIRECTIONS):
                if response.next_request is None:
                    break
                response.close()
                response = client.send(response.next_request, auth=None, stream=True)
            yield response
        finally:
            response.close()


def send_request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    auth: tuple[str, str] | None,
    limits: Limits,
    most: int = 0,
) -> tuple[httpx.Response, bytes]:
    """Return a response, and its body if the request succeeded and `most` is not 0.

    Raises:
        TryAgainError: the response did not arrive within `limits.request`, or the connection broke.
        CurationError: the body is longer than `most` bytes, or encoded.
    """

    def read(connections: Connections) -> tuple[httpx.Response, bytes]:
        with open_response(method, url, headers, auth=auth, limits=limits, connections=connections) as response:
            body = bytearray()
            if most and response.is_success:
                refuse_encoding(response, url)
                for block in response.iter_raw():
                    body += block
                    if len(body) > most:
                        raise CurationError(
                            f"it is larger than {most} bytes, the limit for a file of checksums.",
                            subject=url,
                            remedy="Replace it by the output of sha256sum, or remove it.",
                        )
            return response, bytes(body)

    try:
        return run_within(limits.request, read)
    except (TimeoutError, httpx.TransportError) as error:
        raise TryAgainError(describe_error(error, url)) from error


def refuse_status(response: httpx.Response, url: str) -> None:
    """Raise an error unless the request succeeded.

    Raises:
        TryAgainError: the status may be temporary.
        CurationError: the status is permanent.
    """
    status = f"{response.status_code} {response.reason_phrase}".strip()
    proxy = proxy_of(url)
    if response.status_code in _TEMPORARY:
        through = f" (through the proxy {proxy})" if proxy else ""
        raise TryAgainError(f"the server answered {status}{through}", _retry_after(response))
    if response.status_code == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
        raise CurationError(f"the proxy {proxy or ''} answered {status}.", subject=url, remedy=_CHECK_PROXY)
    # Redirections with a target have been followed.
    if not response.is_success:
        raise CurationError(
            f"the server, or the proxy {proxy} on the way to it, answered {status}."
            if proxy
            else f"the server answered {status}.",
            subject=url,
            remedy=f"{CHECK_URL} {_CHECK_PROXY}" if proxy else CHECK_URL,
        )


def refuse_encoding(response: httpx.Response, url: str) -> None:
    """Raise a CurationError if the body is encoded, which no request allows."""
    encoding = response.headers.get("Content-Encoding", "")
    if encoding.strip().lower() not in _PLAIN:
        raise CurationError(
            f"the server sends it encoded (Content-Encoding: {encoding[:40]}), which was not requested.",
            subject=url,
            remedy="Let the server send the file without encoding, or set NOTMNIST_ARCHIVES to another mirror or a"
            " folder.",
        )


def proxy_of(url: str) -> str | None:
    """Return the proxy for requests of `url`, without its password; None if there is none."""
    parts = httpx.URL(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(parts.host):
        return None
    return without_userinfo(proxy if "://" in proxy else f"http://{proxy}")


def describe_error(error: Exception, url: str) -> str:
    """Return the error of a request and its proxy as text."""
    proxy = proxy_of(url)
    through = f" (through the proxy {proxy})" if proxy else ""
    if isinstance(error, httpx.ProxyError):
        return f"the proxy {proxy or ''} refuses: {error}"
    return f"{error if isinstance(error, TimeoutError) else f'{type(error).__name__}: {error}'}{through}"


def request_once(work: Callable[[], T], url: str) -> T:
    """Run `work`; any failure is a CurationError."""
    try:
        return work()
    except (TryAgainError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise CurationError(f"the request failed: {error}.", subject=url, remedy=CHECK_URL) from error


def retry_request(
    work: Callable[[], T], url: str, limits: Limits, wait: Wait | None, progress: Callable[[], bool] = lambda: False
) -> T:
    """Run `work` until it succeeds, fails permanently, or made no progress in `limits.attempts` consecutive attempts.

    Args:
        work: raises a TryAgainError if it may succeed later.
        url: the URL that it requests.
        limits: number of attempts, and the longest pause that a server may request.
        wait: seconds between attempts; exponential from 1 to 60 with jitter by default.
        progress: returns whether the last attempt made progress.
    """
    usual = wait or wait_exponential_jitter(initial=1, max=60)
    failures = 0
    pause: float = 0.0

    def count(state: RetryCallState) -> None:
        nonlocal failures, pause
        failures = 0 if progress() else failures + 1
        # The waits restart as well.
        state.attempt_number = max(1, failures)
        error = state.outcome.exception() if state.outcome else None
        pause = error.pause if isinstance(error, TryAgainError) else 0.0

    attempts = Retrying(
        retry=retry_if_exception_type(TryAgainError),
        after=count,
        stop=lambda _: failures >= limits.attempts or pause > limits.retry_after,
        wait=lambda state: max(usual(state), pause),
        reraise=True,
        before_sleep=lambda state: _log.warning("%s: attempt %d failed", url, state.attempt_number),
    )
    try:
        return attempts(work)
    except TryAgainError as error:
        problem = (
            f"the server asks to wait {error.pause:.0f} seconds, and the limit is {limits.retry_after:.0f}: {error}."
            if error.pause > limits.retry_after
            else f"the transfer failed {limits.attempts} times in a row, last with: {error}."
        )
        raise CurationError(
            problem,
            subject=url,
            remedy="Try again later: a download resumes where it stopped. Or set NOTMNIST_ARCHIVES to a mirror"
            " or to a folder.",
        ) from error
    except (httpx.RequestError, httpx.InvalidURL) as error:
        raise CurationError(f"the request failed: {error}.", subject=url, remedy=CHECK_URL) from error


def _retry_after(response: httpx.Response) -> float:
    """Return the seconds until `Retry-After`, a number or a date; 0 if it is absent or invalid."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
