"""Writes splits in IDX, the file format of MNIST, and compares such files with the splits.

An IDX file starts with two zero bytes, the type of the values and the number of dimensions; each dimension follows as a
big-endian 32-bit integer, then the values in C order (Y. LeCun, C. Cortes and C. Burges, "The MNIST database of
handwritten digits"). The files are not compressed, because gzip streams differ between builds of zlib; most readers of
MNIST accept both.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.exports.comparison import array_problems
from notmnist_assets.curation.splitting.splits import SPLITS

FILE_PREFIXES: Final[Mapping[str, str]] = {"train": "train", "valid": "valid", "test": "t10k"}
"""Prefix of the file names by split: readers of MNIST expect the test set as t10k. MNIST has no validation set."""

_UNSIGNED_BYTE: Final = 8
_BLOCK_ROWS: Final = 4096


def write_files(splits: Mapping[str, Split]) -> dict[str, Callable[[BinaryIO], None]]:
    """Return a function per file, by file name, that writes it.

    The names are those of MNIST: `train-images-idx3-ubyte` with images uint8 (n, 28, 28), `train-labels-idx1-ubyte`
    with labels uint8 (n,), 0 to 9 for A to J, and the same with the prefixes `valid` and `t10k`.
    """
    return {
        name: lambda file, name=name, values=values: _write(name, values, file)  # type: ignore[misc]
        for name, values in _arrays(splits)
    }


def find_differences(splits: Mapping[str, Split], open_file: Callable[[str], BinaryIO]) -> list[str]:
    """Compare the files of `write_files` with the splits; shapes are read from the headers of the files.

    Args:
        splits: train, valid and test, as exported.
        open_file: opens a file by name.

    Returns:
        One sentence per file that differs.

    Raises:
        CurationError: a file is missing or not a complete IDX file.
    """
    problems = []
    for name, values in _arrays(splits):
        try:
            with open_file(name) as file:
                found = _parse(file.read())
        except (ValueError, OSError, struct.error) as error:
            raise CurationError(
                f"it is not a complete IDX file ({error}).", subject=name, remedy="Materialize the export again."
            ) from error
        problems += array_problems(name, found, values)
    return problems


def _arrays(splits: Mapping[str, Split]) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    for name in SPLITS:
        yield f"{FILE_PREFIXES[name]}-images-idx3-ubyte", splits[name].images
        yield f"{FILE_PREFIXES[name]}-labels-idx1-ubyte", splits[name].labels.astype(np.uint8)


def _write(name: str, values: npt.NDArray[np.uint8], file: BinaryIO) -> None:
    with progress_bar(f"write {name}", len(values), "rows") as advance:
        file.write(struct.pack(f">BBBB{values.ndim}I", 0, 0, _UNSIGNED_BYTE, values.ndim, *values.shape))
        for start in range(0, len(values), _BLOCK_ROWS):
            block = values[start : start + _BLOCK_ROWS]
            file.write(block.tobytes())
            advance(len(block))


def _parse(content: bytes) -> npt.NDArray[np.uint8]:
    zeros, kind, dimensions = struct.unpack_from(">HBB", content)
    if zeros != 0 or kind != _UNSIGNED_BYTE:
        raise ValueError("it does not begin as an IDX file of unsigned bytes")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
