"""Walks the 512-byte headers of a tar stream, compiled: one record for each complete member.

Belongs here: the tar format (POSIX ustar and pax, GNU long names and large sizes, old V7) and the shape of a
member's path, `<root>/<letter>/<file>`. What a person is told, and how blocks follow each other, is in `members`.

Formats: POSIX.1-2017 "pax", section "EXTENDED DESCRIPTION"; GNU tar manual, "Basic Tar Format" and "Storing Sparse
Files". Extended headers give a member's path and size and tell sparse files; other keys do not matter here. Global
headers, such as Git's comment, are passed over, but refused if they give every member a path or a size.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from notmnist_assets.curation.images import LETTERS

LARGEST_MEMBER: Final = 1 << 20
"""Bytes; larger members are passed over, no 28x28 picture is that large."""

HEADER: Final = 512
"""Bytes of a header; members are padded to a multiple of it."""

LONGEST_PATH: Final = 4096
"""Bytes; no file system takes a longer one."""

# Columns of a record: starts and bytes of path prefix, path and file name, then start, bytes, type and letter.
PREFIX, PREFIX_SIZE, PATH, PATH_SIZE, NAME, NAME_SIZE, START, SIZE, TYPE, FOLDER = range(10)
COLUMNS: Final = 10

# Fields of the walker's state: where to go on, bytes to pass over, where the end mark is or -1, error, where.
NEXT, SKIP, END, ERROR, AT = range(5)

BAD_HEADER, BAD_SIZE, LONG_HEADER, NO_MEMBER, BAD_RECORDS, SECOND_ROOT, LONG_PATH, GLOBAL_RECORDS = range(1, 9)

_N_LETTERS: Final = len(LETTERS)
_FIRST_LETTER: Final = ord(LETTERS[0])
_PATH_KEY: Final = np.frombuffer(b"path=", np.uint8)
_SIZE_KEY: Final = np.frombuffer(b"size=", np.uint8)
_SPARSE_KEYS: Final = np.frombuffer(b"GNU.sparse.", np.uint8)
_SPARSE_NAME_KEY: Final = np.frombuffer(b"GNU.sparse.name=", np.uint8)
_SPARSE: Final = ord("S")
_USTAR: Final = np.frombuffer(b"ustar\x00", np.uint8)


@njit(cache=True, nogil=True)
def pack(buffer: Any, starts: Any, sizes: Any, packed: Any) -> None:
    """Copy pieces of `buffer` to `packed`, one after the other."""
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
def _sum(buffer: Any, start: Any, stop: Any) -> Any:
    """Return the sum of bytes; over a slice, whose indices cannot be negative, it becomes vector instructions."""
    total = np.int64(0)
    for byte in buffer[start:stop]:
        total += byte
    return total


@njit(cache=True, nogil=True)
def _checksum_is_right(buffer: Any, at: Any, total: Any) -> bool:
    """Compare the stored checksum with the sum of a header's bytes, its own field counted as spaces."""
    stored = _octal(buffer, at + 148, 8)
    unsigned = total - _sum(buffer, at + 148, at + 156) + 8 * 32
    if stored == unsigned:
        return True
    # Some old programs summed signed bytes.
    negative = 0
    for i in range(HEADER):
        if i < 148 or i >= 156:
            negative += buffer[at + i] >> 7
    return bool(stored == unsigned - 256 * negative)


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

    `found` takes where the path starts, its bytes, the member's size, and where the path of a sparse file starts and
    its bytes: 0 bytes when it is that of any other file.
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
        name = digits + 1 + len(_SPARSE_NAME_KEY)
        if name <= last and _is_key(buffer, digits + 1, _SPARSE_NAME_KEY):
            found[3] = name
            found[4] = last - name
        elif value + 6 <= last and _is_key(buffer, digits + 1, _SPARSE_KEYS):
            found[4] = max(found[4], 0)
        elif value <= last and _is_key(buffer, digits + 1, _PATH_KEY):
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
        at = record[PREFIX + 2 * segment]
        end = at + record[PREFIX_SIZE + 2 * segment]
        if segment == 0 or record[PREFIX_SIZE] == 0:
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
    record[FOLDER] = -1
    if count != 3 or not safe or parts[1, 1] != 1 or parts[0, 1] >= LONGEST_PATH:
        return True
    folder = np.int64(buffer[parts[1, 0]]) - _FIRST_LETTER
    if folder < 0 or folder >= _N_LETTERS:
        return True
    record[FOLDER] = folder
    record[NAME] = parts[2, 0]
    record[NAME_SIZE] = parts[2, 1]
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
def walk(buffer: Any, start: Any, stop: Any, root: Any, state: Any, records: Any) -> Any:
    """Write a record for each complete member in buffer[start:stop] but directories; return their number.

    Args:
        buffer: uint8 (bytes,).
        start: where a header starts.
        stop: where the block ends.
        root: int64 (1 + LONGEST_PATH,), length and bytes of the root folder's name once a letter was seen; kept
            from block to block.
        state: int64 (5,), zeros but for END = -1; set as its fields say.
        records: int64 (at least one row for each 512 bytes, COLUMNS). FOLDER is 0 to 9 or, outside of the letters,
            -1; START is -1 when the bytes were passed over.
    """
    found = np.empty(5, np.int64)
    ours = np.empty_like(found)
    position = start
    count = 0
    while True:
        state[NEXT] = position
        found[:] = -1
        group = position
        while True:
            if position + HEADER > stop:
                return count
            total = _sum(buffer, position, position + HEADER)
            if total == 0:
                if group != position:
                    state[ERROR] = NO_MEMBER
                state[AT] = position
                state[END] = position
                return count
            if not _checksum_is_right(buffer, position, total):
                state[ERROR] = BAD_HEADER
                state[AT] = position
                return count
            size = _octal(buffer, position + 124, 12)
            if size < 0:
                state[ERROR] = BAD_SIZE
                state[AT] = position
                return count
            kind = buffer[position + 156]
            # x, X (Solaris) and g: pax headers; L and K: GNU long name and long link.
            if kind != 120 and kind != 88 and kind != 103 and kind != 76 and kind != 75:
                break
            if size > LARGEST_MEMBER or position - group > LARGEST_MEMBER:
                state[ERROR] = LONG_HEADER
                state[AT] = position
                return count
            data = position + HEADER
            position = data + (size + HEADER - 1) // HEADER * HEADER
            if position > stop:
                return count
            if kind == 120 or kind == 88:
                if not _read_pax(buffer, data, data + size, found):
                    state[ERROR] = BAD_RECORDS
                    state[AT] = data
                    return count
            elif kind == 103:
                ours[:] = -1
                if not _read_pax(buffer, data, data + size, ours) or ours.max() >= 0:
                    state[ERROR] = GLOBAL_RECORDS
                    state[AT] = data
                    return count
            elif kind == 76:
                found[0] = data
                found[1] = _length(buffer, data, size)
        record = records[count]
        record[PREFIX] = position
        record[PREFIX_SIZE] = 0
        record[PATH] = position
        record[PATH_SIZE] = _length(buffer, position, 100)
        if found[0] >= 0:
            record[PATH] = found[0]
            record[PATH_SIZE] = found[1]
        elif _is_key(buffer, position + 257, _USTAR):
            record[PREFIX] = position + 345
            record[PREFIX_SIZE] = _length(buffer, position + 345, 155)
        if found[2] >= 0:
            size = found[2]
        record[TYPE] = kind
        regular = kind == 48 or kind == 0 or kind == 55
        if found[4] >= 0:
            record[TYPE] = _SPARSE
            regular = False
            if found[4] > 0:
                record[PATH] = found[3]
                record[PATH_SIZE] = found[4]
                record[PREFIX_SIZE] = 0
        if record[PATH_SIZE] > LONGEST_PATH:
            state[ERROR] = LONG_PATH
            state[AT] = position
            return count
        last = record[PATH] + record[PATH_SIZE] - 1
        folder = kind == 53 or (kind == 0 and last >= record[PATH] and buffer[last] == 47)
        if not folder and not _classify(buffer, record, root):
            state[ERROR] = SECOND_ROOT
            state[AT] = position
            records[0] = record
            return count
        data = position + HEADER
        # Old GNU sparse files: more headers may follow the first.
        more = kind == 83 and buffer[position + 482] != 0
        while more:
            if data - group > 2 * LARGEST_MEMBER:
                state[ERROR] = LONG_HEADER
                state[AT] = position
                return count
            if data + HEADER > stop:
                return count
            more = buffer[data + 504] != 0
            data += HEADER
        record[SIZE] = size
        record[START] = -1
        # Links, devices and directories carry no data whatever their size says (as tarfile has it).
        if 49 <= kind <= 54:
            size = 0
        elif regular and record[FOLDER] >= 0 and size <= LARGEST_MEMBER and not folder:
            if data + size > stop:
                return count
            record[START] = data
        if not folder:
            count += 1
        position = data + (size + HEADER - 1) // HEADER * HEADER
        if position > stop:
            state[NEXT] = stop
            state[SKIP] = position - stop
            return count
