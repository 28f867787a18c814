"""Fits a model and predicts images: a piece of work that any process can do."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_info, threadpool_limits

from notmnist_assets.curation.baselines.models import Model
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import PIXELS, Images
from notmnist_assets.curation.core.row_blocks import RowBlock, read_rows

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Fit:
    """What any process needs to fit a model and to predict images.

    Attributes:
        model: what is fitted.
        images: the rows to fit.
        labels: their labels, int32 (n,).
        scored: images to predict.
        threads: most threads of BLAS: with others, it would add in another order.
        keep: whether the fitted model is needed, too.
    """

    model: Model
    images: RowBlock | Images
    labels: Labels
    scored: Sequence[RowBlock | Images]
    threads: int | None
    keep: bool = False


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fit gives: predictions of the scored images, convergence, wall time of the fit, maybe the model."""

    predicted: Sequence[Labels]
    converged: bool
    seconds: float
    estimator: Any


def pixel_rows(images: Images) -> npt.NDArray[np.uint8]:
    """Return images as what the models take: uint8 (n, 784)."""
    return images.reshape(len(images), PIXELS)


def blas_threads() -> int | None:
    """Return the number of threads of BLAS in this process, None if it is not known."""
    return max((int(one["num_threads"]) for one in threadpool_info() if one["user_api"] == "blas"), default=None)


def fit_and_predict(piece: Fit) -> Fitted:
    """Fit a model and predict images.

    Raises:
        CurationError: the model refuses the rows.
    """
    images = read_rows(piece.images)
    with threadpool_limits(piece.threads, user_api="blas"):
        began = time.perf_counter()
        estimator, converged = fit(piece.model, images, piece.labels)
        seconds = time.perf_counter() - began
        predicted = [predict(estimator, read_rows(scored)) for scored in piece.scored]
    return Fitted(predicted, converged, seconds, estimator if piece.keep else None)


def fit(model: Model, images: Images, labels: Labels) -> tuple[Any, bool]:
    """Return a fitted model, and whether its fit converged.

    Raises:
        CurationError: the model refuses the rows.
    """
    from sklearn.exceptions import ConvergenceWarning

    estimator = model.create()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        try:
            estimator.fit(pixel_rows(images), labels)
        except ValueError as error:
            raise CurationError(
                f"cannot be fitted to {len(images)} rows: {error}",
                subject=f"model {model.name}",
                remedy="Choose other models, or archives with more images of more letters.",
            ) from error
    return estimator, not any(issubclass(one.category, ConvergenceWarning) for one in caught)


def predict(estimator: Any, images: Images) -> Labels:
    """Return the predicted label of each image, int32 (n,)."""
    if not len(images):
        return np.zeros(0, np.int32)
    return np.asarray(estimator.predict(pixel_rows(images)), np.int32)
