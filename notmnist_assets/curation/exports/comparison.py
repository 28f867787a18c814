"""What differs between an array that was read back from an export and the one it should hold, in words.

Belongs here: the comparison that all formats share. How a file is read is in the module of its format.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_BLOCK_ROWS: Final = 4096


def array_problems(
    name: str,
    found: npt.NDArray[Any],
    expected: npt.NDArray[Any],
    convert: Callable[[npt.NDArray[Any]], npt.NDArray[Any]] = np.asarray,
) -> list[str]:
    """Compare two arrays bit by bit; return at most one sentence.

    Args:
        name: what the sentence calls the array.
        found: what was read, of any type and shape.
        expected: what it should be, before conversion.
        convert: makes some rows of `expected` what should have been read, of the same shape.
    """
    dtype = convert(expected[:0]).dtype
    if found.dtype != dtype or found.shape != expected.shape:
        return [f"{name} is {found.dtype} {found.shape}, expected {dtype} {expected.shape}"]
    for start in range(0, len(expected), _BLOCK_ROWS):
        differs = found[start : start + _BLOCK_ROWS] != convert(expected[start : start + _BLOCK_ROWS])
        rows = np.flatnonzero(differs.reshape(len(differs), -1).any(axis=1))
        if len(rows):
            return [f"{name} differs in row {start + int(rows[0])}, the first to do so"]
    return []
