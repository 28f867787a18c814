"""Reads the members of a tar stream, block by block: path, type, size and bytes of each.

Plain headers (ustar or GNU, regular files and directories, GNU long names) are read here, many at once. From the first
other header on, `tarfile` reads the rest of the stream. No file is ever written under a member's name.
"""

import tarfile
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.wording import printable
from notmnist_assets.curation.reading.formats import wrong_format_error

LARGEST_MEMBER: Final = 1 << 20
"""Bytes; larger members are skipped: no file of a 28x28 image is that large."""

LONGEST_PATH: Final = 1024
"""Bytes. File names of the archives have at most 255 bytes, which most file systems allow."""

REGULAR_TYPES: Final = frozenset("\x0007")
"""Type flags of regular files: old, POSIX, contiguous."""

SPARSE: Final = "S"
"""Type flag of sparse files, in whichever format they are described."""

_HEADER: Final = tarfile.BLOCKSIZE
_PLAIN_TYPES: Final = list(b"05L")
_FILE, _DIRECTORY, _LONG_NAME = _PLAIN_TYPES
_IS_END: Final = np.isin(np.arange(256), list(b"\0 "))
# The fields of numbers: mode, user, group, size, time, checksum, device.
_NUMBERS: Final = [*range(100, 156), *range(329, 345)]
_FIRST: Final = np.isin(_NUMBERS, [100, 108, 116, 124, 136, 148, 329, 337])
_WEIGHTS: Final = 8 ** np.arange(11)[::-1]
_BATCH_BYTES: Final = 4 << 20
_MEMBER_BYTES: Final = 1 << 10  # estimated memory of a member without its content
_SPARSE_KEYS: Final = "GNU.sparse."
_REPACK: Final = "The file is incomplete or damaged: replace it by a complete copy, or pack its folder again."


class Member(NamedTuple):
    r"""One member of an archive, which is not a directory.

    Attributes:
        path: UTF-8 as text, other bytes as `\xff`, so that any name can be stored.
        kind: type flag of the tar header; `SPARSE` for any sparse file.
        size: bytes, from the header.
        data: content; None if it is not a regular file or larger than `LARGEST_MEMBER`.
    """

    path: str
    kind: str
    size: int
    data: bytes | None


def walk_tar(blocks: Iterator[bytes], subject: str) -> Iterator[list[Member]]:
    """Yield the members that each block of a tar stream completes, to the end of the stream.

    Args:
        blocks: the stream, in pieces of any size.
        subject: the subject of errors.

    Raises:
        CurationError: the stream is no tar archive, is damaged, has no end mark or goes on after it, or its paths are
            longer than `LONGEST_PATH`.
    """
    data, start, offset = b"", 0, 0
    for block in blocks:
        passed = min(start, len(data))
        data, start, offset = data[passed:] + block, start - passed, offset + passed
        members, start, odd = _plain_members(data, start, subject)
        yield members
        if odd:
            yield from _Stream(chain([data[start:]], blocks), offset + start, subject).members()
            return
    raise _truncation_error(offset + len(data), subject)


