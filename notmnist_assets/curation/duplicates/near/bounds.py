"""Computes lower bounds of the L1 distance of two images: sign projections and sums over 4x4 cells.

For any signs s, |s·a - s·b| <= sum |a - b|, since each term of the left sum is at most its term of the right. So the
difference of two sign projections never exceeds the distance, and neither does the sum over cells of |sum of a's cell -
sum of b's cell|. Pairs with a bound beyond the radius are skipped without comparing pixels; a pair within the radius is
never skipped, whatever the signs. The signs affect only the number of remaining pairs: the signs of the leading
principal components spread the data widely.
"""

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import PIXELS, SIDE

CELL: Final = 4
CELLS_SIDE: Final = 7
SUMS: Final = CELLS_SIDE * CELLS_SIDE
# After changing one of the next two, change `kernels` too: Numba's cache detects only changes of its own file.
PADDED_SUMS: Final = 64
"""Cell sums are stored in rows of 128 bytes, padded with zeros: two whole cache lines, no loop remainder."""
PROJECTIONS: Final = 8
PROJECTION_STEP: Final = 8
"""Projections are stored in steps of 8 gray levels, so that -199,920 to 199,920 fits into int16."""

_SAMPLE: Final = 20_000
_CHUNK: Final = 16_384
_CELL_CHUNK: Final = 4_096

Pixels = npt.NDArray[np.uint8]
Signs = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Sketch:
    """Sign projections and cell sums of each image, compared before pixels.

    Attributes:
        projections: int16 (8, n), sign projections divided by 8, rounded down.
        sums: uint16 (n, 64), sums over 4x4 cells, padded with zeros.
    """

    projections: npt.NDArray[np.int16]
    sums: npt.NDArray[np.uint16]

    def take(self, order: npt.NDArray[np.intp]) -> "Sketch":
        """Return the sketch of the images `order`, in that order."""
        return Sketch(self.projections[:, order], self.sums[order])


def projection_tolerance(limit: int) -> int:
    """Return the largest difference of two stored projections of images at a distance up to `limit`.

    Rounding down to steps of 8 can add one step: floor(x / 8) - floor(y / 8) <= floor((x - y) / 8) + 1.
    """
    return limit // PROJECTION_STEP + 1


def cell_sums(images: Pixels, workers: Executor) -> npt.NDArray[np.uint16]:
    """Return the sums over 4x4 pixels of uint8 (n, 784) images as uint16 (n, 64), zeros from column 49 on."""
    sums = np.zeros((len(images), PADDED_SUMS), np.uint16)

    def fill(start: int) -> None:
        by_line = images[start : start + _CELL_CHUNK].reshape(-1, CELLS_SIDE, CELL, SIDE)
        lines = np.add(by_line[:, :, 0], by_line[:, :, 1], dtype=np.uint16)
        for line in range(2, CELL):
            lines += by_line[:, :, line]
        by_cell = lines.reshape(-1, SUMS, CELL)
        sums[start : start + _CELL_CHUNK, :SUMS] = sum(by_cell[:, :, column] for column in range(CELL))

    list(workers.map(fill, range(0, len(images), _CELL_CHUNK)))
    return sums


def choose_signs(sums: npt.NDArray[np.uint16]) -> Signs:
    """Return the signs of the leading principal components of cell sums as float32 (49, 8), each -1 or 1.

    All 16 pixels of a cell share a sign, so that projections are computed from 49 numbers instead of 784. Leading
    components are smooth, so the loss is small. The components are estimated from rows at a fixed stride.
    """
    sample = sums[:: max(1, len(sums) // _SAMPLE), :SUMS].astype(np.float64)
    centred = sample - sample.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    leading = vectors[:, ::-1][:, :PROJECTIONS]
    return np.where(leading >= 0, 1, -1).astype(np.float32)


def sketch(sums: npt.NDArray[np.uint16], signs: Signs, workers: Executor) -> Sketch:
    """Project cell sums on the signs.

    Float32 is exact here: every partial sum is an integer of at most 784 * 255 = 199,920 < 2**24.
    """
    projections = np.empty((PROJECTIONS, len(sums)), np.int16)

    def fill(start: int) -> None:
        exact = sums[start : start + _CHUNK, :SUMS].astype(np.float32) @ signs
        projections[:, start : start + _CHUNK] = np.floor(exact.T / PROJECTION_STEP)

    list(workers.map(fill, range(0, len(sums), _CHUNK)))
    return Sketch(projections, sums)


def as_pixels(images: npt.NDArray[np.uint8], what: str) -> Pixels:
    """Return images (n, 784) or (n, 28, 28) as uint8 (n, 784), without a copy where possible.

    The result is read-only: arrays and memory maps then have the same Numba type and share one compilation.

    Args:
        images: uint8 (n, 784) or (n, 28, 28).
        what: name of the argument, for the error message.

    Raises:
        ValueError: dtype or shape differ.
    """
    if images.dtype != np.uint8 or images.ndim < 2 or images.shape[1:] not in {(PIXELS,), (28, 28)}:
        raise ValueError(f"{what} must be uint8 (n, 784) or (n, 28, 28), not {images.dtype} {images.shape}")
    pixels = np.ascontiguousarray(images).reshape(len(images), PIXELS).view()
    pixels.flags.writeable = False
    return pixels
