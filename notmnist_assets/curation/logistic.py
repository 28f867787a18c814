"""Multinomial logistic regression on letter images, fitted until it has converged.

Belongs here: the penalized objective, the guess of its curvature, the fit and its predictions.
Sums over rows are in `softmax`, the descent in `lbfgs`, tables of accuracies in `baselines`.

The model is that of scikit-learn's `LogisticRegression()` with its defaults: over features x = (pixel - 127.5) / 255
it minimizes

    (sum of log losses + 0.5 * sum of squared weights) / rows,

intercepts free of penalty. The descent sees this very objective. Only its guess of the inverse Hessian is special:
one 785 x 785 matrix for each class k, sum of p_k (1 - p_k) [x, 1] [x, 1]^T plus the penalty's identity, which whitens
the features as class k sees them. Pixels of glyphs are so correlated that 100 plain steps end far from the optimum;
with this guess about ten suffice.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from notmnist_assets.curation.errors import CurationError
from notmnist_assets.curation.images import LETTERS, PIXELS, Images
from notmnist_assets.curation.lbfgs import Minimum, Point, minimize
from notmnist_assets.curation.softmax import BLOCK_ROWS, Floats, Labels, SoftmaxRows

TOLERANCE: Final = 2e-6
"""Largest gradient entry of the objective per row; scikit-learn's lbfgs stops at 1e-4 of the same quantity."""
STEP_LIMIT: Final = 200
PILOT_ROWS: Final = 20_000
"""Rows of the rough fit, at which the curvature is taken; for 190,000 rows, twice as many saved at most one step."""
PILOT_TOLERANCE: Final = 1e-3
FEW_ROWS: Final = 2_000
"""Up to so many rows a step costs less than what one matrix per class would save in steps."""
CURVATURE_ROWS: Final = 6_000
"""The most rows that speak for the curvature of one class."""
SHARED_PART: Final = 0.02
"""Part of the curvature at zero that is added for pixels which the thinned rows of a class miss."""


@dataclass(frozen=True, eq=False)
class InverseHessian:
    """A guess of the inverse Hessian: one matrix for all classes, or one for each.

    Attributes:
        factors: lower Cholesky factors of the guessed Hessian, float64 (785, 785) each.
    """

    factors: list[Point]

    @classmethod
    def of_grams(cls, grams: list[Point], rows: int, pool: ThreadPoolExecutor) -> "InverseHessian":
        """Return the guess by sums over `rows` rows of curvature * [x, 1] [x, 1]^T, float64 (785, 785) each."""
        from scipy.linalg import cholesky

        def factor(gram: Point) -> Point:
            hessian = gram / rows
            # The penalty. The intercept has none; here it gets the same, to stay clear of rounding.
            hessian[np.diag_indices(PIXELS + 1)] += 1 / rows
            return np.asarray(cholesky(hessian, lower=True, overwrite_a=True, check_finite=False))

        return cls(list(pool.map(factor, grams)))

    def apply(self, gradient: Point, pool: ThreadPoolExecutor) -> Point:
        """Return the guess times a gradient, float64 (classes, 785)."""
        from scipy.linalg import cho_solve

        def solve(lower: Point, right: Point) -> Point:
            return np.asarray(cho_solve((lower, True), right, check_finite=False))

        if len(self.factors) == 1:
            return np.ascontiguousarray(solve(self.factors[0], gradient.T).T)
        result = np.stack(list(pool.map(solve, self.factors, gradient)))
        # Adding the same to every class changes no probability, so the optimum's weights sum to 0 over classes;
        # different matrices would leave that plane, along a direction without curvature.
        return np.asarray(result - result.mean(axis=0))


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """A fitted model.

    Attributes:
        parameters: float64 (10, 785), the intercept last. A class without training rows has weights 0 and
            the intercept -inf, the limit of the fit: its probability is 0 and it is never predicted.
        objective: (sum of log losses + 0.5 * sum of squared weights) / rows.
        gradient_norm: largest absolute entry of the objective's gradient.
        rows: rows fitted.
        steps: descent steps over all rows.
        converged: whether `gradient_norm` is at most `TOLERANCE`.
        seconds: wall time of the fit.
        guess: of the inverse Hessian, for fits that start from this one; up to 49 MB.
    """

    parameters: Point
    objective: float
    gradient_norm: float
    rows: int
    steps: int
    converged: bool
    seconds: float
    guess: InverseHessian = field(repr=False)

    @property
    def classes(self) -> npt.NDArray[np.intp]:
        """The classes that had rows, ascending."""
        return np.flatnonzero(np.isfinite(self.parameters[:, PIXELS]))


