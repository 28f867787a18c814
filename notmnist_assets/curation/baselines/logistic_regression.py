"""Logistic regression with scikit-learn's objective, fitted in whitened coordinates until it has converged."""

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal, Self, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Dtype = type[np.float32] | type[np.float64]
Result = TypeVar("Result")

BLOCK_ROWS: Final = 1024
"""Rows converted and summed at a time; fixed, so that sums do not depend on the number of threads."""
FEW_ROWS: Final = 5_000
"""Up to so many rows, one whitening for all classes is enough."""
PILOT_ROWS: Final = 20_000
"""Rows of the rough fit at which the curvature of each class is taken."""
PILOT_TOLERANCE: Final = 1e-3
FLOAT32_TOLERANCE: Final = 1e-4
"""Largest gradient entry down to which sums in float32 are exact enough."""
LEAST_CURVATURE: Final = 1e-2
"""Rows with a smaller p (1 - p) are left out of the curvature of a class."""
SHARED_PART: Final = 0.02
"""Part of the curvature at zero that is added to that of each class, for the rows that were left out."""
_DTYPES: Final = (np.float64, np.float32, np.uint8)
"""What rows are kept as; anything else becomes the first."""


class WhitenedLogisticRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression with the objective of scikit-learn's `LogisticRegression()`.

    It minimizes (sum of log losses + sum of squared weights / (2 C)) / rows, the intercepts free of penalty, with the
    softmax for three classes or more and the logistic function for two. SciPy's L-BFGS-B works on v, where the
    parameters of a class are the transposed inverse of the Cholesky factor of its estimated curvature times v: pixels
    of letters are so correlated that 100 plain steps end far from the optimum. The estimate is the curvature at zero;
    for more than `FEW_ROWS` rows, that of each class at a rough fit of at most `PILOT_ROWS` evenly spaced rows. Only
    the number of steps depends on it. The last steps are in float64. Rows that are fewer than half of the features are
    fitted in an orthonormal basis of the rows, in which a step is cheaper.

    Rows stay in the type they are given in, such as uint8, and are converted in blocks. During a fit BLAS has one
    thread in the whole process: two Python threads with one each are faster than one with two.

    Args:
        C: inverse strength of the penalty.
        tol: largest gradient entry in whitened coordinates at the optimum.
        max_iter: the most steps over all rows.
        shift: features are (X - shift) / scale.
        scale: see `shift`.
        n_jobs: threads; results do not depend on them.

    Attributes:
        classes_: the labels, ascending.
        coef_: float64 (classes, features), (1, features) for two classes.
        intercept_: float64 (classes,), (1,) for two classes.
        n_iter_: steps over all rows.
        objective_: the minimum.
    """

    def __init__(
        self,
        C: float = 1.0,  # noqa: N803
        *,
        tol: float = 1e-8,
        max_iter: int = 500,
        shift: float = 0.0,
        scale: float = 1.0,
        n_jobs: int = 1,
    ) -> None:
        self.C = C
        self.tol = tol
        self.max_iter = max_iter
        self.shift = shift
        self.scale = scale
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Fit the model to X, numbers (n, features), and labels (n,).

        Warns:
            ConvergenceWarning: the gradient is above `tol` after the last step.
        """
        X, y = validate_data(self, X, y, dtype=_DTYPES)  # noqa: N806
        check_classification_targets(y)
        if 2 * len(X) < X.shape[1]:
            return self._fit_in_span(X, y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        start = np.zeros((_free_classes(len(self.classes_)), X.shape[1] + 1))
        few = len(X) <= FEW_ROWS
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(self.n_jobs) as pool:
            rows = self._rows(X, pool, codes)
            if few:
                whitening = _Whitening([rows.curvature_at_zero()], rows.penalty)
            else:
                chosen = np.linspace(0, len(X) - 1, min(len(X), PILOT_ROWS)).astype(np.intp)
                pilot = self._rows(X[chosen], pool, codes[chosen])
                at_zero = pilot.curvature_at_zero()
                start, _ = self._descend(pilot, start, _Whitening([at_zero], pilot.penalty), PILOT_TOLERANCE)
                by_class = [one + SHARED_PART * at_zero for one in pilot.curvature_by_class(start)]
                whitening = _Whitening(by_class, rows.penalty)
            point, found = self._descend(rows, start, whitening, self.tol, float32_first=not few)
            steps = int(found.nit)
            if np.abs(found.jac).max() > self.tol and steps < self.max_iter:
                # The two precisions disagree by more than a step changes: L-BFGS-B starts anew in float64.
                point, found = self._descend(rows, point, whitening, self.tol, float32_first=False)
                steps += int(found.nit)
        if (largest := float(np.abs(found.jac).max())) > self.tol:
            warnings.warn(
                f"The largest gradient entry is {largest:.1e} after {steps} steps, above tol={self.tol:g}.",
                ConvergenceWarning,
                stacklevel=2,
            )
        self.n_iter_, self.objective_ = max(steps, 1), float(found.fun)
        self.coef_, self.intercept_ = np.ascontiguousarray(point[:, :-1]), point[:, -1].copy()
        return self

    def _fit_in_span(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Fit weights that are sums of multiples of rows, as the optimum is, in as many coordinates as rows."""
        with threadpool_limits(1, user_api="blas"):
            basis, triangle = np.linalg.qr(((np.asarray(X, np.float64) - self.shift) / self.scale).T)
            inner = clone(self).set_params(shift=0.0, scale=1.0).fit(np.ascontiguousarray(triangle.T), y)
            self.coef_ = np.ascontiguousarray(inner.coef_ @ basis.T)
        self.classes_, self.intercept_ = inner.classes_, inner.intercept_
        self.n_iter_, self.objective_ = inner.n_iter_, inner.objective_
        return self

    def decision_function(self, X: Any) -> Floats:  # noqa: N803
        """Return the score of each class, float64 (n, classes); of the second class, float64 (n,), for two."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=_DTYPES, reset=False)  # noqa: N806
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(self.n_jobs) as pool:
            scores = self._rows(X, pool).scores(np.column_stack([self.coef_, self.intercept_]))
        return scores.ravel() if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """Return the most probable label of each row, the lower one of equal probabilities."""
        scores = self.decision_function(X)
        best = scores > 0 if scores.ndim == 1 else scores.argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[best.astype(np.intp)]
        return labels

    def predict_proba(self, X: Any) -> Floats:  # noqa: N803
        """Return the probability of each class, float64 (n, classes)."""
        scores = self.decision_function(X)
        if scores.ndim == 1:
            scores = np.column_stack([np.zeros(len(scores)), scores])
        return np.asarray(softmax(scores, axis=1))

    def _rows(self, X: Any, pool: ThreadPoolExecutor, codes: Codes | None = None) -> "_Rows":  # noqa: N803
        return _Rows(self, X, pool, np.zeros(len(X), np.intp) if codes is None else codes)

    def _descend(
        self, rows: "_Rows", start: Floats, whitening: "_Whitening", tolerance: float, *, float32_first: bool = True
    ) -> tuple[Floats, Any]:
        """Return the last point, and SciPy's result in whitened coordinates, whose origin is `start`."""
        dtype: Dtype = np.float32 if float32_first else np.float64

        def whitened(v: Floats) -> tuple[float, Floats]:
            nonlocal dtype
            value, gradient = rows.objective(start + whitening.parameters(v.reshape(start.shape)), dtype)
            gradient = whitening.gradient(gradient).ravel()
            if np.abs(gradient).max() < FLOAT32_TOLERANCE:
                dtype = np.float64
            return value, gradient

        options: Any = {"maxiter": self.max_iter, "maxfun": 20 * self.max_iter, "gtol": tolerance, "ftol": 0.0}
        found = minimize(whitened, np.zeros(start.size), jac=True, method="L-BFGS-B", options=options)
        return start + whitening.parameters(found.x.reshape(start.shape)), found


def _free_classes(classes: int) -> int:
    """Return how many classes have parameters: of two classes, the first has the score 0."""
    return 1 if classes == 2 else classes


class _Whitening:
    """A change of coordinates, in which the curvature of one class is near the identity."""

    def __init__(self, curvatures: Sequence[Floats], penalty: float) -> None:
        """Take the curvature of all classes or of each, without the penalty: float64 (features + 1, features + 1)."""

        def factor(curvature: Floats) -> Floats:
            # The intercept has no penalty; here it gets the same. A trace of the diagonal covers rounding.
            ridge = penalty + 1e-10 * float(curvature.diagonal().mean())
            return np.asarray(cholesky(curvature + ridge * np.eye(len(curvature)), lower=True))

        self._factors = [factor(curvature) for curvature in curvatures]

    def parameters(self, v: Floats) -> Floats:
        """Return the parameters at v, both float64 (classes, features + 1)."""
        return _centred(self._solve(v, "T"))

    def gradient(self, gradient: Floats) -> Floats:
        """Return the gradient with respect to v, from that with respect to the parameters."""
        return self._solve(_centred(gradient), "N")

    def _solve(self, right: Floats, transposed: Literal["N", "T"]) -> Floats:
        parts = np.split(right, len(self._factors))
        solved = [
            solve_triangular(lower, part.T, transposed, lower=True, check_finite=False)
            for lower, part in zip(self._factors, parts, strict=True)
        ]
        return np.concatenate(solved, axis=1).T


def _centred(parameters: Floats) -> Floats:
    """Return parameters without their mean over classes, which changes no probability and is 0 at the optimum."""
    return parameters - parameters.mean(axis=0) if len(parameters) > 1 else parameters


class _Rows:
    """Sums over labelled rows, by blocks that do not depend on the number of threads."""

    def __init__(
        self, model: WhitenedLogisticRegression, raw: npt.NDArray[Any], pool: ThreadPoolExecutor, codes: Codes
    ) -> None:
        self._model = model
        self._raw = raw
        self._codes = codes
        self._pool = pool
        self._classes = len(model.classes_)
        self.penalty = 1 / (model.C * len(raw))
        """Curvature of the penalty on weights."""

    def objective(self, parameters: Floats, dtype: Dtype) -> tuple[float, Floats]:
        """Return the objective and its gradient, float64 (free classes, features + 1), summed in `dtype` by block."""
        free = len(parameters)
        weights, offsets = self._of_raw(parameters, dtype)

        def block(raw: npt.NDArray[Any], part: slice) -> tuple[float, npt.NDArray[Any], Floats]:
            # Classes come first: what follows then runs along rows, of which there are many.
            scores = np.zeros((self._classes, len(raw)), dtype)
            scores[-free:] = (raw @ weights).T + offsets[:, None]
            scores -= scores.max(axis=0)
            truth = (self._codes[part], np.arange(len(raw)))
            of_truth = scores[truth]
            np.exp(scores, out=scores)
            totals = scores.sum(axis=0)
            scores /= totals
            scores[truth] -= 1
            residuals = scores[-free:]
            loss = float((np.log(totals) - of_truth).sum(dtype=np.float64))
            return loss, raw.T @ np.ascontiguousarray(residuals.T), residuals.sum(axis=1, dtype=np.float64)

        loss, gradient = 0.0, np.zeros_like(parameters)
        for block_loss, by_raw, by_one in self._over_blocks(block, dtype):
            loss += block_loss
            gradient[:, :-1] += by_raw.T
            gradient[:, -1] += by_one
        gradient[:, :-1] -= self._model.shift * gradient[:, -1:]
        gradient[:, :-1] /= self._model.scale
        penalized = parameters * self.penalty
        penalized[:, -1] = 0
        value = loss / len(self._raw) + 0.5 * float(np.vdot(penalized, parameters))
        return value, gradient / len(self._raw) + penalized

    def scores(self, parameters: Floats) -> Floats:
        """Return parameters @ [x, 1] of each row, float64 (n, free classes)."""
        weights, offsets = self._of_raw(parameters, np.float64)
        return np.concatenate(self._over_blocks(lambda raw, _: raw @ weights + offsets, np.float64))

    def _of_raw(self, parameters: Floats, dtype: Dtype) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return the weights (features, free classes) and offsets (free classes,) that apply to rows as given."""
        weights = parameters[:, :-1] / self._model.scale
        offsets = parameters[:, -1] - self._model.shift * weights.sum(axis=1)
        return np.ascontiguousarray(weights.T, dtype), offsets.astype(dtype)

    def curvature_at_zero(self) -> Floats:
        """Return the mean over rows of p (1 - p) [x, 1] [x, 1]^T where all classes have the same p."""
        even = (1 - 1 / self._classes) / self._classes
        return self._curvature(np.full(len(self._raw), even))

    def curvature_by_class(self, parameters: Floats) -> list[Floats]:
        """Return the mean over rows of p (1 - p) [x, 1] [x, 1]^T for each class that has parameters."""
        scores = np.zeros((len(self._raw), self._classes))
        scores[:, -len(parameters) :] = self.scores(parameters)
        p = softmax(scores, axis=1)[:, -len(parameters) :]
        return list(self._pool.map(self._curvature, (p * (1 - p)).T))

    def _curvature(self, weights: Floats) -> Floats:
        rows = np.flatnonzero(weights >= LEAST_CURVATURE)
        total = np.zeros((self._raw.shape[1] + 1,) * 2)
        for start in range(0, len(rows), BLOCK_ROWS):
            chosen = rows[start : start + BLOCK_ROWS]
            features = np.ones((len(chosen), len(total)))
            features[:, :-1] = (self._raw[chosen] - self._model.shift) / self._model.scale
            features *= np.sqrt(weights[chosen, None])
            total += features.T @ features
        return total / len(self._raw)

    def _over_blocks(self, work: Callable[[npt.NDArray[Any], slice], Result], dtype: Dtype) -> list[Result]:
        """Return `work(rows as given, in dtype, which rows)` of every block, in the order of the blocks."""

        def block(start: int) -> Result:
            rows = slice(start, start + BLOCK_ROWS)
            return work(np.asarray(self._raw[rows], dtype), rows)

        starts = range(0, len(self._raw), BLOCK_ROWS)
        return list(map(block, starts) if len(starts) == 1 else self._pool.map(block, starts))
