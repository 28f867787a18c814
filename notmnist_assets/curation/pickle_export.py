"""The assignment's pickle of six float32 and int32 arrays: written as a stream, read back without unpickling.

Belongs here: the one file layout that the assignment's later lessons load. Writing needs memory for a block of
rows, not for the 690 MB; verifying walks the opcodes and never runs them.
"""

import io
import pickle
import pickletools
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar, Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.errors import CurationError
from notmnist_assets.curation.images import as_float32
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.values import Split

FILE_NAME: Final = "notMNIST.pickle"
_PROTOCOL: Final = 3  # the first with bytes; any Python 3 reads it
_BLOCK_ROWS: Final = 4096
_LIMIT: Final = 2**32
_OPCODES: Final = {opcode.code: opcode for opcode in pickletools.opcodes}


@dataclass(frozen=True)
class _Data:
    """Stands for the bytes of an array while its surroundings are pickled."""

    size: int
    blocks: Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class _Array:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    data: _Data


class _StreamingPickler(pickle._Pickler):
    """The pickler of the standard library, in Python, that streams the bytes of an array from where they are."""

    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, protocol=_PROTOCOL)
        self._file = file

    def save_array(self, array: _Array) -> None:
        """Write what NumPy's `ndarray.__reduce__` writes, under the module name that NumPy 1 and 2 both know."""
        self._file.write(pickle.GLOBAL + b"numpy.core.multiarray\n_reconstruct\n")
        self.save((np.ndarray, (0,), b"b"))  # type: ignore[attr-defined]
        self._file.write(pickle.REDUCE)
        self.save((1, array.shape, array.dtype, False, array.data))  # type: ignore[attr-defined]
        self._file.write(pickle.BUILD)

    def save_data(self, data: _Data) -> None:
        """Write a bytes object block by block."""
        self._file.write(pickle.BINBYTES + struct.pack("<I", data.size))
        written = 0
        for block in data.blocks():
            self._file.write(block)
            written += len(block)
        if written != data.size:
            raise ValueError(f"{written} bytes written, {data.size} announced")


_StreamingPickler.dispatch[_Array] = _StreamingPickler.save_array
_StreamingPickler.dispatch[_Data] = _StreamingPickler.save_data


def write_pickle(splits: Mapping[str, Split], file: BinaryIO) -> None:
    """Write `{train,valid,test}_{dataset,labels}`: float32 (n, 28, 28) = (pixel - 127.5) / 255, and int32 (n,).

    Raises:
        CurationError: a split is larger than the format of this protocol allows (4 GiB).
    """
    arrays: dict[str, _Array] = {}
    for name in SPLITS:
        split = splits[name]
        size = split.images.size * np.dtype(np.float32).itemsize
        if size >= _LIMIT:
            raise CurationError(
                f"{name} takes {size} bytes as float32, the pickle holds fewer than {_LIMIT} per array.",
                subject=FILE_NAME,
                remedy="Use smaller splits, or another export.",
            )
        images = _Data(size, lambda split=split: _float_blocks(split))  # type: ignore[misc]
        labels = np.ascontiguousarray(split.labels, dtype="<i4").tobytes()
        arrays[f"{name}_dataset"] = _Array(split.images.shape, np.dtype("<f4"), images)
        arrays[f"{name}_labels"] = _Array(
            split.labels.shape,
            np.dtype("<i4"),
            _Data(len(labels), lambda labels=labels: iter([labels])),  # type: ignore[misc]
        )
    _StreamingPickler(file).dump(arrays)


def disagreements(splits: Mapping[str, Split], file: BinaryIO) -> list[str]:
    """Compare a written pickle to the splits it should hold, without unpickling; return what differs, in words."""
    found = _stored_arrays(file)
    expected_names = [f"{name}_{part}" for name in SPLITS for part in ("dataset", "labels")]
    if sorted(found) != sorted(expected_names):
        return [f"the file holds {sorted(found)}, expected {sorted(expected_names)}"]
    problems = []
    for name in SPLITS:
        split = splits[name]
        size = split.images.size * np.dtype(np.float32).itemsize
        if found[f"{name}_dataset"].size != size:
            problems.append(f"{name}_dataset has {found[f'{name}_dataset'].size} bytes, expected {size}")
            continue
        file.seek(found[f"{name}_dataset"].offset)
        for start, block in zip(range(0, len(split), _BLOCK_ROWS), _float_blocks(split), strict=True):
            if file.read(len(block)) != block:
                problems.append(f"{name}_dataset differs within rows {start} to {start + _BLOCK_ROWS}")
                break
        file.seek(found[f"{name}_labels"].offset)
        if file.read(found[f"{name}_labels"].size) != split.labels.astype("<i4").tobytes():
            problems.append(f"{name}_labels differ")
    return problems


@dataclass(frozen=True)
class _Stored:
    offset: int
    size: int


def _stored_arrays(file: BinaryIO) -> dict[str, _Stored]:
    """Return where the bytes of each named array lie. Opcodes are read, never run."""
    file.seek(0)
    stored: dict[str, _Stored] = {}
    name = ""
    while code := file.read(1):
        opcode = _OPCODES.get(code.decode("latin-1"))
        if opcode is None:
            raise CurationError("it is not a pickle.", subject=FILE_NAME, remedy="Materialize the export again.")
        if opcode.name == "BINBYTES":
            (size,) = struct.unpack("<I", file.read(4))
            stored[name] = _Stored(file.tell(), size)
            file.seek(size, io.SEEK_CUR)
        elif opcode.arg is not None:
            argument = opcode.arg.reader(file)
            if opcode.name == "BINUNICODE" and str(argument).endswith(("_dataset", "_labels")):
                name = str(argument)
        elif opcode.name == "STOP":
            break
    return stored


def _float_blocks(split: Split) -> Iterator[bytes]:
    for start in range(0, len(split), _BLOCK_ROWS):
        block: npt.NDArray[np.float32] = as_float32(np.asarray(split.images[start : start + _BLOCK_ROWS]))
        yield block.astype("<f4", copy=False).tobytes()
