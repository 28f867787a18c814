"""Numbers that describe images and labels: pixel moments, balance, order.

Belongs here: statistics of one value. Statistics between splits are in `overlap`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.images import LETTERS, PIXEL_DEPTH, Images

_CHUNK = 4096


class PixelMoments(NamedTuple):
    """Mean and standard deviation of (pixel - 127.5) / 255 over all pixels."""

    mean: float
    deviation: float


def pixel_moments(images: Images) -> PixelMoments:
    """Return the moments of all pixels of `images`, exact up to float64 rounding, from a histogram.

    Raises:
        ValueError: there are no images.
    """
    if not len(images):
        raise ValueError("no images")
    histogram = np.zeros(PIXEL_DEPTH + 1, np.int64)
    for start in range(0, len(images), _CHUNK):
        histogram += np.bincount(images[start : start + _CHUNK].reshape(-1), minlength=PIXEL_DEPTH + 1)
    values = (np.arange(PIXEL_DEPTH + 1) - PIXEL_DEPTH / 2) / PIXEL_DEPTH
    total = histogram.sum()
    mean = float(histogram @ values / total)
    return PixelMoments(mean, float(np.sqrt(histogram @ (values - mean) ** 2 / total)))


def label_counts(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return how many rows each of the ten letters has, int64 (10,)."""
    return np.bincount(labels, minlength=len(LETTERS)).astype(np.int64)


def shuffle_score(labels: npt.NDArray[np.int32]) -> float:
    """Return how far the labels are from shuffled, in standard errors.

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
