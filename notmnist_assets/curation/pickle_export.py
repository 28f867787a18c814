"""The assignment's pickle of six float32 and int32 arrays: written as a stream, read back without unpickling.

Belongs here: the one file layout that the assignment's later lessons load. Writing needs memory for a block of
rows, not for the 690 MB; verifying walks the opcodes and never runs them.
"""

import io
import math
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
_BLOCK_ROWS: Final = 512  # whose float32 pixels stay in the cache until they are written
_LIMIT: Final = 2**32
_OPCODES: Final = {opcode.code: opcode for opcode in pickletools.opcodes}


@dataclass(frozen=True)
class _Data:
    """Stands for the bytes of an array while its surroundings are pickled."""

    size: int
    blocks: Callable[[], Iterator[bytes | memoryview]]


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
    """Compare a written pickle to the splits it should hold, without unpickling; return what differs, in words.

    Raises:
        CurationError: `write_pickle` cannot have written the file, whatever the splits.
    """
    try:
        found = _described(file)
    except (ValueError, LookupError, TypeError, AttributeError, struct.error) as error:
        raise CurationError(
            "it is not a complete pickle of arrays.", subject=FILE_NAME, remedy="Make the export again."
        ) from error
    names = [f"{name}_{part}" for name in SPLITS for part in ("dataset", "labels")]
    if not isinstance(found, dict) or list(found) != names:
        holds = list(found) if isinstance(found, dict) else type(found).__name__
        return [f"the file holds {holds}, expected {names}"]
    problems = []
    if file.read(1):
        problems.append("the file goes on behind the pickle")
    for name in SPLITS:
        split = splits[name]
        labels = split.labels.astype("<i4").tobytes()
        problems += _array_problems(file, f"{name}_dataset", found, split.images.shape, "<f4", _float_blocks(split))
        problems += _array_problems(file, f"{name}_labels", found, split.labels.shape, "<i4", iter([labels]))
    return problems


def _array_problems(
    file: BinaryIO,
    name: str,
    found: dict[str, Any],
    shape: tuple[int, ...],
    dtype: str,
    blocks: Iterator[bytes | memoryview],
) -> Iterator[str]:
    reduced: tuple[Any, ...] = np.dtype(dtype).__reduce__()  # type: ignore[assignment]
    empty = ("numpy ndarray", (0,), b"b")
    size = math.prod(shape) * np.dtype(dtype).itemsize
    data = found[name].state[-1] if isinstance(found[name], _Call) and found[name].state else None
    offset = data.offset if isinstance(data, _Stored) else 0
    described = (1, shape, _Call("numpy dtype", *reduced[1:]), False, _Stored(offset, size))
    if found[name] != _Call("numpy.core.multiarray _reconstruct", empty, described):
        yield f"{name} is not described as an array {shape} of {dtype}"
        return
    file.seek(offset)
    for number, block in enumerate(blocks):
        if file.read(len(block)) != bytes(block):  # a memoryview compares byte by byte
            yield f"{name} differs within rows {number * _BLOCK_ROWS} to {min((number + 1) * _BLOCK_ROWS, shape[0])}"
            return


@dataclass(frozen=True)
class _Stored:
    """Where the bytes of an array lie in the file."""

    offset: int
    size: int


@dataclass
class _Call:
    """A call that the pickle asks for and nobody makes: "module name", arguments, and the state set afterwards."""

    function: str
    arguments: tuple[Any, ...]
    state: tuple[Any, ...] | None = None


def _described(file: BinaryIO) -> Any:
    """Return what a pickle describes, with every call as `_Call` and the data of every array as `_Stored`.

    Knows the opcodes that `write_pickle` uses, looks up no name and calls nothing. What is no such pickle ends in
    some ValueError, LookupError, TypeError, AttributeError or struct.error.
    """
    file.seek(0)
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}
    while True:
        opcode = _OPCODES[file.read(1).decode("latin-1")]
        if opcode.name == "BINBYTES":
            (size,) = struct.unpack("<I", file.read(4))
            stack.append(_Stored(file.tell(), size))
            file.seek(size, io.SEEK_CUR)
            continue
        argument: Any = opcode.arg.reader(file) if opcode.arg else None
        match opcode.name:
            case "STOP":
                return stack.pop()
            case "PROTO" if argument == _PROTOCOL:
                continue
            case "MARK":
                marks.append(len(stack))
            case "EMPTY_DICT":
                stack.append({})
            case "NONE" | "GLOBAL" | "BINUNICODE" | "SHORT_BINBYTES" | "BININT" | "BININT1" | "BININT2":
                stack.append(argument)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(opcode.name == "NEWTRUE")
            case "TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                start = marks.pop() if opcode.name == "TUPLE" else len(stack) - int(opcode.name[-1])
                stack[start:] = [tuple(stack[start:])]
            case "BINPUT":
                memo[argument] = stack[-1]
            case "BINGET":
                stack.append(memo[argument])
            case "REDUCE":
                arguments = stack.pop()
                stack[-1] = _Call(stack[-1], arguments)
            case "BUILD":
                state = stack.pop()
                stack[-1].state = state
            case "SETITEMS":
                start = marks.pop()
                items = stack[start:]
                del stack[start:]
                stack[-1].update(zip(items[::2], items[1::2], strict=True))
            case _:
                raise ValueError(f"unexpected opcode {opcode.name}")


def _float_blocks(split: Split) -> Iterator[memoryview]:
    for start in range(0, len(split), _BLOCK_ROWS):
        block: npt.NDArray[np.float32] = as_float32(np.asarray(split.images[start : start + _BLOCK_ROWS]))
        yield block.astype("<f4", copy=False).data.cast("B")
