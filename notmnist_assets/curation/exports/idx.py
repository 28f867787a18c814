"""Splits in MNIST's own file format, IDX.

Belongs here: names and headers of the files. The format: a magic number of two zero bytes, the type of the values
and the number of dimensions, then each dimension as a big-endian 32-bit integer, then the values row by row
(Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits"). MNIST ships its files inside gzip;
readers unpack them first, most take them unpacked, and unpacked they are the same bytes everywhere.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.progress import stage
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.exports.comparison import array_problems
from notmnist_assets.curation.splitting.splits import SPLITS

FILE_PREFIXES: Final[Mapping[str, str]] = {"train": "train", "valid": "valid", "test": "t10k"}
"""How file names begin: MNIST's readers look for a test set called t10k. MNIST itself has no validation set."""

_UNSIGNED_BYTE: Final = 8
_BLOCK_ROWS: Final = 4096


def write_files(splits: Mapping[str, Split]) -> dict[str, Callable[[BinaryIO], None]]:
    """Return what writes each file, by name: images uint8 (n, 28, 28) and labels uint8 (n,) of every split.

    The names are MNIST's: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, and so on.
    """
    return {
        name: lambda file, name=name, values=values: _write(name, values, file)  # type: ignore[misc]
        for name, values in _arrays(splits)
    }


def disagreements(splits: Mapping[str, Split], open_file: Callable[[str], BinaryIO]) -> list[str]:
    """Compare written files to the splits they should hold; return what differs, in words.

    Each file is taken for what its own header says, not for what was to be written.

    Args:
        splits: what should be in the files.
        open_file: opens a file by name.

    Raises:
        CurationError: a file is missing or is no IDX file.
    """
    problems = []
    for name, values in _arrays(splits):
        try:
            with open_file(name) as file:
                found = _parsed(file.read())
        except (ValueError, OSError, struct.error) as error:
            raise CurationError(
                f"it is not a complete IDX file ({error}).", subject=name, remedy="Make the export again."
            ) from error
        problems += array_problems(name, found, values)
    return problems


def _arrays(splits: Mapping[str, Split]) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    for name in SPLITS:
        yield f"{FILE_PREFIXES[name]}-images-idx3-ubyte", splits[name].images
        yield f"{FILE_PREFIXES[name]}-labels-idx1-ubyte", splits[name].labels.astype(np.uint8)


def _write(name: str, values: npt.NDArray[np.uint8], file: BinaryIO) -> None:
    with stage(f"write {name}", len(values), "rows") as advance:
        file.write(struct.pack(f">BBBB{values.ndim}I", 0, 0, _UNSIGNED_BYTE, values.ndim, *values.shape))
        for start in range(0, len(values), _BLOCK_ROWS):
            block = values[start : start + _BLOCK_ROWS]
            file.write(block.tobytes())
            advance(len(block))


def _parsed(content: bytes) -> npt.NDArray[np.uint8]:
    zeros, kind, dimensions = struct.unpack_from(">HBB", content)
    if zeros != 0 or kind != _UNSIGNED_BYTE:
        raise ValueError("it does not begin as IDX files of bytes do")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
