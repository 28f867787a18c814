"""Arrays of numbers as .npy files: written in pieces, and read as nothing else.

Belongs here: what `np.save` writes of arrays of numbers, and its reading. Where files go does not.
"""

import tokenize
from pathlib import Path
from typing import IO, Any, Final, cast

import numpy as np
import numpy.typing as npt

PIECE_BYTES: Final = 256 << 10
"""Bytes handed to the system at a time; `write_npy` tells why."""
DAMAGED: Final = (
    ValueError,
    TypeError,
    LookupError,
    OSError,
    EOFError,
    MemoryError,
    OverflowError,
    SyntaxError,
    tokenize.TokenError,
)
"""What NumPy raises over damaged files: it reads headers as Python, and makes the room that they name."""


def write_npy(values: npt.NDArray[Any], file: IO[bytes]) -> None:
    """Write an array of numbers, of one or more dimensions, as `np.save` writes one in C order, piece by piece.

    The whole array at once takes ten times as long on virtual machines that give free memory back to their host (40 MB:
    0.1 s against 0.01 s): for a large write the system takes large pages, which are those that were given back.
    """
    contiguous = np.ascontiguousarray(values)
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(contiguous))
    data = contiguous.reshape(-1).view(np.uint8)
    for start in range(0, len(data), PIECE_BYTES):
        file.write(data[start : start + PIECE_BYTES].data)


def read_npy(file: IO[bytes]) -> npt.NDArray[Any]:
    """Return the array in a .npy file. Unlike `np.load`, nothing else is read: no zip file and no pickle.

    Raises:
        ValueError: the file is not a whole .npy file of numbers.
    """
    try:
        return np.lib.format.read_array(file, allow_pickle=False)
    except DAMAGED as error:
        raise ValueError(f"not a whole .npy file: {error}") from error


def map_npy(path: Path | str) -> npt.NDArray[Any]:
    """Return the array in a .npy file as a read-only memory map.

    Raises:
        ValueError: the file is not a whole .npy file of numbers.
    """
    try:
        return cast("npt.NDArray[Any]", np.lib.format.open_memmap(path, mode="r"))
    except DAMAGED as error:
        raise ValueError(f"not a whole .npy file: {error}") from error
