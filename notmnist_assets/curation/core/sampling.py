"""Selects evenly spaced rows."""

import numpy as np
import numpy.typing as npt


def evenly_spaced(count: int, wanted: int) -> npt.NDArray[np.intp]:
    """Return up to `wanted` row numbers spread evenly over `count` rows, ascending, intp (min(count, wanted),)."""
    return np.linspace(0, count - 1, min(count, wanted)).round().astype(np.intp)
