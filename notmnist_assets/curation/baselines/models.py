"""The models that can be baselines: scikit-learn estimators by name."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import PIXEL_DEPTH


@dataclass(frozen=True)
class Model:
    """A model that can be a baseline.

    Attributes:
        name: how settings and tables name it.
        create: returns a new scikit-learn classifier that takes pixels 0 to 255, uint8 (n, 784), and labels 0 to 9.
        purpose: what it is for, in one sentence.
    """

    name: str
    create: Callable[[], Any]
    purpose: str


# scikit-learn takes a second to import, which only fits should pay: factories import what they use.
def _logistic_regression() -> Any:
    from notmnist_assets.curation.baselines.logistic_regression import WhitenedLogisticRegression

    return WhitenedLogisticRegression(shift=PIXEL_DEPTH / 2, scale=PIXEL_DEPTH, n_jobs=os.cpu_count() or 1)


def _sklearn_logistic_regression() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    return make_pipeline(FunctionTransformer(_as_float64), LogisticRegression())


def _as_float64(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return (pixel - 127.5) / 255: in float32, the rounding of a processor decides where 100 steps end."""
    values = pixels.astype(np.float64)
    values -= PIXEL_DEPTH / 2
    values /= PIXEL_DEPTH
    return values


DEFAULT_MODEL: Final = "logistic_regression"
SKLEARN_MODEL: Final = "sklearn_logistic_regression"
MODELS: Final[Mapping[str, Model]] = {
    model.name: model
    for model in (
        Model(DEFAULT_MODEL, _logistic_regression, "scikit-learn's LogisticRegression(), fitted to its optimum"),
        Model(
            SKLEARN_MODEL,
            _sklearn_logistic_regression,
            "LogisticRegression() of scikit-learn as it is, which stops after 100 steps",
        ),
    )
}
"""Every model by its name. To add one, add a line: its name, what creates it, what it is for."""
