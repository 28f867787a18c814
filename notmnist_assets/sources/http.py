"""Downloads archives from a web server and verifies them before they replace earlier downloads.

A file is downloaded again only if the server says, by ETag or by date and size, that it changed. An archive consists of
shards if `SHA256SUMS` names only these.
"""

import logging
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import httpx

from notmnist_assets.curation.core.digests import FileDigests, record_digests
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.values import Archive, digest_of_shards
from notmnist_assets.curation.core.wording import printable
from notmnist_assets.curation.reading.formats import is_web_page
from notmnist_assets.settings.model import Settings
from notmnist_assets.settings.urls import userinfo, without_userinfo
from notmnist_assets.sources.base import (
    Expected,
    archive_name,
    published_archive,
    shard_pattern,
    verify_archive,
)
from notmnist_assets.sources.checksums import CHECKSUMS, Checksums
from notmnist_assets.sources.download import (
    Download,
    condition_headers,
    delete_download,
    explain_disk_errors,
    facts_path,
)
from notmnist_assets.sources.exchange import Limits, Wait, refuse_status, request_once, retry_request, send_request

_TICK_LIMITS: Final = Limits(read=5.0, request=8.0)
"""For requests in ticks of sensors, several of which must fit into a minute."""
_MIN_RATE: Final = Settings.model_fields["min_rate"].default
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")
"""Names that mean the same in a URL and in every file system."""
_log = logging.getLogger(__name__)


class HttpSource:
    """The two archives below a base URL, or their shards."""

    def __init__(
        self,
        base_url: str,
        cache: Path,
        *,
        published: bool,
        min_rate: float = _MIN_RATE,
        wait: Wait | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Use the archives below `base_url`.

        Args:
            base_url: http or https URL of the folder, with user and password if needed, which are never printed.
            cache: folder for downloads.
            published: whether the archives must be the originals.
            min_rate: kB/s below which a download is canceled and retried; 0 for no minimum.
            wait: seconds between attempts; exponential from 1 to 60 with jitter by default.
            limits: limits of requests.
        """
        self._base = without_userinfo(base_url).rstrip("/") + "/"
        self._auth = userinfo(base_url)
        self._folder = cache / "downloads"
        self._published = published
        self._min_rate = min_rate
        self._wait = wait
        self._limits = limits or Limits()

    def current_sha256(self, set_name: str) -> str | None:
        """Return the digest of the stored download if the server says that it is current, or that of all shards.

        No archive is transferred. Requests have short limits and are not repeated, because ticks of sensors call this;
        downloads have longer limits.
        """
        expected = self._ask_expected(set_name)
        name = archive_name(set_name)
        if name not in expected:
            return digest_of_shards(shard.sha256 or "" for shard in expected.values())
        url = self._base + name
        final = self._folder / name
        known = condition_headers(final, url)
        if not final.exists() or not known:
            return None

        def is_current() -> bool:
            # Some servers do not answer HEAD. The GET is closed before its body arrives.
            response, _ = send_request("GET", url, known, auth=self._auth, limits=_TICK_LIMITS)
            if response.status_code == httpx.codes.NOT_MODIFIED:
                return True
            refuse_status(response, url)
            return False

        if not request_once(is_current, url):
            return None
        return verify_archive(final, expected[name], url).sha256

    def validator(self, set_name: str) -> str:
        """Return the server's ETag, date and size of the archive, and its digest in SHA256SUMS.

        The request is HEAD or, if that fails, a GET of one byte. Of shards, it is their digests in SHA256SUMS.
        """
        expected = self._ask_expected(set_name)
        name = archive_name(set_name)
        if name not in expected:
            return f"{len(expected)} shards, {digest_of_shards(shard.sha256 or '' for shard in expected.values())}"
        url = self._base + name

        def request_headers() -> httpx.Response:
            response, _ = send_request("HEAD", url, {}, auth=self._auth, limits=_TICK_LIMITS)
            if response.is_error:
                # Some servers do not answer HEAD. The connection is closed after the first byte.
                response, _ = send_request("GET", url, {"Range": "bytes=0-0"}, auth=self._auth, limits=_TICK_LIMITS)
                refuse_status(response, url)
            return response

        response = request_once(request_headers, url)
        size = response.headers.get("Content-Range", "").rpartition("/")[2] or response.headers.get("Content-Length")
        sha256 = expected[name].sha256
        return f"{response.headers.get('ETag')}, {response.headers.get('Last-Modified')}, {size} bytes, {sha256}"

    def fetch(self, set_name: str) -> Archive:
        """Download the archive, or each of its shards, unless the stored download is current; return it verified."""
        url = self._base + CHECKSUMS
        expected = retry_request(lambda: self._expected(set_name, self._limits), url, self._limits, self._wait)
        files = [self._fetch_file(name, of_file) for name, of_file in expected.items()]
        if archive_name(set_name) in expected:
            return files[0]
        pattern = shard_pattern(set_name)
        return Archive.of_shards(files, str(self._folder / pattern), self._base + pattern)

    def _fetch_file(self, name: str, expected: Expected) -> Archive:
        """Download an archive or a shard unless the stored download is current, and return it verified."""
        url = self._base + name
        final = self._folder / name
        download = Download(url, self._auth, final, expected, self._min_rate, self._limits, self._wait)
        part = download.part
        with explain_disk_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            download.run()
            if not part.exists():
                try:
                    return verify_archive(final, expected, url)
                except CurationError:
                    # It was verified when it was downloaded, so the file changed on the disk.
                    delete_download(final)
                    download.run()
            try:
                archive = verify_archive(part, expected, url)
            except CurationError:
                # The next attempt must not resume from wrong bytes.
                delete_download(part)
                raise
            part.replace(final)
            facts_path(part).replace(facts_path(final))
            record_digests(final, FileDigests(archive.bytes, archive.sha256, archive.xxh3))
        return replace(archive, uri=str(final))

    def _ask_expected(self, set_name: str) -> dict[str, Expected]:
        """Return the result of `_expected`, within the limits of a tick."""
        return request_once(lambda: self._expected(set_name, _TICK_LIMITS), self._base + CHECKSUMS)

    def _expected(self, set_name: str, limits: Limits) -> dict[str, Expected]:
        """Return size and digest of each file of an archive: as published, or as in SHA256SUMS on the server."""
        if self._published:
            return {archive_name(set_name): published_archive(set_name)}
        url = self._base + CHECKSUMS
        response, body = send_request("GET", url, {}, auth=self._auth, limits=limits, most=limits.checksums)
        if response.status_code in (403, 404):
            body = b""
        else:
            refuse_status(response, url)
        if is_web_page(body):
            _warn_of_web_page(url)
            body = b""
        files = Checksums(body, url).files(set_name)
        if odd := next((name for name in files if not _SAFE_NAME.fullmatch(name)), None):
            raise CurationError(
                f"names a shard with characters other than A-Z, a-z, 0-9, '.', '_' and '-', or with more than 200:"
                f" {printable(odd[:200])}.",
                subject=url,
                remedy="Rename the shards on the server, and write SHA256SUMS again.",
            )
        return files


@cache
def _warn_of_web_page(url: str) -> None:
    """Log, once per process, that a server answers with a page instead of status 404."""
    _log.warning("%s: the server answers with a web page, so there are no checksums", url)
