"""The assignment's pickle of six float32 and int32 arrays, written with one split in memory at a time, and its check.

The file calls nothing but `numpy.ndarray(shape, dtype, buffer)`, which every release of NumPy knows under this name.
The check allows that one name and compares each array as soon as it is read, so that it too holds one at a time.
"""

import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import as_float32
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.exports.comparison import array_problems
from notmnist_assets.curation.splitting.splits import SPLITS

FILE_NAME: Final = "notMNIST.pickle"
_PROTOCOL: Final = 5  # the first whose arrays are written without a copy and load writable: Python 3.8 reads it
_START: Final = pickle.PROTO + bytes([_PROTOCOL])


@dataclass(frozen=True, eq=False)
class _Array:
    """An array of the file: its values, and the function that makes rows of them what the file holds."""

    values: npt.NDArray[Any]
    convert: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


def _arrays(splits: Mapping[str, Split]) -> Iterator[tuple[str, _Array]]:
    for name in SPLITS:
        yield (
            f"{name}_dataset",
            _Array(splits[name].images, lambda images: as_float32(images).astype("<f4", copy=False)),
        )
        yield f"{name}_labels", _Array(splits[name].labels, lambda labels: labels.astype("<i4"))


class _Pickler(pickle.Pickler):
    """Converts an array when its turn comes."""

    def reducer_override(self, value: object) -> Any:
        if not isinstance(value, _Array):
            return NotImplemented
        array = value.convert(value.values)
        return np.ndarray, (array.shape, array.dtype.str, pickle.PickleBuffer(array.data))


def write_pickle(splits: Mapping[str, Split], file: BinaryIO) -> None:
    """Write `{train,valid,test}_{dataset,labels}`: float32 (n, 28, 28) = (pixel - 127.5) / 255, and int32 (n,)."""
    pickler = _Pickler(file, protocol=_PROTOCOL)
    pickler.fast = True  # no memo: it would keep every array, here and where the file is read
    pickler.dump(dict(_arrays(splits)))


class _Compared(NamedTuple):
    """An array that was read: which one it was taken for, and what differs."""

    name: str
    problems: list[str]


class _Unpickler(pickle.Unpickler):
    """Calls nothing but the comparison of an array with the next expected one."""

    def __init__(self, file: BinaryIO, expected: Iterator[tuple[str, _Array]]) -> None:
        super().__init__(file)
        self._expected = expected

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) != ("numpy", "ndarray"):
            raise pickle.UnpicklingError(f"it calls {module}.{name}")
        return self._compare

    def _compare(self, shape: tuple[int, ...], dtype: str, buffer: bytearray) -> _Compared:
        found: npt.NDArray[Any] = np.ndarray(shape, dtype, buffer)
        name, expected = next(self._expected)
        return _Compared(name, array_problems(name, found, expected.values, expected.convert))


def disagreements(splits: Mapping[str, Split], file: BinaryIO) -> list[str]:
    """Compare a written pickle to the splits it should hold; return what differs, in words.

    Raises:
        CurationError: `write_pickle` cannot have written the file, whatever the splits.
    """
    expected = dict(_arrays(splits))
    try:
        found = _compared(file, iter(expected.items()))
    except Exception as error:  # a damaged pickle may raise anything
        raise CurationError(
            f"it is not a complete pickle of arrays ({error}).", subject=FILE_NAME, remedy="Make the export again."
        ) from error
    if not isinstance(found, dict) or list(found) != list(expected):
        holds = list(found) if isinstance(found, dict) else type(found).__name__
        return [f"the file holds {holds}, expected {list(expected)}"]
    problems = [] if not file.read(1) else ["the file goes on behind the pickle"]
    for name, compared in found.items():
        if isinstance(compared, _Compared) and compared.name == name:
            problems += compared.problems
        else:
            problems.append(f"{name} is no array")
    return problems


def _compared(file: BinaryIO, expected: Iterator[tuple[str, _Array]]) -> Any:
    """Return what a pickle holds, each array as `_Compared`."""
    # Other bytes are not tried: a few of them, read as opcodes, can ask for any amount of memory.
    if file.read(len(_START)) != _START:
        raise pickle.UnpicklingError(f"it does not begin as protocol {_PROTOCOL} does")
    file.seek(0)
    return _Unpickler(file, expected).load()
