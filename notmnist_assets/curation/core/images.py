"""The image format of all stages, 28x28 8-bit gray pixels: constants, scaling, copying, shifting and distances."""

import tempfile
from typing import Final

import numpy as np
import numpy.typing as npt

LETTERS: Final = "ABCDEFGHIJ"
SETS: Final = ("large", "small")
SIDE: Final = 28
PIXELS: Final = SIDE * SIDE
PIXEL_DEPTH: Final = 255
_ROWS_AT_A_TIME: Final = 1024
_MOST_IN_MEMORY: Final = 1 << 18
"""Images of an array in memory: 206 MB."""

Images = npt.NDArray[np.uint8]
"""uint8 of shape (n, 28, 28); 0 is background, 255 is ink."""


def as_float32(images: Images) -> npt.NDArray[np.float32]:
    """Scale pixels to the assignment's range: (pixel - 127.5) / 255 as float32, from -0.5 to 0.5."""
    # All 256 values have the same bits as when computed in float64 and rounded to float32 at the end.
    scaled = np.subtract(images, np.float32(PIXEL_DEPTH / 2), dtype=np.float32)
    scaled /= np.float32(PIXEL_DEPTH)
    return scaled


def new_images(count: int) -> Images:
    """Return an array for images, uint8 (count, 28, 28), with any pixels.

    A large one is mapped from a temporary file, which is deleted with the array, so that the process does not hold all
    pixels.
    """
    if count <= _MOST_IN_MEMORY:
        return np.empty((count, SIDE, SIDE), np.uint8)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.uint8, "w+", shape=(count, SIDE, SIDE))


def copy_rows(source: Images, rows: npt.NDArray[np.integer], target: Images, places: npt.NDArray[np.integer]) -> None:
    """Copy `source[rows]` to `target[places]`.

    Rows are copied in parts that fit the processor's cache. Copying all rows at once would first fill a temporary array
    of new memory pages, which takes longer than the copy.
    """
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        part = slice(start, start + _ROWS_AT_A_TIME)
        target[places[part]] = source[rows[part]]


def shift_pixels(images: Images, rows_down: int, columns_right: int) -> Images:
    """Return images shifted by whole pixels.

    Args:
        images: uint8 (n, side, side), of any side.
        rows_down: pixels to shift down, less than `side`; negative shifts up.
        columns_right: pixels to shift to the right, less than `side`; negative shifts to the left.

    Returns:
        uint8 (n, side, side). Pixels shifted out of the frame are dropped; new pixels are background 0.
    """
    result = np.zeros_like(images)
    to_y, from_y = _overlap(rows_down, images.shape[1])
    to_x, from_x = _overlap(columns_right, images.shape[2])
    result[:, to_y, to_x] = images[:, from_y, from_x]
    return result


def _overlap(move: int, side: int) -> tuple[slice, slice]:
    """Return the target and source slices of one axis."""
    return slice(max(move, 0), side + min(move, 0)), slice(max(-move, 0), side + min(-move, 0))


def distances(images: Images, others: Images) -> npt.NDArray[np.int64]:
    """Return the sum of absolute pixel differences of `images[i]` and `others[i]`, uint8 (n, 28, 28): int64 (n,)."""
    difference = np.maximum(images, others) - np.minimum(images, others)
    sums: npt.NDArray[np.int64] = difference.reshape(len(images), PIXELS).sum(axis=1, dtype=np.int64)
    return sums


def check_images(images: npt.NDArray[np.uint8], what: str) -> None:
    """Raise ValueError unless `images` is uint8 of shape (n, 28, 28)."""
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"{what} must be uint8 (n, 28, 28), not {images.dtype} {images.shape}")
