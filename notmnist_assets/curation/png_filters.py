"""The choice of a filter for each row of 28x28 8-bit gray PNG files, compiled.

Belongs here: filtering before compression. Undoing filters is in `png`, files are written in `png_writing`.

Format: PNG (W3C Recommendation, third edition), sections 9 (filters) and 12.7 (choosing them).
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from notmnist_assets.curation.images import SIDE, Images

# Filters in the order in which they are preferred; "average" is not tried.
_NONE, _SUB, _UP, _PAETH = range(4)
_TYPES: Final = np.array([0, 1, 2, 4], np.uint8)


@njit(cache=True, nogil=True)
def _filter_all(images: Any, rows: Any) -> None:
    residuals = np.empty((len(_TYPES), SIDE), np.uint8)
    above = np.empty(SIDE, np.int32)
    for image in range(len(images)):
        above[:] = 0
        for y in range(SIDE):
            a = np.int32(0)
            c = np.int32(0)
            for x in range(SIDE):
                pixel = np.int32(images[image, y, x])
                b = above[x]
                to_a = abs(b - c)
                to_b = abs(a - c)
                to_c = abs(a + b - 2 * c)
                nearest = a if to_a <= to_b and to_a <= to_c else (b if to_b <= to_c else c)
                residuals[_NONE, x] = pixel
                residuals[_SUB, x] = pixel - a
                residuals[_UP, x] = pixel - b
                residuals[_PAETH, x] = pixel - nearest
                a = pixel
                c = b
                above[x] = pixel
            best = 0
            least = np.int64(256 * SIDE)
            for candidate in range(len(_TYPES)):
                cost = np.int64(0)
                for x in range(SIDE):
                    value = np.int64(residuals[candidate, x])
                    cost += min(value, 256 - value)
                if cost < least:
                    best, least = candidate, cost
            rows[image, y, 0] = _TYPES[best]
            for x in range(SIDE):
                rows[image, y, 1 + x] = residuals[best, x]


def filter_rows(images: Images) -> npt.NDArray[np.uint8]:
    """Return the filtered rows of images (n, 28, 28): uint8 (n, 28, 29), each led by the type of its filter.

    Each row gets the filter (none, sub, up or Paeth) whose output, as signed bytes, has the smallest sum of absolute
    values; of equal sums the first. That is the heuristic of the specification.
    """
    rows = np.empty((len(images), SIDE, SIDE + 1), np.uint8)
    # A copy is contiguous and writable: one compiled version serves all calls.
    _filter_all(np.array(images, np.uint8, order="C"), rows)
    return rows