def _plain_members(data: bytes, start: int, subject: str) -> tuple[list[Member], int, bool]:
    """Return the members of `data` from the header at `start` on, the next position, and whether it has an odd header.

    The position is the start of the first incomplete member or odd header, including the header of its long name; it is
    after the end of `data` if the last member's bytes are. Every header that is not plain is odd, such as the end mark.
    """
    members: list[Member] = []
    if len(data) < start + _HEADER:
        return members, start, False
    blocks = np.frombuffer(data, np.uint8, (len(data) - start) // _HEADER * _HEADER, start).reshape(-1, _HEADER)
    at, sizes = _follow_headers(blocks)
    headers = blocks[at]
    group = start
    long_name: bytes | None = None
    for place, size, plain, kind in zip(at, sizes, _are_plain(headers), headers[:, 156].tolist(), strict=True):
        header = start + place * _HEADER
        body = header + _HEADER
        if long_name is None:
            group = header
        small = size <= LARGEST_MEMBER
        twice = kind == _LONG_NAME and long_name is not None
        if not plain or twice or (size and kind == _DIRECTORY) or not (small or kind == _FILE):
            return members, group, True
        end = body + size
        if small and end > len(data):
            return members, group, False
        if kind == _LONG_NAME:
            long_name = data[body:end]
            continue
        if kind == _FILE:
            path = _text(data[header : header + 100] if long_name is None else long_name)
            if data[header + 345] and long_name is None:
                path = f"{_text(data[header + 345 : header + 500])}/{path}"
            _check_path(path, subject)
            members.append(Member(path, "0", size, data[body:end] if small else None))
        group, long_name = body + -(-size // _HEADER) * _HEADER, None
    return members, group, False


def _follow_headers(blocks: npt.NDArray[np.uint8]) -> tuple[list[int], list[int]]:
    """Return which of the blocks, uint8 (n, 512), are headers, starting with the first, and the sizes of their members.

    The list ends at a header without a plain size.
    """
    digits = blocks[:, 124:135] - ord("0")
    valid = (digits < 8).all(axis=1)
    sizes = digits @ _WEIGHTS
    following = np.where(valid, np.arange(1, len(sizes) + 1) + -(-sizes // _HEADER), len(sizes)).tolist()
    at, place = [], 0
    while place < len(following):
        at.append(place)
        place = following[place]
    return at, sizes[at].tolist()


def _are_plain(headers: npt.NDArray[np.uint8]) -> list[bool]:
    """Return for each header, uint8 (n, 512), whether its checksum is right and its type and all fields are plain."""
    fields = headers[:, _NUMBERS]
    ends = _IS_END[fields]
    # Digits, then spaces or NULs to the end of the field.
    numbers = (ends | (fields - ord("0") < 8)).all(axis=1) & (ends[:, 1:] | ~ends[:, :-1] | _FIRST[1:]).all(axis=1)
    numbers &= (headers[:, [*range(124, 135), *range(148, 154)]] - ord("0") < 8).all(axis=1)
    spaced = headers.sum(axis=1, dtype=np.uint32) - headers[:, 148:156].sum(axis=1, dtype=np.uint32) + 8 * ord(" ")
    right = (headers[:, 148:154] - ord("0")) @ _WEIGHTS[5:] == spaced
    magic = headers[:, 257:263]
    posix, gnu = ((magic == np.frombuffer(text, np.uint8)).all(axis=1) for text in (b"ustar\0", b"ustar "))
    # GNU has other fields where POSIX has the prefix of a path.
    known = np.isin(headers[:, 156], _PLAIN_TYPES) & (posix | (gnu & (headers[:, 345] == 0)))
    return cast("list[bool]", (numbers & right & known).tolist())


def _text(name: bytes) -> str:
    return name.partition(b"\0")[0].decode("utf-8", "backslashreplace")


class _Stream:
    """The rest of a tar stream as the file object that `tarfile` reads: forwards only, in bounded memory."""

    def __init__(self, blocks: Iterable[bytes], offset: int, subject: str) -> None:
        self._blocks = iter(blocks)
        self._subject = subject
        self._start = offset
        self._at = offset
        self._data = b""
        self._used = 0
        self._last = b""
        self._of_headers = 0

    def members(self) -> Iterator[list[Member]]:
        """Yield the members except directories, some thousands at a time."""
        found: list[Member] = []
        waiting = 0
        try:
            with tarfile.TarFile(fileobj=self, mode="r", encoding="utf-8", errors="backslashreplace") as tar:  # type: ignore[arg-type]
                for entry in tar:
                    # TarFile keeps every member (450 bytes), in mode "r|" too; `stream=True` needs Python 3.13.
                    tar.members.clear()  # type: ignore[attr-defined]
                    self._check_global(tar)
                    if not entry.isdir():
                        found.append(self._member(entry))
                        waiting += _MEMBER_BYTES + len(found[-1].data or b"")
                    self._of_headers = 0
                    if waiting > _BATCH_BYTES:
                        yield found
                        found, waiting = [], 0
                self._check_global(tar)
        except CurationError:
            raise
        # tarfile raises many kinds of exceptions for damaged extended headers.
        except Exception as error:
            raise self._damage_error(str(error)) from error
        yield found
        if len(self._last) < _HEADER:
            raise _truncation_error(self._at, self._subject)
        if any(self._last):
            raise self._damage_error("wrong checksum")
        self._check_rest()

    def _member(self, entry: tarfile.TarInfo) -> Member:
        sparse = entry.issparse() or any(key.startswith(_SPARSE_KEYS) for key in entry.pax_headers)
        if entry.size < 0:
            raise ValueError("negative size")
        _check_path(entry.name, self._subject)
        kind = SPARSE if sparse else entry.type.decode("latin-1")
        data = None
        if kind in REGULAR_TYPES and entry.size <= LARGEST_MEMBER:
            self.seek(entry.offset_data)
            data = self._take(entry.size)
            if len(data) < entry.size:
                raise _truncation_error(self._at, self._subject)
        return Member(entry.name, kind, entry.size, data)

    def _check_global(self, tar: tarfile.TarFile) -> None:
        if any(key in ("path", "size") or key.startswith(_SPARSE_KEYS) for key in tar.pax_headers):
            raise self._error("has a global tar header that gives all members a path or a size.")

    def _check_rest(self) -> None:
        for data in chain([self._data[self._used :]], self._blocks):
            if data.strip(b"\0"):
                raise self._error("has more bytes after its end mark, where other programs may find members.")

    def _damage_error(self, problem: str) -> CurationError:
        if len(self._last) < _HEADER:
            return _truncation_error(self._at, self._subject)
        if self._start == 0 and self._at <= _HEADER:
            return wrong_format_error(self._last, self._subject, inside_gzip=True)
        return self._error(
            f"has a damaged tar header ({printable(problem)}) before byte {self._at} of the inflated stream."
        )

    def _error(self, problem: str) -> CurationError:
        return CurationError(problem, subject=self._subject, remedy=_REPACK)

    # The methods that tarfile calls.

    def tell(self) -> int:
        return self._at

    def seek(self, position: int) -> None:
        if position < self._at:
            raise ValueError("negative size")
        while self._at < position and self._take(min(position - self._at, LARGEST_MEMBER)):
            pass

    def read(self, size: int) -> bytes:
        if size < 0:
            raise ValueError("negative size")
        self._of_headers += size
        if self._of_headers > LARGEST_MEMBER:
            raise self._error(
                f"has extended tar headers larger than {LARGEST_MEMBER} bytes before byte {self._at} of the inflated"
                " stream."
            )
        self._last = self._take(size)
        return self._last

    def _take(self, size: int) -> bytes:
        pieces = []
        while size > 0:
            if self._used == len(self._data):
                self._data, self._used = next(self._blocks, b""), 0
                if not self._data:
                    break
            pieces.append(self._data[self._used : self._used + size])
            self._used += len(pieces[-1])
            self._at += len(pieces[-1])
            size -= len(pieces[-1])
        return b"".join(pieces)


def _check_path(path: str, subject: str) -> None:
    if len(path) > LONGEST_PATH // 4 and len(path.encode()) > LONGEST_PATH:
        raise CurationError(
            f"has a path of more than {LONGEST_PATH:,} bytes: {printable(path[:60])}...",
            subject=subject,
            remedy="Shorten the file names and pack the folder again.",
        )


def _truncation_error(size: int, subject: str) -> CurationError:
    return CurationError(f"is cut short: no end mark in its {size} bytes of tar.", subject=subject, remedy=_REPACK)
