"""Fits the models of the assignment and its public solutions, whose published accuracies can be compared."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.baselines.evaluation import TRAINING_SIZES
from notmnist_assets.curation.baselines.fitting import Fit, Labels, blas_threads, fit_and_predict
from notmnist_assets.curation.baselines.models import MODELS, SKLEARN_MODEL, Model
from notmnist_assets.curation.baselines.scoring import Groups, Mask, accuracy_samples
from notmnist_assets.curation.core.images import as_float32
from notmnist_assets.curation.core.intervals import percentile_interval
from notmnist_assets.curation.core.prefetch import WorkMap, one_by_one
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.curation.core.published import LBFGS, LIBLINEAR, RAW, SAG, SHARED, UNSHARED
from notmnist_assets.curation.core.row_blocks import first_rows, share_images
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.row_index import NO_ROW, RowIndex

_FEW_ROWS: Final = 5000
REFERENCE_COLUMNS: Final = (
    "model",
    "train_rows",
    "fitted_rows",
    "eval_rows",
    "rows",
    "groups",
    "accuracy",
    "ci_low",
    "ci_high",
    "converged",
    "seconds",
)
_FIT_TYPES: Final = {
    "model": "str",
    "train_rows": "str",
    "fitted_rows": "int64",
    "converged": "bool",
    "seconds": "float64",
}


class _OneVsRest:
    """Binary logistic regressions of scikit-learn, one for each letter: the largest score decides."""

    def __init__(self, solver: str) -> None:
        self._solver = solver

    def fit(self, pixels: npt.NDArray[np.uint8], labels: Labels) -> Self:
        from sklearn.linear_model import LogisticRegression

        rows = as_float32(pixels)
        self.classes_ = np.unique(labels)

        def fit_letter(label: int) -> Any:
            return LogisticRegression(solver=self._solver, random_state=0).fit(rows, labels == label)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self._letters = list(pool.map(fit_letter, self.classes_))
        return self

    def predict(self, pixels: npt.NDArray[np.uint8]) -> Labels:
        rows = as_float32(pixels)
        scores = np.column_stack([letter.decision_function(rows) for letter in self._letters])
        predicted: Labels = self.classes_[scores.argmax(axis=1)]
        return predicted


class _Reference(NamedTuple):
    """A model, and whether it is fitted on 50, 100, 1000 and 5000 rows, and on all rows if the caller wants that."""

    model: Model
    on_sizes: bool
    on_all: bool


_MODELS: Final = (
    _Reference(Model(LIBLINEAR, partial(_OneVsRest, "liblinear"), "one-vs-rest by liblinear"), True, False),
    _Reference(Model(LBFGS, MODELS[SKLEARN_MODEL].create, "LogisticRegression() of scikit-learn"), True, True),
    _Reference(Model(SAG, partial(_OneVsRest, "sag"), "one-vs-rest by stochastic average gradient"), False, True),
)


def unshared_rows(index: RowIndex) -> Mask:
    """Return the test rows whose image is neither in train nor in valid, by equal pixels: bool (n,)."""
    earlier = index.nearest(~index.in_split("test"), "exact").row
    mask: Mask = earlier[index.image[index.in_split("test")]] == NO_ROW
    return mask


def reference_table(
    train: Split,
    test: Split,
    unshared: Mask,
    groups: Groups,
    *,
    sizes: Sequence[int] = TRAINING_SIZES,
    on_all: bool = False,
    work_map: WorkMap | None = None,
) -> pd.DataFrame:
    """Fit the models of the assignment on the first rows of train and score test.

    One-vs-rest logistic regression by liblinear was scikit-learn's default when the public solutions were written,
    `LogisticRegression()` by lbfgs is its default now. Both stop after 100 steps, converged or not.

    Args:
        train: the training split before sanitizing.
        test: the test split before sanitizing.
        unshared: bool (n,), test rows whose image is neither in train nor in valid.
        groups: int64 (n,), the duplicate group of each test row.
        sizes: training rows; larger ones than there are rows are left out.
        on_all: whether to fit lbfgs and one-vs-rest by sag on all rows as well, which takes minutes for 200,000 rows.
        work_map: fits the models; this process by default.

    Returns:
        One row per model, training rows and scored rows: `model`; `train_rows`: "50" ... "all"; `fitted_rows`;
        `eval_rows`: raw (all test rows), unshared or shared (the others, left out if there are none); `rows`, `groups`;
        `accuracy`; `ci_low`, `ci_high`: 95 % bootstrap interval over groups; `converged`; `seconds`: wall time of the
        fit.

    Raises:
        CurationError: a model refuses the rows.
    """
    fits = [
        (reference.model, train_rows, rows)
        for reference in _MODELS
        for train_rows, rows in (
            *((str(size), size) for size in sizes if reference.on_sizes and size <= len(train)),
            *((("all", len(train)),) if reference.on_all and on_all else ()),
        )
    ]
    parts = {RAW: np.ones(len(test), np.bool_), UNSHARED: unshared, SHARED: ~unshared}
    records = []
    right = np.zeros((len(test), len(fits)), np.bool_)
    run = one_by_one if work_map is None else work_map.run
    images, scored, threads = share_images(train.images, work_map), share_images(test.images, work_map), blas_threads()
    pieces = (
        Fit(
            _able(model, train.labels[:rows]),
            first_rows(images, rows),
            train.labels[:rows],
            [scored],
            # More threads only wait for each other in fits of few rows.
            1 if rows <= _FEW_ROWS else threads,
        )
        for model, _, rows in fits
    )
    with (
        progress_bar("fit reference models", sum(rows for *_, rows in fits), "rows") as advance,
        closing(run(fit_and_predict, pieces)) as results,
    ):
        for number, ((model, train_rows, rows), one) in enumerate(zip(fits, results, strict=True)):
            right[:, number] = one.predicted[0] == test.labels
            records.append((model.name, train_rows, rows, one.converged, one.seconds))
            advance(rows)
    return _scored(
        pd.DataFrame(records, columns=list(_FIT_TYPES)).astype(_FIT_TYPES),
        right,
        parts,
        groups,
    )


def _able(model: Model, labels: Labels) -> Model:
    """Return the model, or one that predicts the only label, which logistic regression refuses to fit."""
    if len(np.unique(labels)) > 1:
        return model
    from sklearn.dummy import DummyClassifier

    return Model(model.name, DummyClassifier, "the only label")


def _scored(fits: pd.DataFrame, right: Mask, parts: Mapping[str, Mask], groups: Groups) -> pd.DataFrame:
    """Return the fits with their accuracies on each part of the test rows, given their right predictions."""
    tables = []
    for part, mask in parts.items():
        if mask.any():
            accuracy = right[mask].mean(axis=0)
            low, high = percentile_interval(accuracy_samples(right[mask], groups[mask]), accuracy)
            tables.append(
                fits.assign(
                    fit=range(len(fits)),
                    eval_rows=part,
                    rows=int(mask.sum()),
                    groups=len(np.unique(groups[mask])),
                    accuracy=accuracy,
                    ci_low=low,
                    ci_high=high,
                )
            )
    table = pd.concat(tables, ignore_index=True).sort_values("fit", kind="stable", ignore_index=True)
    return table[list(REFERENCE_COLUMNS)]
