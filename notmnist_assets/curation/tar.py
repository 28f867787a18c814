"""Walks the 512-byte headers of a tar stream, block by block, and tells which members are letters.

Belongs here: the tar format (POSIX ustar and pax, GNU long names and large sizes, old V7) and the shape of a
member's path, `<root>/<letter>/<file>`. Nothing is ever written under a member's name. Reading the stream and
decoding what the members hold do not belong here.

Formats: POSIX.1-2017 "pax", section "EXTENDED DESCRIPTION"; GNU tar manual, "Basic Tar Format". Extended headers
give a member's path and size; other keys do not matter here, and neither do global headers.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from notmnist_assets.curation.errors import CurationError
from notmnist_assets.curation.images import LETTERS

LARGEST_MEMBER: Final = 1 << 20
"""Bytes; larger members are passed over, no 28x28 picture is that large."""

HEADROOM: Final = 4 << 20
"""Bytes free before each block, for the incomplete end of the block before."""

OUTSIDE: Final = -1
REGULAR_TYPES: Final = frozenset(b"\x0007")

_HEADER: Final = 512
_LONGEST_ROOT: Final = 4096
_N_LETTERS: Final = len(LETTERS)
_FIRST_LETTER: Final = ord(LETTERS[0])

# Columns of a record.
_PREFIX, _PREFIX_SIZE, _PATH, _PATH_SIZE, _NAME, _NAME_SIZE, _START, _SIZE, _TYPE, _FOLDER = range(10)
# Fields of the walker's state: where to go on, bytes to pass over, where the end mark is or -1, error, where.
_NEXT, _SKIP, _END, _ERROR, _AT = range(5)
_BAD_HEADER, _BAD_SIZE, _LONG_HEADER, _NO_MEMBER, _BAD_RECORDS, _SECOND_ROOT = range(1, 7)
_ERRORS: Final = {
    _BAD_HEADER: "has a damaged tar header (wrong checksum)",
    _BAD_SIZE: "has a damaged tar header (no valid size)",
    _LONG_HEADER: "has an extended tar header larger than any sane one",
    _NO_MEMBER: "has an extended tar header without a member",
    _BAD_RECORDS: "has an extended tar header with damaged records",
}
_PATH_KEY: Final = np.frombuffer(b"path=", np.uint8)
_SIZE_KEY: Final = np.frombuffer(b"size=", np.uint8)
_USTAR: Final = np.frombuffer(b"ustar\x00", np.uint8)


@dataclass(frozen=True, eq=False)
class Members:
    """The members of one block, without directories.

    Attributes:
        buffer: uint8 (bytes,), the block; overwritten when its turn comes again.
        names: int64 (n,), where each file name starts in `buffer`: the last part of a path.
        name_sizes: int64 (n,), bytes of each file name.
        starts: int64 (n,), where the bytes of a member start; -1 when they were passed over because the member
            is larger than `LARGEST_MEMBER` or not a regular file.
        sizes: int64 (n,), bytes of each member.
        types: uint8 (n,), type flag of the tar header.
        folders: int8 (n,), 0 to 9 for the letters A to J.
        outside: paths of the block's members that lie in no letter folder; they are in no array.
    """

    buffer: npt.NDArray[np.uint8]
    names: npt.NDArray[np.int64]
    name_sizes: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    types: npt.NDArray[np.uint8]
    folders: npt.NDArray[np.int8]
    outside: list[str]

    def file_names(self, rows: npt.NDArray[np.intp]) -> list[str]:
        """Return the file names of some rows."""
        ends = np.cumsum(self.name_sizes[rows])
        packed = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
        _pack(self.buffer, self.names[rows], self.name_sizes[rows], packed)
        names = packed.tobytes()
        starts = [0, *ends[:-1].tolist()]
        if names.isascii():
            text = names.decode("ascii")
            return [text[start:end] for start, end in zip(starts, ends.tolist(), strict=True)]
        return [decode_name(names[start:end]) for start, end in zip(starts, ends.tolist(), strict=True)]


def decode_name(name: bytes) -> str:
    r"""Return a name as text: UTF-8, other bytes as `\xff`, so that any name can be stored and printed."""
    return name.decode("utf-8", "backslashreplace")


@njit(cache=True, nogil=True)
def _pack(buffer: Any, starts: Any, sizes: Any, packed: Any) -> None:
    at = 0
    for i in range(len(starts)):
        for j in range(sizes[i]):
            packed[at] = buffer[starts[i] + j]
            at += 1


@njit(cache=True, nogil=True)
def _octal(buffer: Any, at: Any, width: Any) -> Any:
    """Return the number of a header field, octal or (GNU) base 256; -1 if it is none."""
    value = np.int64(0)
    if buffer[at] & 0x80:
        for i in range(width):
            digit = np.int64(buffer[at + i]) & (0x7F if i == 0 else 0xFF)
            if value >= 1 << 48:
                return np.int64(-1)
            value = value << 8 | digit
        return value
    digits = False
    for i in range(width):
        digit = np.int64(buffer[at + i])
        if digit == 32 or digit == 0:
            if digits:
                break
            continue
        if digit < 48 or digit > 55:
            return np.int64(-1)
        digits = True
        value = value << 3 | (digit - 48)
    return value


@njit(cache=True, nogil=True)
def _checksum_is_right(buffer: Any, at: Any) -> bool:
    unsigned = np.int64(0)
    signed = np.int64(0)
    for i in range(_HEADER):
        byte = np.int64(buffer[at + i])
        unsigned += byte
        signed += byte - ((byte & 0x80) << 1)
    for i in range(148, 156):
        byte = np.int64(buffer[at + i])
        unsigned += 32 - byte
        signed += 32 - byte + ((byte & 0x80) << 1)
    stored = _octal(buffer, at + 148, 8)
    return bool(stored in (unsigned, signed))


@njit(cache=True, nogil=True)
def _is_zero(buffer: Any, at: Any) -> bool:
    seen = 0
    for i in range(_HEADER):
        seen |= buffer[at + i]
    return seen == 0


@njit(cache=True, nogil=True)
def _length(buffer: Any, at: Any, most: Any) -> Any:
    """Return the bytes of a field before its first NUL."""
    for i in range(most):
        if buffer[at + i] == 0:
            return i
    return most


@njit(cache=True, nogil=True)
def _is_key(buffer: Any, at: Any, key: Any) -> bool:
    same = True
    for i in range(len(key)):
        same = same and buffer[at + i] == key[i]
    return same


@njit(cache=True, nogil=True)
def _read_pax(buffer: Any, start: Any, end: Any, found: Any) -> bool:
    r"""Look for path and size among the records "length key=value\n"; False if they are damaged.

    `found` takes where the path starts, its bytes, and the member's size.
    """
    at = start
    while at < end and buffer[at] != 0:
        length = np.int64(0)
        digits = at
        while digits < end and 48 <= buffer[digits] <= 57 and length <= end - at:
            length = 10 * length + np.int64(buffer[digits]) - 48
            digits += 1
        if length == 0 or at + length > end or digits == end or buffer[digits] != 32:
            return False
        value = digits + 6
        last = at + length - 1
        if value <= last and _is_key(buffer, digits + 1, _PATH_KEY):
            found[0] = value
            found[1] = last - value
        elif value <= last and _is_key(buffer, digits + 1, _SIZE_KEY):
            size = np.int64(0)
            for i in range(value, last):
                if size > 1 << 48 or buffer[i] < 48 or buffer[i] > 57:
                    return False
                size = 10 * size + np.int64(buffer[i]) - 48
            found[2] = size
        at += length
    return True


@njit(cache=True, nogil=True)
def _classify(buffer: Any, record: Any, root: Any) -> Any:
    """Set name and folder of a record from its path; False if it is a letter below a second root.

    `root` holds the length and the bytes of the root folder's name once a letter was seen.
    """
    parts = np.zeros((3, 2), np.int64)
    count = 0
    safe = True
    for segment in range(2):
        at = record[_PREFIX + 2 * segment]
        end = at + record[_PREFIX_SIZE + 2 * segment]
        if segment == 0 or record[_PREFIX_SIZE] == 0:
            safe = safe and not (at < end and buffer[at] == 47)
        while at < end:
            start = at
            while at < end and buffer[at] != 47:
                at += 1
            size = at - start
            at += 1
            if size == 0 or (size == 1 and buffer[start] == 46):
                continue
            safe = safe and not (size == 2 and buffer[start] == 46 and buffer[start + 1] == 46)
            if count < 3:
                parts[count, 0] = start
                parts[count, 1] = size
            count += 1
    record[_FOLDER] = OUTSIDE
    if count != 3 or not safe or parts[1, 1] != 1 or parts[0, 1] >= _LONGEST_ROOT:
        return True
    folder = np.int64(buffer[parts[1, 0]]) - _FIRST_LETTER
    if folder < 0 or folder >= _N_LETTERS:
        return True
    record[_FOLDER] = folder
    record[_NAME] = parts[2, 0]
    record[_NAME_SIZE] = parts[2, 1]
    size = parts[0, 1]
    if root[0] == 0:
        root[0] = size
        for i in range(size):
            root[1 + i] = buffer[parts[0, 0] + i]
    same = root[0] == size
    for i in range(size):
        same = same and root[1 + i] == buffer[parts[0, 0] + i]
    return same


@njit(cache=True, nogil=True)
def _walk(buffer: Any, start: Any, stop: Any, root: Any, state: Any, records: Any) -> Any:
    """Write a record for each complete member in buffer[start:stop] but directories; return their number."""
    found = np.empty(3, np.int64)
    position = start
    count = 0
    while True:
        state[_NEXT] = position
        found[:] = -1
        group = position
        while True:
            if position + _HEADER > stop:
                return count
            if _is_zero(buffer, position):
                if group != position:
                    state[_ERROR] = _NO_MEMBER
                state[_AT] = position
                state[_END] = position
                return count
            if not _checksum_is_right(buffer, position):
                state[_ERROR] = _BAD_HEADER
                state[_AT] = position
                return count
            size = _octal(buffer, position + 124, 12)
            if size < 0:
                state[_ERROR] = _BAD_SIZE
                state[_AT] = position
                return count
            kind = buffer[position + 156]
            # x, X (Solaris) and g: pax headers; L and K: GNU long name and long link.
            if kind != 120 and kind != 88 and kind != 103 and kind != 76 and kind != 75:
                break
            if size > LARGEST_MEMBER or position - group > LARGEST_MEMBER:
                state[_ERROR] = _LONG_HEADER
                state[_AT] = position
                return count
            data = position + _HEADER
            position = data + (size + _HEADER - 1) // _HEADER * _HEADER
            if position > stop:
                return count
            if kind == 120 or kind == 88:
                if not _read_pax(buffer, data, data + size, found):
                    state[_ERROR] = _BAD_RECORDS
                    state[_AT] = data
                    return count
            elif kind == 76:
                found[0] = data
                found[1] = _length(buffer, data, size)
        record = records[count]
        record[_PREFIX] = position
        record[_PREFIX_SIZE] = 0
        record[_PATH] = position
        record[_PATH_SIZE] = _length(buffer, position, 100)
        if found[0] >= 0:
            record[_PATH] = found[0]
            record[_PATH_SIZE] = found[1]
        elif _is_key(buffer, position + 257, _USTAR):
            record[_PREFIX] = position + 345
            record[_PREFIX_SIZE] = _length(buffer, position + 345, 155)
        if found[2] >= 0:
            size = found[2]
        record[_TYPE] = kind
        regular = kind == 48 or kind == 0 or kind == 55
        last = record[_PATH] + record[_PATH_SIZE] - 1
        folder = kind == 53 or (kind == 0 and last >= record[_PATH] and buffer[last] == 47)
        if not folder and not _classify(buffer, record, root):
            state[_ERROR] = _SECOND_ROOT
            state[_AT] = position
            records[0] = record
            return count
        data = position + _HEADER
        # Old GNU sparse files: more headers may follow the first.
        more = kind == 83 and buffer[position + 482] != 0
        while more:
            if data - group > 2 * LARGEST_MEMBER:
                state[_ERROR] = _LONG_HEADER
                state[_AT] = position
                return count
            if data + _HEADER > stop:
                return count
            more = buffer[data + 504] != 0
            data += _HEADER
        record[_SIZE] = size
        record[_START] = -1
        # Links, devices and directories carry no data whatever their size says (as tarfile has it).
        if 49 <= kind <= 54:
            size = 0
        elif regular and record[_FOLDER] >= 0 and size <= LARGEST_MEMBER and not folder:
            if data + size > stop:
                return count
            record[_START] = data
        if not folder:
            count += 1
        position = data + (size + _HEADER - 1) // _HEADER * _HEADER
        if position > stop:
            state[_NEXT] = stop
            state[_SKIP] = position - stop
            return count


class TarWalker:
    """Walks the blocks of one tar stream in their order."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._root = np.zeros(1 + _LONGEST_ROOT, np.int64)
        self._records = np.empty((0, 10), np.int64)
        self._carry = np.empty(0, np.uint8)
        self._skip = 0
        self._offset = 0
        self._ended = False

    def walk(self, buffer: npt.NDArray[np.uint8], size: int) -> Members:
        """Return the members that the next block completes.

        Args:
            buffer: uint8, contiguous; the block's bytes start at `HEADROOM`. The bytes before are overwritten
                with the incomplete end of the block before.
            size: bytes of the block.

        Raises:
            CurationError: the stream is no tar archive, is damaged, or has letters in two root folders.
        """
        stop = HEADROOM + size
        start = HEADROOM - len(self._carry)
        buffer[start:HEADROOM] = self._carry
        skipped = min(self._skip, size)
        start += skipped
        self._skip -= skipped
        base = self._offset - HEADROOM
        self._offset += size
        if self._ended:
            self._check_rest(buffer[start:stop])
            return self._members(buffer, 0)
        if len(self._records) <= (stop - start) // _HEADER:
            self._records = np.empty(((stop - start) // _HEADER + 1, 10), np.int64)
        state = np.array([start, 0, -1, 0, 0], np.int64)
        count = int(_walk(buffer, start, stop, self._root, state, self._records))
        if state[_ERROR]:
            raise self._error(int(state[_ERROR]), base + int(state[_AT]), buffer)
        self._skip += int(state[_SKIP])
        self._carry = buffer[int(state[_NEXT]) : stop]
        if state[_END] >= 0:
            self._ended = True
            self._check_rest(self._carry)
            self._carry = self._carry[:0]
        return self._members(buffer, count)

    def finish(self) -> None:
        """Raise CurationError unless the stream came to the mark of its end."""
        if not self._ended:
            raise CurationError(
                f"is cut short: no end mark in its {self._offset} bytes of tar.",
                subject=self._subject,
                remedy="Fetch the archive again, or pack it again.",
            )

    def _members(self, buffer: npt.NDArray[np.uint8], count: int) -> Members:
        records = self._records[:count]
        inside = records[:, _FOLDER] >= 0
        outside = [self._path(buffer, record) for record in records[~inside]]
        kept = np.ascontiguousarray(records[inside].T)
        return Members(
            buffer,
            kept[_NAME],
            kept[_NAME_SIZE],
            kept[_START],
            kept[_SIZE],
            kept[_TYPE].astype(np.uint8),
            kept[_FOLDER].astype(np.int8),
            outside,
        )

    def _path(self, buffer: npt.NDArray[np.uint8], record: npt.NDArray[np.int64]) -> str:
        start, size = record[_PATH], record[_PATH_SIZE]
        path = decode_name(buffer[start : start + size].tobytes())
        start, size = record[_PREFIX], record[_PREFIX_SIZE]
        return f"{decode_name(buffer[start : start + size].tobytes())}/{path}" if size else path

    def _check_rest(self, rest: npt.NDArray[np.uint8]) -> None:
        if rest.any():
            raise CurationError(
                "goes on after the mark of its end: members may hide there.",
                subject=self._subject,
                remedy="Pack the letters again, as one tar archive.",
            )

    def _error(self, error: int, at: int, buffer: npt.NDArray[np.uint8]) -> CurationError:
        if error == _SECOND_ROOT:
            root = decode_name(self._root[1 : 1 + self._root[0]].astype(np.uint8).tobytes())
            return CurationError(
                f"has letters in two folders: {root!r} and that of {self._path(buffer, self._records[0])!r}.",
                subject=self._subject,
                remedy="Pack the letters of one set below one folder.",
            )
        if at == 0:
            return CurationError(
                "is no tar archive.", subject=self._subject, remedy="Give a gzip-compressed tar archive."
            )
        return CurationError(
            f"{_ERRORS[error]} at byte {at} of the inflated stream.",
            subject=self._subject,
            remedy="Fetch the archive again, or pack it again.",
        )
