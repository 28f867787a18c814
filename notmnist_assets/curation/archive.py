"""Reads a `.tar.gz` once, as a stream: verified, inflated and walked, and never unpacked to disk.

Belongs here: SHA-256, gzip and the flow of blocks in memory that does not grow with the archive. The tar format is
in `members` and `tar`; what the members hold is not looked at.
"""

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from isal import igzip_lib

from notmnist_assets.curation.errors import CurationError
from notmnist_assets.curation.progress import stage
from notmnist_assets.curation.values import Archive

if TYPE_CHECKING:
    from notmnist_assets.curation.members import Members

BLOCK: Final = 4 << 20
"""Inflated bytes that are walked and decoded together."""

_READ: Final = 256 << 10
_AHEAD: Final = 2
_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True, eq=False)
class _Filled:
    """A filled buffer: how many bytes came, from how many compressed ones, and whether the stream ended."""

    buffer: npt.NDArray[np.uint8]
    inflated: int
    compressed: int
    ended: bool


class _Inflater:
    """Inflates and digests a gzip file piece by piece; used by one thread at a time."""

    def __init__(self, source: BinaryIO, subject: str) -> None:
        self._source = source
        self._subject = subject
        self._digest = hashlib.sha256()
        self._gzip = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        self._read = 0
        self._ended = False

    def fill(self, buffer: npt.NDArray[np.uint8], start: int) -> _Filled:
        """Fill buffer[start:], or less at the end of the file."""
        before = self._read
        end = start
        while end < len(buffer) and not self._ended:
            piece = self._inflate(min(len(buffer) - end, _READ))
            buffer[end : end + len(piece)] = np.frombuffer(piece, np.uint8)
            end += len(piece)
        return _Filled(buffer, end - start, self._read - before, self._ended)

    def check(self, archive: Archive) -> None:
        """Raise CurationError unless the bytes read are those of `archive`."""
        if self._read != archive.bytes or self._digest.hexdigest() != archive.sha256.lower():
            raise CurationError(
                f"holds {self._read} bytes with SHA-256 {self._digest.hexdigest()}, but was verified as "
                f"{archive.bytes} bytes with SHA-256 {archive.sha256}.",
                subject=self._subject,
                remedy="It changed since it was fetched: fetch it again.",
            )

    def _inflate(self, limit: int) -> bytes:
        data = b""
        if self._gzip.eof:
            data = self._next_stream()
            if self._ended:
                return b""
        elif self._gzip.needs_input:
            first = self._read == 0
            data = self._more()
            if not data:
                raise self._damaged("is cut short: its gzip stream has no end")
            if first and not data.startswith(_MAGIC[: len(data)]):
                raise self._damaged("is no gzip file")
        try:
            return bytes(self._gzip.decompress(data, limit))
        # isal's stubs declare its error as a value.
        except (igzip_lib.IsalError, EOFError, OSError) as error:  # type: ignore[misc]
            raise self._damaged(f"has a damaged gzip stream ({error}) before byte {self._read}") from error

    def _next_stream(self) -> bytes:
        """Start on the next of several gzip streams, past padding with zeros; note the end of the file."""
        rest = bytes(self._gzip.unused_data).lstrip(b"\0")
        while not rest:
            data = self._more()
            if not data:
                self._ended = True
                return b""
            rest = data.lstrip(b"\0")
        if not rest.startswith(_MAGIC[: len(rest)]):
            raise self._damaged("goes on with something else after its gzip stream")
        self._gzip = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        return rest

    def _more(self) -> bytes:
        try:
            data = self._source.read(_READ)
        except OSError as error:
            raise _unreadable(self._subject, error) from error
        self._digest.update(data)
        self._read += len(data)
        return data

    def _damaged(self, problem: str) -> CurationError:
        return CurationError(
            f"{problem}.", subject=self._subject, remedy="Delete the file and fetch the archive again."
        )


def _unreadable(subject: str, error: OSError) -> CurationError:
    return CurationError(f"cannot be read ({error}).", subject=subject, remedy="Fetch the archive again.")


def verify_gzip(path: Path) -> None:
    """Inflate a gzip file without keeping anything.

    Raises:
        CurationError: the file is not gzip, is damaged or cut short.
    """
    buffer = np.empty(_READ, np.uint8)
    with path.open("rb") as source:
        inflater = _Inflater(source, str(path))
        while not inflater.fill(buffer, 0).ended:
            pass


def read_members(archive: Archive, title: str, keep: int) -> Iterator["Members"]:
    """Read the archive once and yield its members, block by block, in the order of the archive.

    The next blocks are inflated by a thread meanwhile. When the iteration ends, the whole archive has proved to
    be intact: gzip checksums, tar structure, size and SHA-256.

    Args:
        archive: what to read; size and SHA-256 must match.
        title: title of the progress stage.
        keep: how many blocks the caller uses at a time. The bytes of a block are overwritten when `keep` more
            blocks have been taken.

    Yields:
        The members of one block of about `BLOCK` inflated bytes.

    Raises:
        CurationError: the file cannot be opened, is not gzip, is damaged or truncated, is no tar archive, or
            is not what `archive` says.
    """
    # Numba is slow to import and nobody needs it before.
    from notmnist_assets.curation.members import HEADROOM, TarWalker

    buffers = [np.empty(HEADROOM + BLOCK, np.uint8) for _ in range(keep + _AHEAD + 1)]
    with ExitStack() as stack:
        try:
            source = stack.enter_context(archive.open())
        except OSError as error:
            raise _unreadable(archive.uri, error) from error
        advance = stack.enter_context(stage(title, archive.bytes, "B"))
        reader = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="inflate"))
        inflater = _Inflater(source, archive.uri)
        walker = TarWalker(archive.uri)
        coming: deque[Future[_Filled]] = deque()
        stack.callback(lambda: [future.cancel() for future in coming])
        turns = cycle(buffers)
        while True:
            while len(coming) <= _AHEAD:
                coming.append(reader.submit(inflater.fill, next(turns), HEADROOM))
            filled = coming.popleft().result()
            advance(filled.compressed)
            yield walker.walk(filled.buffer, filled.inflated)
            if filled.ended:
                inflater.check(archive)
                walker.finish()
                return
