"""Writes splits as one NumPy `.npz` file without pickled objects, and compares such a file with the splits.

The file is not compressed: deflate streams differ between builds of zlib, and equal splits must give equal bytes.
"""

import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.npy import DAMAGED, write_npy
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.exports.comparison import array_problems
from notmnist_assets.curation.splitting.splits import SPLITS

FILE_NAME: Final = "notMNIST.npz"
_UNIX: Final = 3
# zipfile raises RuntimeError for members that are marked as encrypted.
_UNREADABLE: Final = (*DAMAGED, RuntimeError, zipfile.BadZipFile)


def write_npz(splits: Mapping[str, Split], file: BinaryIO) -> None:
    """Write the arrays `{train,valid,test}_{images,labels,names}`.

    Images are uint8 (n, 28, 28), labels int32 (n,), 0 to 9 for A to J, names UTF-8 bytes (n,) of fixed width: the file
    names. `numpy.load(path)` reads all of them with its default `allow_pickle=False`.

    Args:
        splits: train, valid and test.
        file: open for writing.
    """
    rows = sum(len(splits[name]) for name in SPLITS)
    with progress_bar("write npz", rows, "rows") as advance, zipfile.ZipFile(file, "w") as archive:
        for name, values in _arrays(splits):
            member = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, the earliest date of the format
            member.create_system = _UNIX
            with archive.open(member, "w", force_zip64=True) as out:
                write_npy(values, out)
            if name.endswith("_images"):
                advance(len(values))


def find_differences(splits: Mapping[str, Split], file: BinaryIO) -> list[str]:
    """Read a file of `write_npz` with `numpy.load` and compare it with the splits.

    Args:
        splits: train, valid and test, as exported.
        file: open for reading.

    Returns:
        One sentence per array that differs.

    Raises:
        CurationError: the file cannot be read.
    """
    expected = dict(_arrays(splits))
    try:
        with np.load(file, allow_pickle=False) as found:
            if list(found) != list(expected):
                return [f"the file contains {list(found)}, expected {list(expected)}"]
            return [text for name, values in expected.items() for text in array_problems(name, found[name], values)]
    except _UNREADABLE as error:
        raise CurationError(
            f"NumPy cannot read it ({error}).", subject=FILE_NAME, remedy="Materialize the export again."
        ) from error


def _arrays(splits: Mapping[str, Split]) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for name in SPLITS:
        split = splits[name]
        yield f"{name}_images", split.images
        yield f"{name}_labels", split.labels.astype("<i4", copy=False)
        yield f"{name}_names", _utf8(split.sources["name"].tolist())


def _utf8(texts: list[str]) -> npt.NDArray[np.bytes_]:
    encoded = [text.encode() for text in texts]
    return np.array(encoded, dtype=f"S{max([1, *map(len, encoded)])}")
