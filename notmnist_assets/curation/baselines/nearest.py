"""Predicts the label of the nearest training image, with and without some of the training images."""

from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import PIXELS, Images
from notmnist_assets.curation.core.row_blocks import RowBlock, read_rows

Labels = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

NEAREST_NEIGHBOUR: Final = "nearest_neighbour"
"""Name of this classifier in tables."""
_STEP: Final = 4
"""Gray levels per step: with 64 steps, all sums below are whole numbers under 2**24, exact in float32 in any order."""
_BLOCK_ROWS: Final = 4096
"""Training rows that are compared at a time."""


def nearest_labels(
    queries: Images, train: RowBlock | Images, labels: Labels, left_out: npt.NDArray[np.bool_]
) -> tuple[Labels, Labels]:
    """Return the label of the nearest training image of each query, among all and among those not left out.

    Images are compared by the Euclidean distance of their pixels in 64 gray levels; of equally near images the first
    one counts.

    Args:
        queries: uint8 (n, 28, 28).
        train: uint8 (m, 28, 28), at least one of them not left out.
        labels: int32 (m,).
        left_out: bool (m,), training images that the second answer ignores.

    Returns:
        int32 (n,) and int32 (n,).
    """
    wanted, images = _pixels(queries), read_rows(train)
    distance, nearest = _nearest(wanted, images, np.flatnonzero(~left_out))
    distance_out, nearest_out = _nearest(wanted, images, np.flatnonzero(left_out))
    better = (distance_out < distance) | ((distance_out == distance) & (nearest_out < nearest))
    return labels[np.where(better, nearest_out, nearest)], labels[nearest]


def _pixels(images: Images) -> Floats:
    return (images.reshape(len(images), PIXELS) // _STEP).astype(np.float32)


def _nearest(queries: Floats, train: Images, rows: npt.NDArray[np.intp]) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Return for each query the nearest of `rows`, and its squared distance without the part of the query."""
    distance = np.full(len(queries), np.inf, np.float32)
    nearest = np.full(len(queries), len(train), np.intp)
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = rows[start : start + _BLOCK_ROWS]
        pixels = _pixels(train[block])
        found = queries @ (-2 * pixels.T) + np.einsum("ij,ij->i", pixels, pixels)
        best = found.argmin(axis=1)
        closest = found[np.arange(len(queries)), best]
        closer = closest < distance
        distance[closer], nearest[closer] = closest[closer], block[best[closer]]
    return distance, nearest
