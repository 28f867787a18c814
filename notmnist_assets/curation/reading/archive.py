"""Reads a `.tar.gz` once, as a stream: inflates and verifies it block by block, without unpacking it to disk."""

import hashlib
from collections.abc import Generator
from contextlib import ExitStack, closing
from itertools import repeat
from pathlib import Path
from typing import BinaryIO, Final

from isal import igzip_lib
from xxhash import xxh3_128

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.prefetch import prefetch_map
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.curation.reading.formats import START_BYTES, wrong_format_error
from notmnist_assets.curation.reading.members import Member, walk_tar

BLOCK: Final = 2 << 20
"""Inflated bytes that are walked and decoded together."""

_READ: Final = 256 << 10
_MAGIC: Final = b"\x1f\x8b"


class _Inflater:
    """Inflates a gzip file block by block; used by one thread at a time."""

    def __init__(self, source: BinaryIO, subject: str, archive: Archive | None = None) -> None:
        """Read `source`; compute the digest for `check` if an `archive` is given."""
        self._source = source
        self._subject = subject
        self._archive = archive
        self._digest = None if archive is None else xxh3_128() if archive.xxh3 else hashlib.sha256()
        self._gzip = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        self._read = 0
        self._ended = False

    def block(self, size: int) -> tuple[bytes, int]:
        """Return the next `size` inflated bytes, or fewer at the end, and how many compressed bytes were read so far.

        At the end of the file there are no more bytes: b"".
        """
        pieces = []
        while size and not self._ended:
            pieces.append(self._inflate(min(size, _READ)))
            size -= len(pieces[-1])
        return b"".join(pieces), self._read

    def check(self) -> None:
        """Raise CurationError unless the bytes read are those of the archive."""
        archive = self._archive
        if archive is None or self._digest is None:
            return
        name, expected = ("xxh3-128", archive.xxh3) if archive.xxh3 else ("SHA-256", archive.sha256.lower())
        digest = self._digest.hexdigest()
        if self._read != archive.bytes or digest != expected:
            raise CurationError(
                f"has {self._read} bytes with the {name} {digest}, but {archive.bytes} bytes with the {name} {expected}"
                " were verified.",
                subject=archive.uri,
                remedy="It changed after it was verified. Start the run again.",
            )

    def _inflate(self, limit: int) -> bytes:
        data = b""
        if self._gzip.eof:
            data = self._next_stream()
            if self._ended:
                return b""
        elif self._gzip.needs_input:
            first = self._read == 0
            data = self._read_more()
            if not data:
                raise self._damage_error("is cut short: its gzip stream has no end")
            if first and not data.startswith(_MAGIC[: len(data)]):
                raise wrong_format_error(data[:START_BYTES], self._subject, inside_gzip=False)
        try:
            return bytes(self._gzip.decompress(data, limit))
        # isal's stubs declare its error as a value.
        except (igzip_lib.IsalError, EOFError, OSError) as error:  # type: ignore[misc]
            raise self._damage_error(f"has a damaged gzip stream ({error}) before byte {self._read}") from error

    def _next_stream(self) -> bytes:
        """Skip padding with zeros and start the next gzip stream; set `_ended` at the end of the file."""
        rest = bytes(self._gzip.unused_data).lstrip(b"\0")
        while not rest:
            data = self._read_more()
            if not data:
                self._ended = True
                return b""
            rest = data.lstrip(b"\0")
        if not rest.startswith(_MAGIC[: len(rest)]):
            raise self._damage_error("has other bytes after the end of its gzip stream")
        self._gzip = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        return rest

    def _read_more(self) -> bytes:
        try:
            data = self._source.read(_READ)
        except OSError as error:
            raise _unreadable_error(self._subject, error) from error
        if self._digest is not None:
            self._digest.update(data)
        self._read += len(data)
        return data

    def _damage_error(self, problem: str) -> CurationError:
        return CurationError(
            f"{problem}.",
            subject=self._subject,
            remedy="The file is incomplete or damaged: replace it by a complete copy, or pack its folder again.",
        )


def _unreadable_error(subject: str, error: OSError) -> CurationError:
    return CurationError(
        f"cannot be read ({error}).", subject=subject, remedy="Make the file readable, then start the run again."
    )


def verify_gzip(path: Path, subject: str = "") -> None:
    """Inflate a gzip file and discard the bytes.

    Args:
        path: the file.
        subject: the subject of errors; the path by default.

    Raises:
        CurationError: the file is not gzip, is damaged or truncated.
    """
    with path.open("rb") as source:
        inflater = _Inflater(source, subject or str(path))
        while inflater.block(_READ)[0]:
            pass


def read_members(archive: Archive, title: str) -> Generator[list[Member], None, None]:
    """Read the archive once and yield its members except directories, block by block, in the order of the archive.

    A thread inflates the next block meanwhile. When the iteration ends, the whole archive has been verified: gzip
    checksums, tar structure, size, and its xxh3-128 or, if that is unknown, SHA-256.

    Args:
        archive: what to read.
        title: title of the progress bar.

    Yields:
        The members that end in one block of `BLOCK` inflated bytes.

    Raises:
        CurationError: the file cannot be opened, is not gzip, is damaged or truncated, is no tar archive, or
            its size or digest is not that of `archive`.
    """
    with closing(_inflate_blocks(archive, title)) as blocks:
        yield from walk_tar(blocks, archive.origin)


def _inflate_blocks(archive: Archive, title: str) -> Generator[bytes, None, None]:
    """Yield the inflated blocks of an archive; verify its size and digest at the end."""
    with ExitStack() as stack:
        try:
            source = stack.enter_context(archive.open())
        except OSError as error:
            raise _unreadable_error(archive.uri, error) from error
        advance = stack.enter_context(progress_bar(title, archive.bytes, "B"))
        inflater = _Inflater(source, archive.origin, archive)
        blocks = stack.enter_context(closing(prefetch_map(inflater.block, repeat(BLOCK), ahead=1)))
        before = 0
        for block, read in blocks:
            advance(read - before)
            before = read
            if not block:
                break
            yield block
        inflater.check()
