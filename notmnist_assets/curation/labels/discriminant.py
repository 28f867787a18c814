"""Linear discriminant analysis from sums over rows, so that the models of all folds come from one pass."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import LETTERS

SHRINKAGE: Final = 0.03
_LEAST_VARIANCE: Final = 1e-9

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over the rows of a part of the data.

    Attributes:
        products: float64 (features, features), sum of the products of two features.
        by_label: float64 (10, features), sum of each feature by label.
        rows: float64 (10,), number of rows by label.
    """

    products: Floats
    by_label: Floats
    rows: Floats

    @classmethod
    def of(cls, features: Floats, labels: npt.NDArray[np.int32]) -> "Sums":
        """Return the sums of features, float64 (n, features), of rows with labels, int32 (n,)."""
        members = (labels == np.arange(len(LETTERS))[:, None]).astype(np.float64)
        return cls(features.T @ features, members @ features, members.sum(axis=1))

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.products + other.products, self.by_label + other.by_label, self.rows + other.rows)


@dataclass(frozen=True, eq=False)
class Discriminant:
    """A fitted model.

    Attributes:
        labels: int64 (k,), the labels that it knows, ascending.
        weights: float64 (features, k).
        offsets: float64 (k,).
    """

    labels: npt.NDArray[np.int64]
    weights: Floats
    offsets: Floats

    def scores(self, features: Floats) -> Floats:
        """Return the logarithm of the probability of each known label, up to a constant per row: float64 (n, k)."""
        return features @ self.weights + self.offsets


def fit_discriminant(sums: Sums | None, shrinkage: float = SHRINKAGE) -> Discriminant | None:
    """Fit the model, None without rows or if these have fewer than two labels.

    It is that of scikit-learn's `LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)` on standardized
    features.
    """
    # Imported here because importing SciPy takes half a second.
    from scipy.linalg import solve

    if sums is None or np.count_nonzero(sums.rows) < 2:
        return None
    labels = np.flatnonzero(sums.rows)
    count = sums.rows.sum()
    mean = sums.by_label.sum(axis=0) / count
    variance = sums.products.diagonal() / count - mean**2
    used = variance > _LEAST_VARIANCE * max(float(variance.max(initial=0)), _LEAST_VARIANCE)
    scale = np.where(used, 1 / np.sqrt(np.where(used, variance, 1)), 0)
    means = sums.by_label[labels] / sums.rows[labels, None]
    within = (sums.products - (means.T * sums.rows[labels]) @ means) / count * np.outer(scale, scale)
    within = (1 - shrinkage) * within + shrinkage * (within.trace() / len(within)) * np.eye(len(within))
    centred = (means - mean) * scale
    weights = solve(within, centred.T, assume_a="pos") * scale[:, None]
    offsets = np.log(sums.rows[labels] / count) - 0.5 * ((means - mean).T * weights).sum(axis=0) - mean @ weights
    return Discriminant(labels, weights, offsets)
