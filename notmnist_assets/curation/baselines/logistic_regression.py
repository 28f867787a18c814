"""Logistic regression with scikit-learn's objective, fitted in whitened coordinates until it has converged."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float64]

BLOCK_ROWS: Final = 1024
"""Rows converted and summed at a time; fixed, so that sums do not depend on the number of threads."""
CURVATURE_ROWS: Final = 20_000
"""The most rows, evenly spaced, of which the curvature is computed."""
_DTYPES: Final = (np.float64, np.float32, np.uint8)
"""What rows are kept as; anything else becomes the first."""


class WhitenedLogisticRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression with the objective of scikit-learn's `LogisticRegression()`.

    It minimizes (sum of log losses + sum of squared weights / (2 C)) / rows, the intercepts free of penalty, with the
    softmax for three classes or more and the logistic function for two. SciPy's L-BFGS-B works on v, where the
    parameters of a class are the transposed inverse of the Cholesky factor of the curvature at zero times v: pixels of
    letters are so correlated that 100 plain steps end far from the optimum. Only the number of steps depends on the
    curvature. Rows that are fewer than half of the features are fitted in an orthonormal basis of the rows, in which a
    step is cheaper.

    Rows stay in the type they are given in, such as uint8, and are converted in blocks. During a fit BLAS has one
    thread in the whole process: two Python threads with one each are faster than one with two.

    Args:
        C: inverse strength of the penalty.
        tol: largest gradient entry in whitened coordinates at the optimum.
        max_iter: the most steps.
        shift: features are (X - shift) / scale.
        scale: see `shift`.
        n_jobs: threads of the fit; results do not depend on them.

    Attributes:
        classes_: the labels, ascending.
        coef_: float64 (classes, features), (1, features) for two classes.
        intercept_: float64 (classes,), (1,) for two classes.
        n_iter_: steps.
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
        self.classes_, codes = np.unique(y, return_inverse=True)
        with threadpool_limits(1, user_api="blas"):
            if 2 * len(X) < X.shape[1]:  # the weights at the optimum are sums of multiples of rows
                basis, triangle = np.linalg.qr(np.asarray(X, np.float64).T)
                weights, offsets = self._minimize(np.ascontiguousarray(triangle.T), codes)
                weights = weights @ basis.T
            else:
                weights, offsets = self._minimize(X, codes)
        self.coef_, self.intercept_ = weights * self.scale, offsets + self.shift * weights.sum(axis=1)
        return self

    def decision_function(self, X: Any) -> Floats:  # noqa: N803
        """Return the score of each class, float64 (n, classes); of the second class, float64 (n,), for two."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=_DTYPES, reset=False)  # noqa: N806
        weights = self.coef_.T / self.scale
        with threadpool_limits(1, user_api="blas"):
            parts = [X[start : start + BLOCK_ROWS] @ weights for start in range(0, len(X), BLOCK_ROWS)]
        scores: Floats = np.concatenate(parts) + (self.intercept_ - self.shift * weights.sum(axis=0))
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

    def _minimize(self, rows: npt.NDArray[Any], codes: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Minimize over the weights (free classes, features) and offsets (free classes,) of rows as given; return both.

        Of two classes, only the second is free: the first has the score 0.
        """
        classes = len(self.classes_)
        free = 1 if classes == 2 else classes
        shape = (free, rows.shape[1] + 1)
        penalty = np.full(shape[1], self.scale**2 / (self.C * len(rows)))  # weights of features are these times `scale`
        penalty[0] = 0  # offsets come first
        factor = _curvature_factor(rows, (1 - 1 / classes) / classes, penalty)

        def solve(right: Floats, transposed: Literal["N", "T"]) -> Floats:
            return solve_triangular(factor, right.T, transposed, lower=True, check_finite=False).T

        memory = threading.local()  # allocating a block takes longer than converting it

        def block(start: int, parameters: Floats) -> tuple[float, Floats, Floats]:
            given = rows[start : start + BLOCK_ROWS]
            if not hasattr(memory, "block"):
                memory.block = np.empty((BLOCK_ROWS, rows.shape[1]))
            part = memory.block[: len(given)]
            np.copyto(part, given)
            truth = (codes[start : start + BLOCK_ROWS], np.arange(len(part)))
            # Classes come first: what follows then runs along rows, of which there are many.
            scores = np.zeros((classes, len(part)))
            scores[-free:] = (part @ parameters[:, 1:].T).T + parameters[:, :1]
            logs = log_softmax(scores, axis=0)
            residuals = np.exp(logs)
            residuals[truth] -= 1
            of_weights = (part.T @ np.ascontiguousarray(residuals[-free:].T)).T  # faster than residuals @ part
            return -float(logs[truth].sum()), of_weights, residuals[-free:].sum(axis=1)

        def whitened(v: Floats) -> tuple[float, Floats]:
            parameters = solve(v.reshape(shape), "T")
            starts = range(0, len(rows), BLOCK_ROWS)
            value, gradient = 0.0, penalty * parameters * len(rows)
            for loss, of_weights, of_offsets in pool.map(block, starts, [parameters] * len(starts)):
                value += loss
                gradient[:, 1:] += of_weights
                gradient[:, 0] += of_offsets
            value = value / len(rows) + 0.5 * float((penalty * parameters**2).sum())
            return value, solve(gradient / len(rows), "N").ravel()

        options: Any = {
            "maxiter": self.max_iter,
            "maxfun": 20 * self.max_iter,
            "maxcor": 20,
            "gtol": self.tol,
            "ftol": 0.0,
        }
        with ThreadPoolExecutor(self.n_jobs) as pool:
            found = minimize(whitened, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options=options)
        if (largest := float(np.abs(found.jac).max())) > self.tol:
            warnings.warn(
                f"The largest gradient entry is {largest:.1e} after {found.nit} steps, above tol={self.tol:g}.",
                ConvergenceWarning,
                stacklevel=3,
            )
        self.n_iter_, self.objective_ = max(int(found.nit), 1), float(found.fun)
        point = solve(found.x.reshape(shape), "T")
        return point[:, 1:], point[:, 0]


def _curvature_factor(rows: npt.NDArray[Any], probability_variance: float, penalty: Floats) -> Floats:
    """Return the Cholesky factor of the curvature of one class at zero, where p (1 - p) is the same for all rows."""
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), CURVATURE_ROWS)).astype(np.intp)
    total = np.zeros((len(penalty),) * 2)
    for start in range(0, len(chosen), BLOCK_ROWS):
        part = rows[chosen[start : start + BLOCK_ROWS]]
        features = np.column_stack([np.ones(len(part)), part])
        total += features.T @ features
    total *= probability_variance / len(chosen)
    # A trace of the diagonal covers rounding.
    total[np.diag_indices_from(total)] += penalty + 1e-10 * max(total.diagonal().mean(), 1.0)
    return np.asarray(cholesky(total, lower=True))
