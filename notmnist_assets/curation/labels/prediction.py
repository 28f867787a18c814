"""Predicts every label by a model that was fitted on other fonts and on no duplicate of the image."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import LETTERS, SETS, SIDE, Images, copy_rows
from notmnist_assets.curation.core.progress import Advance, progress_bar
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.labels.discriminant import Discriminant, Sums, fit_discriminant
from notmnist_assets.curation.labels.features import Features
from notmnist_assets.curation.labels.folds import Folds
from notmnist_assets.curation.sanitizing.grouping import Pool

_SAMPLE: Final = 10_000
"""Images from which the principal components are computed, and rows from which the temperature is."""
_BLOCK_ROWS: Final = 2048
_THREADS: Final = 2
_DIGITS: Final = 3
"""Decimals of a score that count: kernels of BLAS agree to about ten."""
_LOG_TEMPERATURES: Final = (-3.0, 7.0)

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Predictions:
    """The prediction of each row.

    Attributes:
        probabilities: float64 (n, 10), probability of each label from the image alone. NaN for rows that no model
            predicts, because there are too few other fonts or none of their images has the label.
        temperature: the number that the scores were divided by.
    """

    probabilities: Floats
    temperature: float


def pool_images(pool: Pool, rows: npt.NDArray[np.integer]) -> Images:
    """Return the pixels of rows of the pool, uint8 (n, 28, 28)."""
    images = np.empty((len(rows), SIDE, SIDE), np.uint8)
    part = pool.set_of[rows] * len(LETTERS) + pool.label[rows]
    for number in np.unique(part):
        here = np.flatnonzero(part == number)
        letter = pool.letters[SETS[number // len(LETTERS)]][LETTERS[number % len(LETTERS)]]
        copy_rows(letter.images, pool.row[rows[here]], images, here)
    return images


def pool_features(pool: Pool) -> Features:
    """Return the features whose components are those of evenly spaced images of the pool; labels play no part."""
    return Features(pool_images(pool, evenly_spaced(len(pool.label), _SAMPLE)))


def predict_labels(pool: Pool, folds: Folds, features: Features) -> Predictions:
    """Predict the label of each image of the pool.

    The model of a fold is a linear discriminant analysis of the features. Its scores are divided by the mean of 1 and
    the mean square of the components, as if classes had t distributions, since the score of a picture unlike all others
    is larger than its evidence. They are then divided by the temperature at which the log loss is least, and rounded.
    """
    with (
        progress_bar("judge labels", int(folds.fitted.sum()) + len(pool.label), "rows") as advance,
        ThreadPoolExecutor(_THREADS) as threads,
    ):
        fitted = [np.flatnonzero(folds.fitted & (folds.fold == fold)) for fold in range(folds.count)]
        sums = list(threads.map(lambda rows: _sums(pool, features, rows, advance), fitted))
        models = list(threads.map(lambda fold: fit_discriminant(_others(sums, fold)), range(folds.count)))

        def scores_of(rows: Rows) -> Floats:
            advance(len(rows))
            return _scores(pool, folds, features, models, rows)

        blocks = list(threads.map(scores_of, _blocks(np.arange(len(pool.label)))))
    scores = np.concatenate([np.empty((0, len(LETTERS))), *blocks])
    temperature = _temperature(scores, pool.label)
    return Predictions(_probabilities(np.round(scores / temperature, _DIGITS)), temperature)


def _blocks(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), _BLOCK_ROWS):
        yield rows[start : start + _BLOCK_ROWS]


def _sums(pool: Pool, features: Features, rows: Rows, advance: Advance) -> Sums | None:
    total: Sums | None = None
    for block in _blocks(rows):
        expanded, _ = features.expand(pool_images(pool, block))
        sums = Sums.of(expanded, pool.label[block])
        total = sums if total is None else total + sums
        advance(len(block))
    return total


def _others(sums: list[Sums | None], fold: int) -> Sums | None:
    """Return the sums over all folds but one, in the order of the folds."""
    others = [one for number, one in enumerate(sums) if number != fold and one is not None]
    return reduce(add, others) if others else None


def _scores(pool: Pool, folds: Folds, features: Features, models: list[Discriminant | None], rows: Rows) -> Floats:
    """Return the scores of rows, float64 (n, 10): -inf for labels that the model of the row does not know."""
    scores = np.full((len(rows), len(LETTERS)), np.nan)
    expanded, components = features.expand(pool_images(pool, rows))
    spread = (1 + (components**2).mean(axis=1)) / 2
    for fold, model in enumerate(models):
        if model is None:
            continue
        here = np.flatnonzero((folds.fold[rows] == fold) & np.isin(pool.label[rows], model.labels))
        known = model.scores(expanded[here])
        scores[here] = -np.inf
        scores[here[:, None], model.labels] = (known - known.max(axis=1, keepdims=True)) / spread[here, None]
    return scores


def _temperature(scores: Floats, labels: Labels) -> float:
    """Return the temperature at which the mean log loss of a sample of rows is least, rounded to two decimals."""
    # Imported here because importing SciPy takes half a second.
    from scipy.optimize import minimize_scalar

    predicted = np.flatnonzero(~np.isnan(scores[:, 0]))
    if not len(predicted):
        return 1.0
    sample = predicted[evenly_spaced(len(predicted), _SAMPLE)]
    places = np.arange(len(sample)), labels[sample]

    def loss(log_temperature: float) -> float:
        scaled = scores[sample] / np.exp(log_temperature)
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[places]))

    found = minimize_scalar(loss, bounds=_LOG_TEMPERATURES, method="bounded")
    return max(round(float(np.exp(found.x)), 2), 0.01)


def _probabilities(scores: Floats) -> Floats:
    """Return the softmax of scores whose largest is 0."""
    exponentials = np.exp(scores)
    result: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
    return result
