"""What every source does, and how the bytes it gives are verified.

Belongs here: file names, expected sizes and digests, and the verification. How bytes arrive is in the modules of
the sources.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from notmnist_assets.curation import published
from notmnist_assets.curation.archive import verify_gzip
from notmnist_assets.curation.errors import CurationError
from notmnist_assets.curation.progress import stage
from notmnist_assets.curation.values import Archive

CHECKSUMS: Final = "SHA256SUMS"
_BLOCK: Final = 1 << 20
_CHECKSUM_LINE: Final = re.compile(r"(?P<sha256>[0-9a-fA-F]{64}) [ *](?P<name>\S.*)")


def archive_name(set_name: str) -> str:
    """Return the file name of an archive: notMNIST_large.tar.gz or notMNIST_small.tar.gz."""
    return f"notMNIST_{set_name}.tar.gz"


@dataclass(frozen=True)
class Expected:
    """What is known of an archive beforehand; None where nothing is. `by` says who claims it."""

    bytes: int | None
    sha256: str | None
    by: str


class ArchiveSource(Protocol):
    """Gets archives as verified local files."""

    def fetch(self, set_name: str) -> Archive:
        """Return the archive of a set, its bytes complete and verified.

        Raises:
            CurationError: it cannot be had, or is not what was expected.
        """
        ...

    def expected(self, set_name: str) -> Expected:
        """Return what is known of the archive without reading it."""
        ...

    def current_sha256(self, set_name: str) -> str | None:
        """Return the SHA-256 of what `fetch` would give now, None when it would first have to get or make it.

        Raises:
            CurationError: the source cannot be asked, or what it has is damaged.
        """
        ...

    def validator(self, set_name: str) -> str:
        """Return text that differs once the source has another archive, asked for once and briefly.

        It may also differ without another archive: `current_sha256` tells. No archive is transferred or read.

        Raises:
            CurationError: the source cannot be asked, or has no such archive.
        """
        ...


def published_archive(set_name: str) -> Expected:
    """Return the published size and digest of an original archive."""
    archive = published.ARCHIVES[set_name]
    return Expected(archive.bytes, archive.sha256, "published")


def parse_checksums(text: str, set_name: str, where: str) -> Expected:
    """Return what a `sha256sum` file says of an archive; nothing when it does not name it."""
    for line in text.splitlines():
        match = _CHECKSUM_LINE.fullmatch(line.strip())
        if match and match["name"].removeprefix("./") == archive_name(set_name):
            return Expected(None, match["sha256"].lower(), where)
    return Expected(None, None, "")


def verified(path: Path, expected: Expected, origin: str) -> Archive:
    """Return the archive in `path` after checking its size, its digest, and that it is complete.

    Without a known digest the whole gzip stream is inflated and its own checksum verified instead.

    Raises:
        CurationError: the file is not what was expected, or is damaged.
    """
    size = path.stat().st_size
    if expected.bytes is not None and size != expected.bytes:
        raise CurationError(
            f"it has {size} bytes, {expected.bytes} are {expected.by}.",
            subject=origin,
            remedy="Replace it by a complete copy, or use another mirror (NOTMNIST_ARCHIVES).",
        )
    digest = hashlib.sha256()
    with path.open("rb") as file, stage(f"verify {path.name}", size, "B") as advance:
        while block := file.read(_BLOCK):
            digest.update(block)
            advance(len(block))
    sha256 = digest.hexdigest()
    if expected.sha256 is not None and sha256 != expected.sha256:
        raise CurationError(
            f"its SHA-256 is {sha256}, but {expected.sha256} is {expected.by}.",
            subject=origin,
            remedy="Replace it by the right file, or use another mirror (NOTMNIST_ARCHIVES).",
        )
    if expected.sha256 is None:
        verify_gzip(path)
    return Archive(uri=str(path), bytes=size, sha256=sha256, origin=origin)
