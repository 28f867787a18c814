"""Computes what the models read: principal components of pixels and of gradients, their products, and the gradients."""

from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import PIXELS, SIDE, Images

COMPONENTS: Final = 40
CELL: Final = 4
CELLS: Final = SIDE // CELL
DIRECTIONS: Final = 8
_LEAST_VARIANCE: Final = 1e-4
"""Components with a smaller share of the largest variance are left out: they are a few pixels or rounding errors."""

Floats = npt.NDArray[np.float64]


def gradients(images: Images) -> Floats:
    """Return the square roots of the gradients in eight directions, each summed over 49 cells of 4x4 pixels.

    These are histograms of oriented gradients (N. Dalal and B. Triggs, CVPR 2005) without normalization: the part of
    the gradient along each direction replaces binning by angle. All sums are exact integers.

    Args:
        images: uint8 (n, 28, 28).

    Returns:
        float64 (n, 392).
    """
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1))).astype(np.int16)
    right = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    parts = []
    for along in (right, down, right + down, right - down):
        signed, absolute = _cell_sums(along), _cell_sums(np.abs(along))
        parts += [absolute + signed, absolute - signed]
    stacked = np.stack(parts, axis=1).reshape(len(images), DIRECTIONS * CELLS * CELLS)
    return np.sqrt(stacked, dtype=np.float64)


def _cell_sums(values: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Return the sums of cells of 4x4 pixels: int16 (n, 7, 7); 16 gradients of at most 510 fit twice."""
    rows = values[:, 0::CELL] + values[:, 1::CELL] + values[:, 2::CELL] + values[:, 3::CELL]
    sums: npt.NDArray[np.int16] = rows[:, :, 0::CELL] + rows[:, :, 1::CELL] + rows[:, :, 2::CELL] + rows[:, :, 3::CELL]
    return sums


class Whitening:
    """A projection on the leading principal components of a sample, each scaled to variance 1."""

    def __init__(self, sample: Floats) -> None:
        """Compute at most 40 components of a sample, float64 (n, features)."""
        self._mean = sample.sum(axis=0) / max(len(sample), 1)
        centred = sample - self._mean
        variances, directions = np.linalg.eigh(centred.T @ centred / max(len(sample), 1))
        variances, directions = variances[::-1][:COMPONENTS], directions[:, ::-1][:, :COMPONENTS]
        kept = variances > _LEAST_VARIANCE * max(variances[0], np.finfo(np.float64).tiny)
        self._directions = directions[:, kept] / np.sqrt(variances[kept])

    @property
    def components(self) -> int:
        """The number of components."""
        return int(self._directions.shape[1])

    def project(self, values: Floats) -> Floats:
        """Return the components of values, float64 (n, components)."""
        projected: Floats = (values - self._mean) @ self._directions
        return projected


class Features:
    """The features of images, with components that a sample of unlabelled images determines."""

    def __init__(self, sample: Images) -> None:
        """Compute the components of a sample, uint8 (n, 28, 28), n > 0."""
        self._of_pixels = Whitening(_pixels(sample))
        self._of_gradients = Whitening(gradients(sample))

    @property
    def components(self) -> int:
        """The number of components of pixels and of gradients together."""
        return self._of_pixels.components + self._of_gradients.components

    def project(self, images: Images) -> Floats:
        """Return the components of pixels and of gradients, each of mean square 1 on the sample: float64 (n, m)."""
        return np.concatenate(
            [self._of_pixels.project(_pixels(images)), self._of_gradients.project(gradients(images))], axis=1
        )

    def expand(self, images: Images) -> tuple[Floats, Floats]:
        """Return the features of images, float64 (n, features), and their components as `project` does.

        The features are the components of pixels, all squares and products of these and of the components of gradients,
        and the gradients: 2,072 in all if there are 40 components each.
        """
        of_gradients = gradients(images)
        first, second = self._of_pixels.project(_pixels(images)), self._of_gradients.project(of_gradients)
        features = np.concatenate([first, _products(first), _products(second), of_gradients], axis=1)
        return features, np.concatenate([first, second], axis=1)


def _pixels(images: Images) -> Floats:
    return images.reshape(len(images), PIXELS).astype(np.float64)


def _products(values: Floats) -> Floats:
    """Return the squares and products of the columns: float64 (n, m (m + 1) / 2)."""
    first, second = np.triu_indices(values.shape[1])
    return values[:, first] * values[:, second]
