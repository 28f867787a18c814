"""Predicts every label by a model that was fitted on other fonts and on no duplicate of the image."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from notmnist_assets.curation.core.images import LETTERS, SETS, SIDE, Images, copy_rows
from notmnist_assets.curation.core.prefetch import Result, WorkMap, prefetch_map
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.curation.core.row_blocks import RowBlock, read_rows, share_blocks
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.labels.discriminant import Discriminant, Sums, fit_discriminant
from notmnist_assets.curation.labels.features import Features
from notmnist_assets.curation.labels.folds import Folds
from notmnist_assets.curation.sanitizing.grouping import Pool

_SAMPLE: Final = 10_000
"""Images from which the principal components are computed, and rows from which the temperature is."""
_BLOCK_ROWS: Final = 2048
_PIECE_ROWS: Final = 4 * _BLOCK_ROWS
"""Rows of a piece of work, which also has the models, 1.2 MB: whole blocks, so that results do not depend on it."""
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


class _Piece(NamedTuple):
    """Images with their labels and folds."""

    images: RowBlock | Images
    label: Labels
    fold: npt.NDArray[np.int64]


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


def predict_labels(pool: Pool, folds: Folds, features: Features, work_map: WorkMap | None = None) -> Predictions:
    """Predict the label of each image of the pool.

    The model of a fold is a linear discriminant analysis of the features. Its scores are divided by the mean of 1 and
    the mean square of the components, as if classes had t distributions, since the score of a picture unlike all others
    is larger than its evidence. They are then divided by the temperature at which the log loss is least, and rounded.

    Args:
        pool: all images.
        folds: their folds.
        features: what `pool_features` returns.
        work_map: computes the sums of each fold and the scores of blocks of rows; threads of this process by default.
    """
    run = prefetch_map if work_map is None else work_map.run
    fitted = [np.flatnonzero(folds.fitted & (folds.fold == fold)) for fold in range(folds.count)]
    every = list(_blocks(len(pool.label), _PIECE_ROWS))
    with (
        threadpool_limits(1, user_api="blas"),
        progress_bar("judge labels", sum(map(len, (*fitted, *every))), "rows") as advance,
    ):

        def results(function: Callable[[_Piece], Result], parts: Sequence[Rows]) -> Iterator[Result]:
            shared = zip(share_blocks((pool_images(pool, rows) for rows in parts), work_map), parts, strict=True)
            pieces = (_Piece(images, pool.label[rows], folds.fold[rows]) for images, rows in shared)
            with closing(run(function, pieces)) as found:
                for result, rows in zip(found, parts, strict=True):
                    advance(len(rows))
                    yield result

        sums = list(results(partial(_sums, features), fitted))
        models = list(prefetch_map(partial(_model, sums), range(folds.count)))
        blocks = list(results(partial(_scores, features, models), every))
    scores = np.concatenate([np.empty((0, len(LETTERS))), *blocks])
    temperature = _temperature(scores, pool.label)
    return Predictions(_probabilities(np.round(scores / temperature, _DIGITS)), temperature)


def _blocks(count: int, size: int) -> Iterator[Rows]:
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))


def _expanded(features: Features, piece: _Piece) -> Iterator[tuple[Floats, Floats, Rows]]:
    """Yield features and components of a piece's rows block by block, with the rows, as pieces in any process need."""
    images = read_rows(piece.images)
    # With more threads, BLAS would add in another order.
    with threadpool_limits(1, user_api="blas"):
        for rows in _blocks(len(images), _BLOCK_ROWS):
            yield *features.expand(images[rows]), rows


def _sums(features: Features, piece: _Piece) -> Sums | None:
    """Return the sums of a fold; None without rows."""
    return _total(Sums.of(expanded, piece.label[rows]) for expanded, _, rows in _expanded(features, piece))


def _model(sums: list[Sums | None], fold: int) -> Discriminant | None:
    """Return the model of the sums of all folds but one."""
    return fit_discriminant(_total(sums[:fold] + sums[fold + 1 :]))


def _total(sums: Iterable[Sums | None]) -> Sums | None:
    """Return the total of sums in their order; None if there are none."""
    total: Sums | None = None
    for one in sums:
        if one is not None:
            total = one if total is None else total + one
    return total


def _scores(features: Features, models: list[Discriminant | None], piece: _Piece) -> Floats:
    """Return the scores of rows, float64 (n, 10): -inf for labels that the model of the row does not know."""
    scores = np.full((len(piece.label), len(LETTERS)), np.nan)
    for expanded, components, rows in _expanded(features, piece):
        spread = (1 + (components**2).mean(axis=1)) / 2
        for fold, model in enumerate(models):
            if model is None:
                continue
            here = np.flatnonzero((piece.fold[rows] == fold) & np.isin(piece.label[rows], model.labels))
            known = model.scores(expanded[here])
            scores[rows[here]] = -np.inf
            scores[rows[here][:, None], model.labels] = (known - known.max(axis=1, keepdims=True)) / spread[here, None]
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
