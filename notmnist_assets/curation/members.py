"""The members of a tar stream, block by block: which are letters, and where their bytes lie.

Belongs here: how blocks follow each other, and what is told of a damaged archive. The headers are read in `tar`, the
stream in `archive`. Nothing is ever written under a member's name.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation import tar
from notmnist_assets.curation.errors import CurationError

if TYPE_CHECKING:
    import pyarrow as pa

HEADROOM: Final = 4 << 20
"""Bytes free before each block, for the incomplete end of the block before."""

REGULAR_TYPES: Final = frozenset(b"\x0007")
"""Type flags of regular files: old, POSIX, contiguous."""

_PROBLEMS: Final = {
    tar.BAD_HEADER: "has a damaged tar header (wrong checksum)",
    tar.BAD_SIZE: "has a damaged tar header (no valid size)",
    tar.LONG_HEADER: "has an extended tar header larger than any sane one",
    tar.LONG_PATH: f"has a path of more than {tar.LONGEST_PATH} bytes",
    tar.GLOBAL_RECORDS: "has a global tar header that is damaged or gives all members a path or a size",
    tar.NO_MEMBER: "has an extended tar header without a member",
    tar.BAD_RECORDS: "has an extended tar header with damaged records",
}


@dataclass(frozen=True, eq=False)
class Members:
    """The members of one block, without directories.

    Attributes:
        buffer: uint8 (bytes,), the block; overwritten when its turn comes again.
        names: int64 (n,), where each file name starts in `buffer`: the last part of a path.
        name_sizes: int64 (n,), bytes of each file name.
        starts: int64 (n,), where the bytes of a member start; -1 when they were passed over because the member
            is larger than `tar.LARGEST_MEMBER` or not a regular file.
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

    def file_names(self, rows: npt.NDArray[np.intp]) -> "pa.LargeStringArray":
        """Return the file names of some rows, in Arrow: half a million Python strings would take longer to make."""
        import pyarrow as pa

        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(self.name_sizes[rows], out=offsets[1:])
        packed = np.empty(int(offsets[-1]), np.uint8)
        tar.pack(self.buffer, self.names[rows], self.name_sizes[rows], packed)
        if packed.max(initial=0) < 128:
            return pa.LargeStringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(packed))
        names = packed.tobytes()
        ends = offsets.tolist()
        return pa.array([decode_name(names[start:end]) for start, end in pairwise(ends)], pa.large_string())


def decode_name(name: bytes) -> str:
    r"""Return a name as text: UTF-8, other bytes as `\xff`, so that any name can be stored and printed."""
    return name.decode("utf-8", "backslashreplace")


class TarWalker:
    """Walks the blocks of one tar stream in their order."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._root = np.zeros(1 + tar.LONGEST_PATH, np.int64)
        self._records = np.empty((0, tar.COLUMNS), np.int64)
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
        if len(self._records) <= (stop - start) // tar.HEADER:
            self._records = np.empty(((stop - start) // tar.HEADER + 1, tar.COLUMNS), np.int64)
        state = np.array([start, 0, -1, 0, 0], np.int64)
        count = int(tar.walk(buffer, start, stop, self._root, state, self._records))
        if state[tar.ERROR]:
            raise self._error(int(state[tar.ERROR]), base + int(state[tar.AT]), buffer)
        self._skip += int(state[tar.SKIP])
        self._carry = buffer[int(state[tar.NEXT]) : stop]
        if state[tar.END] >= 0:
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
        inside = records[:, tar.FOLDER] >= 0
        outside = [self._path(buffer, record) for record in records[~inside]]
        kept = np.ascontiguousarray(records[inside].T)
        return Members(
            buffer,
            kept[tar.NAME],
            kept[tar.NAME_SIZE],
            kept[tar.START],
            kept[tar.SIZE],
            kept[tar.TYPE].astype(np.uint8),
            kept[tar.FOLDER].astype(np.int8),
            outside,
        )

    def _path(self, buffer: npt.NDArray[np.uint8], record: npt.NDArray[np.int64]) -> str:
        start, size = record[tar.PATH], record[tar.PATH_SIZE]
        path = decode_name(buffer[start : start + size].tobytes())
        start, size = record[tar.PREFIX], record[tar.PREFIX_SIZE]
        return f"{decode_name(buffer[start : start + size].tobytes())}/{path}" if size else path

    def _check_rest(self, rest: npt.NDArray[np.uint8]) -> None:
        if rest.any():
            raise CurationError(
                "goes on after the mark of its end: members may hide there.",
                subject=self._subject,
                remedy="Pack the letters again, as one tar archive.",
            )

    def _error(self, error: int, at: int, buffer: npt.NDArray[np.uint8]) -> CurationError:
        if error == tar.SECOND_ROOT:
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
            f"{_PROBLEMS[error]} at byte {at} of the inflated stream.",
            subject=self._subject,
            remedy="Fetch the archive again, or pack it again.",
        )
