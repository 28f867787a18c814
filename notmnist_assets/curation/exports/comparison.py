"""Compares an array that was read back from an export with the exported array."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

_BLOCK_ROWS: Final = 4096


def array_problems(name: str, found: npt.NDArray[Any], expected: npt.NDArray[Any], first_row: int = 0) -> list[str]:
    """Compare two arrays bit by bit.

    Args:
        name: name of the array in the message.
        found: the array that was read, of any dtype and shape.
        expected: the array that was exported.
        first_row: row number of the first row, for the message.

    Returns:
        An empty list if the arrays are equal, otherwise one sentence with the dtypes and shapes or the first different
        row.
    """
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return [f"{name} is {found.dtype} {found.shape}, expected {expected.dtype} {expected.shape}"]
    for start in range(0, len(expected), _BLOCK_ROWS):
        differs = found[start : start + _BLOCK_ROWS] != expected[start : start + _BLOCK_ROWS]
        rows = np.flatnonzero(differs.reshape(len(differs), -1).any(axis=1))
        if len(rows):
            return [f"{name} differs first in row {first_row + start + int(rows[0])}"]
    return []
