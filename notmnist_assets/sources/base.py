"""The interface of all sources, and the verification of archives by size, digest and completeness."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Protocol

from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.digests import digest_file
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.curation.core.wording import printable
from notmnist_assets.curation.reading.archive import verify_gzip

_MOST_SHARDS_NAMED: Final = 3
_LONGEST_NAME: Final = 100
_NUMBERED: Final = re.compile(r"-(?P<number>\d{1,9})-of-(?P<total>\d{1,9})\.tar\.gz$")


def archive_name(set_name: str) -> str:
    """Return the file name of an archive: notMNIST_large.tar.gz or notMNIST_small.tar.gz."""
    return f"notMNIST_{set_name}.tar.gz"


@dataclass(frozen=True)
class Expected:
    """The expected size and digest of an archive, None if unknown; `by` names their origin in messages."""

    bytes: int | None
    sha256: str | None
    by: str


class ArchiveSource(Protocol):
    """Provides archives as verified local files."""

    def fetch(self, set_name: str) -> Archive:
        """Return the archive of a set after verifying its size and digest, if they are known.

        Raises:
            CurationError: it is not available, or has another size or digest than expected.
        """
        ...

    def current_sha256(self, set_name: str) -> str | None:
        """Return the SHA-256 of the archive that `fetch` would return, None if only a download can tell.

        Raises:
            CurationError: the source is not available, or its archive is damaged.
        """
        ...

    def validator(self, set_name: str) -> str:
        """Return text that changes when the archive of the source changes, from one short request.

        The text may also change although the archive does not; `current_sha256` decides. No archive is read.

        Raises:
            CurationError: the source is not available, or has no such archive.
        """
        ...


def published_archive(set_name: str) -> Expected:
    """Return the published size and digest of an original archive."""
    archive = published.ARCHIVES[set_name]
    return Expected(archive.bytes, archive.sha256, "published")


def shard_names(set_name: str, names: Iterable[str], where: str) -> list[str]:
    """Return those of `names` that are shards of an archive, such as notMNIST_large-00000-of-00010.tar.gz, in order.

    All names `notMNIST_large-*.tar.gz` are. If they are numbered, no number may be missing.

    Args:
        set_name: large or small.
        names: file names.
        where: folder or URL of the files, for the error.

    Raises:
        CurationError: a shard is missing, or there are numbered ones and others.
    """
    pattern = shard_pattern(set_name)
    found = sorted(name for name in names if fnmatchcase(name, pattern))
    numbers = [_NUMBERED.search(name) for name in found]
    if not any(numbers):
        return found
    totals = {int(match["total"]) if match else None for match in numbers}
    total = totals.pop()
    present = {int(match["number"]) for match in numbers if match}
    # The total may be any number, and names may come from a server: no list of all numbers is made.
    missing = next((number for number in range(total or 0) if number not in present), None)
    problem = ""
    if totals or total is None or len(found) > total:
        names = ", ".join(printable(name[:_LONGEST_NAME]) for name in found[:_MOST_SHARDS_NAMED])
        problem = f"has shards of different numberings: {names}."
    elif missing is not None:
        problem = f"has {len(found)} of {total} shards {pattern}; number {missing} is missing."
    if problem:
        raise CurationError(problem, subject=where, remedy="Put exactly the shards of one archive there.")
    return found


def shard_pattern(set_name: str) -> str:
    """Return the file names of the shards of an archive as a pattern: notMNIST_large-*.tar.gz."""
    return f"{shard_prefix(set_name)}*.tar.gz"


def shard_prefix(set_name: str) -> str:
    """Return the beginning of the file names of all shards of an archive."""
    return f"notMNIST_{set_name}-"


def verify_archive(path: Path, expected: Expected, origin: str) -> Archive:
    """Return the archive in `path` after verifying its size and digest.

    Without a known digest, the whole gzip stream is inflated and its own checksum verified instead.

    Raises:
        CurationError: the file has another size or digest than expected, or is damaged.
    """
    archive = identify_archive(path, expected, origin)
    if expected.sha256 is None:
        with _explain_read_errors(origin):
            verify_gzip(path, origin)
    return archive


def identify_archive(path: Path, expected: Expected, origin: str) -> Archive:
    """Return the archive in `path` after comparing its size and digest with the expected ones, if they are known.

    Raises:
        CurationError: the file cannot be read, or has another size or digest than expected.
    """
    with _explain_read_errors(origin):
        size = path.stat().st_size
        if expected.bytes is not None and size != expected.bytes:
            raise CurationError(
                f"it has {size} bytes, {expected.bytes} are {expected.by}.",
                subject=origin,
                remedy="Replace it by a complete copy, or use another mirror (NOTMNIST_ARCHIVES).",
            )
        found = digest_file(path)
    if expected.sha256 is not None and found.sha256 != expected.sha256:
        raise CurationError(
            f"its SHA-256 is {found.sha256}, but {expected.sha256} is {expected.by}.",
            subject=origin,
            remedy="Replace it by the right file, or use another mirror (NOTMNIST_ARCHIVES).",
        )
    return Archive(str(path), found.bytes, found.sha256, origin, found.xxh3)


@contextmanager
def _explain_read_errors(origin: str) -> Iterator[None]:
    """Raise a CurationError for a file that cannot be read."""
    try:
        yield
    except OSError as error:
        raise CurationError(
            f"it cannot be read: {error.strerror or error}.",
            subject=origin,
            remedy="Make the file readable, or copy it again.",
        ) from error
