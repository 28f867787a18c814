"""Crops a glyph to its ink and stretches it to 28x28, as notMNIST does."""

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import SIDE, Images
from tools.render.randomness import Integers

CANVAS: Final = 56
"""Side of a canvas in pixels."""

Canvases = npt.NDArray[np.uint8]
"""uint8 of shape (n, CANVAS, CANVAS); 0 is background, 255 is ink."""

_INK: Final = 190
_UNIT: Final = 128


def fill_frame(canvases: Canvases, margins: Integers) -> Images:
    """Crop each canvas to its ink, widened by its margin in pixels, and stretch it to 28x28.

    The filter is the cubic one of Keys (1981) with a = -1/2, widened when it shrinks. Its weights are rounded
    to multiples of 1/128, so that every partial sum of the two products is an integer below 2**24: exact in
    float32 in any order of summation, on any processor. A canvas without ink is not cropped.

    Args:
        canvases: uint8 (n, CANVAS, CANVAS).
        margins: int64 (n,), at least 0.

    Returns:
        uint8 (n, 28, 28).
    """
    ink: npt.NDArray[np.bool_] = canvases > _INK
    table = _weights()
    down = table[_extent(np.asarray(ink.any(axis=2)), margins)]
    across = table[_extent(np.asarray(ink.any(axis=1)), margins)]
    exact = np.matmul(np.matmul(down, canvases.astype(np.float32)), across.transpose(0, 2, 1))
    levels = (exact.astype(np.int32) + _UNIT * _UNIT // 2) // (_UNIT * _UNIT)
    framed: Images = np.clip(levels, 0, 255).astype(np.uint8)
    return framed


def _extent(occupied: npt.NDArray[np.bool_], margins: Integers) -> Integers:
    """Return for each row of `occupied` (n, CANVAS) the index of its extent in the table of weights."""
    empty = ~occupied.any(axis=1)
    first = np.where(empty, 0, occupied.argmax(axis=1) - margins)
    last = np.where(empty, CANVAS - 1, CANVAS - 1 - occupied[:, ::-1].argmax(axis=1) + margins)
    return np.maximum(first, 0) * CANVAS + np.minimum(last, CANVAS - 1)


@cache
def _weights() -> npt.NDArray[np.float32]:
    """Return the weights (CANVAS * CANVAS, 28, CANVAS): row first * CANVAS + last stretches pixels first to last."""
    return np.concatenate([_weights_from(first) for first in range(CANVAS)]).astype(np.float32)


def _weights_from(first: int) -> Integers:
    # In units of 1 / (2 * SIDE) pixel all positions are integers, and so is the numerator of the cubic.
    length = np.maximum(np.arange(CANVAS) - first + 1, 1)[:, None, None]
    column = np.arange(CANVAS)
    centre = (2 * np.arange(SIDE) + 1)[:, None] * length
    position = (2 * (column - first) + 1) * SIDE
    support = np.maximum(2 * SIDE, 2 * length)
    distance = np.abs(position - centre)
    near = 3 * distance**3 - 5 * distance**2 * support + 2 * support**3
    far = -(distance**3) + 5 * distance**2 * support - 8 * distance * support**2 + 4 * support**3
    cubic = np.where(distance < support, near, np.where(distance < 2 * support, far, 0))
    cubic = np.where((column >= first) & (column < first + length), cubic, 0)
    total = cubic.sum(axis=2, keepdims=True)
    weights: Integers = (2 * cubic * _UNIT + total) // (2 * total)
    largest = weights.argmax(axis=2, keepdims=True)
    missing = _UNIT - weights.sum(axis=2, keepdims=True)
    np.put_along_axis(weights, largest, np.take_along_axis(weights, largest, 2) + missing, 2)
    return weights
