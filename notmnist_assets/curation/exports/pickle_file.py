"""Writes the assignment's pickle of six float32 and int32 arrays, and compares such a file with the splits.

The arrays are converted, written, read and compared in blocks of 64 KiB, so that no split is in memory as float32 at
once.
"""

import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import as_float32
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.exports.comparison import array_problems
from notmnist_assets.curation.splitting.splits import SPLITS

FILE_NAME: Final = "notMNIST.pickle"
_PROTOCOL: Final = 5  # the first that writes buffers without a copy; Python 3.8 reads it
_START: Final = pickle.PROTO + bytes([_PROTOCOL])
# The pickler groups up to 1000 blocks, and readers keep a group in memory until it is complete: 66 MB.
_BLOCK_BYTES: Final = 1 << 16


@dataclass(frozen=True, eq=False)
class _Array:
    """An array of the file: its values before conversion, and the function that converts some rows of them."""

    values: npt.NDArray[Any]
    convert: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype after conversion."""
        return self.convert(self.values[:0]).dtype

    def blocks(self) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
        """Yield all rows, converted, in blocks of at least `_BLOCK_BYTES` but for the last."""
        row_bytes = self.dtype.itemsize * int(np.prod(self.values.shape[1:]))
        rows = -(-_BLOCK_BYTES // row_bytes)
        for start in range(0, len(self.values), rows):
            block = slice(start, min(start + rows, len(self.values)))
            yield block, np.ascontiguousarray(self.convert(self.values[block]))


def _arrays(splits: Mapping[str, Split]) -> Iterator[tuple[str, _Array]]:
    for name in SPLITS:
        yield (
            f"{name}_dataset",
            _Array(splits[name].images, lambda images: as_float32(images).astype("<f4", copy=False)),
        )
        yield f"{name}_labels", _Array(splits[name].labels, lambda labels: labels.astype("<i4"))


class _Pickler(pickle.Pickler):
    """Writes `array = numpy.ndarray(shape, dtype)`, then `array[start:stop] = block` for each block.

    Every release of NumPy has `numpy.ndarray` under this name; the functions that arrays name in a pickle by default
    have moved between releases.
    """

    def reducer_override(self, value: object) -> Any:
        if isinstance(value, _Array):
            return np.ndarray, (value.values.shape, value.dtype.str), None, None, value.blocks()
        if isinstance(value, np.ndarray):
            return np.ndarray, (value.shape, value.dtype.str, pickle.PickleBuffer(value.data))
        return NotImplemented


def write_pickle(splits: Mapping[str, Split], file: BinaryIO) -> None:
    """Write the splits as a pickled dictionary of six arrays.

    `pickle.load` returns `{train,valid,test}_dataset`, float32 (n, 28, 28) = (pixel - 127.5) / 255, and
    `{train,valid,test}_labels`, int32 (n,), 0 to 9 for A to J.

    Args:
        splits: train, valid and test.
        file: open for writing.
    """
    pickler = _Pickler(file, protocol=_PROTOCOL)
    pickler.fast = True  # no memo: it would keep every block, here and where the file is read
    pickler.dump(dict(_arrays(splits)))


class _Comparison:
    """Replaces an array while a file is read, and compares each block that is assigned to it."""

    def __init__(self, shape: tuple[int, ...], dtype: str, name: str, expected: _Array) -> None:
        self.name = name
        self.problems: list[str] = []
        self._expected = expected
        self._blocks = expected.blocks()
        if np.dtype(dtype) != expected.dtype or shape != expected.values.shape:
            self.problems.append(
                f"{name} is {np.dtype(dtype)} {shape}, expected {expected.dtype} {expected.values.shape}"
            )

    def __setitem__(self, rows: slice, block: npt.NDArray[Any]) -> None:
        if self.problems:
            return
        expected_rows, expected = next(self._blocks, (None, block))
        if rows != expected_rows:
            self.problems.append(f"{self.name} has an unexpected block {rows}, expected {expected_rows}")
        else:
            self.problems += array_problems(self.name, block, expected, first_row=rows.start)

    def finish(self) -> list[str]:
        """Return the differences, after the last block."""
        missing, _ = next(self._blocks, (None, None))
        if missing and not self.problems:
            self.problems.append(f"{self.name} ends before row {missing.start}")
        return self.problems


class _Unpickler(pickle.Unpickler):
    """Reads blocks as arrays, compares whole arrays with the expected ones in order, and refuses all other objects."""

    def __init__(self, file: BinaryIO, expected: Mapping[str, _Array]) -> None:
        super().__init__(file)
        self._expected = iter(expected.items())

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy", "ndarray"):
            return self._array
        if (module, name) == ("builtins", "slice"):
            return slice
        raise pickle.UnpicklingError(f"it calls {module}.{name}")

    def _array(
        self, shape: tuple[int, ...], dtype: str, buffer: bytearray | None = None
    ) -> npt.NDArray[Any] | _Comparison:
        if buffer is None:
            return _Comparison(shape, dtype, *next(self._expected))
        return np.frombuffer(buffer, dtype).reshape(shape)


def find_differences(splits: Mapping[str, Split], file: BinaryIO) -> list[str]:
    """Compare a file of `write_pickle` with the splits; no code named in the file is executed.

    Args:
        splits: train, valid and test, as exported.
        file: open for reading.

    Returns:
        One sentence per array that differs.

    Raises:
        CurationError: the file is not a complete pickle in the form of `write_pickle`.
    """
    expected = dict(_arrays(splits))
    try:
        found = _load(file, expected)
    except Exception as error:  # a damaged pickle may raise anything
        raise CurationError(
            f"it is not a complete pickle of arrays ({error}).",
            subject=FILE_NAME,
            remedy="Materialize the export again.",
        ) from error
    if not isinstance(found, dict) or list(found) != list(expected):
        contents = list(found) if isinstance(found, dict) else type(found).__name__
        return [f"the file contains {contents}, expected {list(expected)}"]
    problems = ["the file continues after the pickle"] if file.read(1) else []
    for name, comparison in found.items():
        if isinstance(comparison, _Comparison) and comparison.name == name:
            problems += comparison.finish()
        else:
            problems.append(f"{name} is not the array {name}")
    return problems


def _load(file: BinaryIO, expected: Mapping[str, _Array]) -> Any:
    """Unpickle a file, with a `_Comparison` for each array."""
    # Bytes that are not a pickle are not parsed: a few of them, read as opcodes, can allocate any amount of memory.
    if file.read(len(_START)) != _START:
        raise pickle.UnpicklingError(f"it does not begin as protocol {_PROTOCOL} does")
    file.seek(0)
    return _Unpickler(file, expected).load()
