"""Reads `SHA256SUMS`: the digests of archives and of their shards."""

import re
from collections import defaultdict
from typing import Final

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.wording import printable
from notmnist_assets.curation.reading.formats import is_web_page
from notmnist_assets.sources.base import Expected, archive_name, shard_names, shard_prefix

CHECKSUMS: Final = "SHA256SUMS"
_LONGEST_QUOTE: Final = 100
# The two formats of `sha256sum`, by default and with --tag; a backslash in front marks an escaped name.
_LINES: Final = (
    re.compile(r"\\?(?P<sha256>[0-9a-fA-F]{64})\s+\*?(?P<name>\S.*)"),
    re.compile(r"\\?SHA256 \((?P<name>.+)\)\s*=\s*(?P<sha256>[0-9a-fA-F]{64})"),
)


class Checksums:
    """The digests in a file that `sha256sum` wrote, by file name; the folders of the files are ignored."""

    def __init__(self, data: bytes, where: str) -> None:
        """Read the bytes of the file at the path or URL `where`; no bytes stand for a file that does not exist."""
        self._where = where
        self._digests: dict[str, set[str]] = defaultdict(set)
        self._other_lines: list[str] = []
        self._is_web_page = is_web_page(data)
        for line in map(str.strip, data.decode("utf-8-sig", "replace").splitlines()):
            if match := next(filter(None, (kind.fullmatch(line) for kind in _LINES)), None):
                self._digests[re.split(r"[/\\]", match["name"])[-1]].add(match["sha256"].lower())
            elif line and not line.startswith("#"):
                self._other_lines.append(line)

    def of(self, name: str) -> Expected:
        """Return the digest of a file; a digest of None if it is not named.

        Raises:
            CurationError: the file has no checksums, or different or unclear ones for this name.
        """
        digests = {*self._digests.get(name, ())}
        if len(digests) > 1:
            raise self._error(f"has different checksums of {name}")
        self._refuse_unclear(name)
        return Expected(None, digests.pop(), f"written in {self._where}") if digests else Expected(None, None, "")

    def shards(self, set_name: str) -> list[str]:
        """Return the names of the shards of an archive, in order; empty if none is named.

        Raises:
            CurationError: the file has no checksums, a shard is missing, or a line about a shard is unclear.
        """
        self._refuse_unclear(shard_prefix(set_name))
        return shard_names(set_name, self._digests, self._where)

    def files(self, set_name: str) -> dict[str, Expected]:
        """Return the digest of each file that makes an archive: of its shards if only these are named.

        Raises:
            CurationError: as `of` and `shards`.
        """
        whole = archive_name(set_name)
        expected = self.of(whole)
        names = [] if expected.sha256 else self.shards(set_name)
        return {name: self.of(name) for name in names} or {whole: expected}

    def _refuse_unclear(self, text: str) -> None:
        """Raise a CurationError if a line with this text is no checksum, or if there are only such lines."""
        unclear = next((line for line in self._other_lines if text in line), None)
        if unclear is not None:
            raise self._error(f"names {text} in a line that is no checksum: {printable(unclear[:_LONGEST_QUOTE])}")
        if self._is_web_page:
            raise self._error("is a web page, not a file of checksums")
        if self._other_lines and not self._digests:
            raise self._error("has no checksum")

    def _error(self, problem: str) -> CurationError:
        return CurationError(
            f"{problem}.",
            subject=self._where,
            remedy="Write it again (sha256sum *.tar.gz > SHA256SUMS), or remove it: archives are then only checked for"
            " completeness.",
        )
