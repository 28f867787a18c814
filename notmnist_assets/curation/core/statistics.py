"""Statistics of images and labels: pixel moments, border brightness, balance of labels, order of rows."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import LETTERS, PIXEL_DEPTH, Images

_CHUNK = 64  # rows whose uint16 copy stays in the cache and whose sums fit uint32


class PixelMoments(NamedTuple):
    """Mean and standard deviation of (pixel - 127.5) / 255 over all pixels."""

    mean: float
    deviation: float


def pixel_moments(images: Images) -> PixelMoments:
    """Return the moments of all pixels of `images`, from exact integer sums.

    Raises:
        ValueError: there are no images.
    """
    if not len(images):
        raise ValueError("no images")
    total, squares = 0, 0
    for start in range(0, len(images), _CHUNK):
        pixels = images[start : start + _CHUNK].astype(np.uint16)
        total += int(pixels.sum(dtype=np.uint32))
        pixels *= pixels  # at most 255**2, which fits uint16
        squares += int(pixels.sum(dtype=np.uint32))
    count = images.size
    mean = (total / count - PIXEL_DEPTH / 2) / PIXEL_DEPTH
    return PixelMoments(mean, math.sqrt(count * squares - total**2) / count / PIXEL_DEPTH)


def border_brightness(images: Images) -> float:
    """Return the mean of the 108 border pixels of all images as a share of 255, from 0.0 to 1.0; 0.0 for no images.

    White letters on black paper have dark borders: on the real archives 0.22 (A) to 0.47 (I), 0.35 over all letters.
    Black letters on white paper have the complement.

    Args:
        images: uint8 (n, 28, 28).
    """
    rows, columns = images[:, [0, -1], :], images[:, 1:-1, [0, -1]]
    count = rows.size + columns.size
    return (int(rows.sum(dtype=np.uint64)) + int(columns.sum(dtype=np.uint64))) / (max(count, 1) * PIXEL_DEPTH)


def label_counts(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return the number of rows of each label, int64 (10,), from labels 0 to 9, int32 (n,)."""
    return np.bincount(labels, minlength=len(LETTERS)).astype(np.int64)


class Balance(NamedTuple):
    """Rows of the most frequent label over those of the rarest, infinite if a label has none; and a description."""

    ratio: float
    description: str


def label_balance(counts: npt.NDArray[np.int64]) -> Balance:
    """Return the balance of labels from their counts, int64 (10,)."""
    absent = [letter for letter, count in zip(LETTERS, counts, strict=True) if not count]
    if absent:
        return Balance(math.inf, f"{', '.join(absent)} {'has' if len(absent) == 1 else 'have'} no rows")
    most, fewest = int(counts.argmax()), int(counts.argmin())
    if counts[most] == counts[fewest]:
        return Balance(1.0, f"1: {counts[most]:,} of each letter")
    ratio = float(counts[most] / counts[fewest])
    description = f"{ratio:.4g}: most {LETTERS[most]} {counts[most]:,}, fewest {LETTERS[fewest]} {counts[fewest]:,}"
    return Balance(ratio, description)


def shuffle_score(labels: npt.NDArray[np.int32]) -> float:
    """Return how far the order of labels, int32 (n,), is from shuffled, in standard errors.

    Compares the number of neighbouring rows with equal labels to its expectation under a random permutation
    (the multi-category join count along a line; exact mean, variance by the binomial approximation, which is
    close for ten balanced classes). Sorted labels score in the hundreds, shuffled ones within about 4.
    """
    n = len(labels)
    if n < 2:
        return 0.0
    counts = label_counts(labels).astype(float)
    chance = float((counts * (counts - 1)).sum() / (n * (n - 1)))
    if chance in (0.0, 1.0):
        return 0.0
    equal = int(np.count_nonzero(labels[1:] == labels[:-1]))
    return float((equal - (n - 1) * chance) / np.sqrt((n - 1) * chance * (1 - chance)))
