"""Chooses a filter for each row of 28x28 8-bit gray PNG files.

Format: PNG (W3C Recommendation, third edition), sections 9 (filters) and 12.7 (choosing them).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import SIDE, Images

# None, sub, up and Paeth, in the order in which they are preferred; "average" is not tried.
_TYPES: Final = np.array([0, 1, 2, 4], np.uint8)
_AT_ONCE: Final = 256


def filter_rows(images: Images) -> npt.NDArray[np.uint8]:
    """Return the filtered rows of images (n, 28, 28): uint8 (n, 28, 29), each led by the type of its filter.

    Each row gets the filter (none, sub, up or Paeth) whose output, as signed bytes, has the smallest sum of absolute
    values; of equal sums the first. That is the heuristic of the specification.
    """
    rows = np.empty((len(images), SIDE, SIDE + 1), np.uint8)
    for start in range(0, len(images), _AT_ONCE):
        block = images[start : start + _AT_ONCE]
        padded = np.zeros((len(block), SIDE + 1, SIDE + 1), np.uint8)
        padded[:, 1:, 1:] = block
        left, above, corner = padded[:, 1:, :-1], padded[:, :-1, 1:], padded[:, :-1, :-1]
        filtered = np.stack([block, block - left, block - above, block - _paeth(left, above, corner)])
        costs = np.minimum(filtered, -filtered).sum(axis=3, dtype=np.uint16)
        best = costs.argmin(axis=0)
        rows[start : start + _AT_ONCE, :, 0] = _TYPES[best]
        rows[start : start + _AT_ONCE, :, 1:] = np.take_along_axis(filtered, best[None, :, :, None], axis=0)[0]
    return rows


def _paeth(left: Images, above: Images, corner: Images) -> Images:
    """Return the neighbor nearest to left + above - corner, of equally near ones the first (PNG, section 9.4)."""
    a, b, c = left.astype(np.int16), above.astype(np.int16), corner.astype(np.int16)
    to_a, to_b, to_c = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    nearest = np.where((to_a <= to_b) & (to_a <= to_c), left, np.where(to_b <= to_c, above, corner))
    return nearest.astype(np.uint8)