def fit_logistic(
    images: Images,
    labels: Labels,
    *,
    step_limit: int = STEP_LIMIT,
    start: LogisticFit | None = None,
    workers: int = 2,
    block_rows: int = BLOCK_ROWS,
) -> LogisticFit:
    """Fit multinomial logistic regression.

    The fit starts from zero, or for more than `FEW_ROWS` rows from a rough fit of at most `PILOT_ROWS`, evenly spaced.
    A fit of nearly the same rows is a better start: the optimum is the same, the curvature known, the way shorter.
    It depends on nothing but its arguments, and not on `workers`. While it runs, BLAS has one thread in the whole
    process: two Python threads with one each are faster than one with two.

    Args:
        images: uint8 (n, 28, 28), a memory map too; never copied to float as a whole.
        labels: int32 (n,), 0 to 9.
        step_limit: the most steps over all rows.
        start: where to start; used if it was fitted to rows of the same classes.
        workers: threads.
        block_rows: rows that are summed in float32 at a time.

    Returns:
        The model, with `converged` as it is.

    Raises:
        CurationError: without any row.
    """
    # A limit on BLAS threads sees only what is loaded; and SciPy is not loaded before a fit, it takes half a second.
    import scipy.linalg  # noqa: F401

    began = time.perf_counter()
    if not len(images):
        raise CurationError("there are no rows to fit.", subject="training split", remedy="Ask for at least one row.")
    present = np.flatnonzero(np.bincount(labels, minlength=len(LETTERS)))
    codes = np.zeros(len(LETTERS), np.int32)
    codes[present] = np.arange(len(present))
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:

        def rows_of(chosen: slice | npt.NDArray[np.intp]) -> SoftmaxRows:
            return SoftmaxRows(
                images[chosen],
                codes[labels[chosen]],
                len(present),
                pool=pool,
                workers=workers,
                block_rows=block_rows,
            )

        everything = rows_of(slice(None))
        if start is not None and np.array_equal(start.classes, present):
            point, guess = start.parameters[present], start.guess
        else:
            sample = everything
            if len(images) > PILOT_ROWS:
                sample = rows_of(np.linspace(0, len(images) - 1, PILOT_ROWS).astype(np.intp))
            point, guess = _rough_start(everything, sample, step_limit, pool)
        minimum = _descend(everything, point, guess, TOLERANCE, step_limit, pool)
    parameters = np.zeros((len(LETTERS), PIXELS + 1))
    parameters[:, PIXELS] = -np.inf
    parameters[present] = minimum.point
    return LogisticFit(
        parameters,
        minimum.value,
        minimum.gradient_norm,
        len(images),
        minimum.steps,
        minimum.converged,
        time.perf_counter() - began,
        guess,
    )


def predict(
    fit: LogisticFit, images: Images, *, workers: int = 2, block_rows: int = BLOCK_ROWS
) -> npt.NDArray[np.int32]:
    """Return the most probable class of each image, int32 (n,); of equal scores the lower class."""
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        rows = SoftmaxRows(
            images,
            np.zeros(len(images), np.int32),
            len(fit.parameters),
            pool=pool,
            workers=workers,
            block_rows=block_rows,
        )
        predicted: npt.NDArray[np.int32] = rows.scores(fit.parameters).argmax(axis=1).astype(np.int32)
        return predicted


def penalized(rows: SoftmaxRows, parameters: Point) -> tuple[float, Point]:
    """Return the objective per row and its gradient, float64 (classes, 785)."""
    loss, gradient = rows.loss_and_gradient(parameters)
    weights = parameters[:, :PIXELS]
    gradient[:, :PIXELS] += weights
    return (loss + 0.5 * float(np.vdot(weights, weights))) / rows.rows, gradient / rows.rows


def _descend(
    rows: SoftmaxRows, start: Point, guess: InverseHessian, tolerance: float, step_limit: int, pool: ThreadPoolExecutor
) -> Minimum:
    return minimize(
        lambda parameters: penalized(rows, parameters),
        start,
        precondition=lambda gradient: guess.apply(gradient, pool),
        tolerance=tolerance,
        step_limit=step_limit,
    )


def _rough_start(
    everything: SoftmaxRows,
    sample: SoftmaxRows,
    step_limit: int,
    pool: ThreadPoolExecutor,
) -> tuple[Point, InverseHessian]:
    """Return where to start the descent over all rows, and the guess of the inverse Hessian for it."""
    zero = np.zeros((everything.classes, PIXELS + 1))
    even = np.full(sample.rows, (1 - 1 / everything.classes) / everything.classes, np.float32)
    (shared,) = sample.weighted_grams([(np.arange(sample.rows), even)])
    at_zero = InverseHessian.of_grams([shared], sample.rows, pool)
    if sample is everything and everything.rows <= FEW_ROWS:
        return zero, at_zero
    pilot = _descend(sample, zero, at_zero, PILOT_TOLERANCE, step_limit, pool)
    grams = sample.weighted_grams(
        [_systematic_sample(p * (1 - p), CURVATURE_ROWS) for p in sample.probabilities(pilot.point).T]
    )
    for gram in grams:
        gram += SHARED_PART * shared
        gram *= everything.rows / sample.rows
    return pilot.point, InverseHessian.of_grams(grams, everything.rows, pool)


def _systematic_sample(weights: Floats, most: int) -> tuple[npt.NDArray[np.intp], Floats]:
    """Thin rows out to at most `most` without changing their weighted sums on average.

    Rows of `least` = total / most or more stay with their weights. Of lighter rows one stays, with the weight
    `least`, each time their weights have added up to it.
    """
    least = float(weights.sum(dtype=np.float64)) / most
    if least == 0:
        return np.zeros(0, np.intp), np.zeros(0, np.float32)
    reached = np.floor(np.cumsum(np.minimum(weights / least, 1.0)))
    kept = np.flatnonzero(np.diff(reached, prepend=0.0))
    return kept, np.maximum(weights[kept], np.float32(least))
