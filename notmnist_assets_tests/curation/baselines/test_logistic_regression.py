"""The estimator against scikit-learn's, run until it has truly converged."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator

from notmnist_assets.curation.baselines import logistic_regression
from notmnist_assets.curation.baselines.logistic_regression import WhitenedLogisticRegression
from notmnist_assets.curation.core.images import PIXEL_DEPTH
from notmnist_assets_tests.curation.letter_problems import letter_like

Floats = npt.NDArray[np.float64]


def letters(rows: int, *, classes: int = 10, seed: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    images, labels = letter_like(rows, classes=classes, seed=seed)
    return images.reshape(rows, -1), labels


def features(pixels: npt.NDArray[np.uint8]) -> Floats:
    return (pixels.astype(np.float64) - PIXEL_DEPTH / 2) / PIXEL_DEPTH


def ours(**parameters: Any) -> WhitenedLogisticRegression:
    return WhitenedLogisticRegression(shift=PIXEL_DEPTH / 2, scale=PIXEL_DEPTH, **parameters)


def reference(x: Floats, labels: npt.NDArray[Any], C: float = 1.0) -> LogisticRegression:  # noqa: N803
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return LogisticRegression(C=C, max_iter=50_000, tol=1e-9).fit(x, labels)


def objective(model: Any, x: Floats, labels: npt.NDArray[Any], C: float = 1.0) -> float:  # noqa: N803
    """scikit-learn's objective at a model's parameters, by plain formulas."""
    scores = x @ model.coef_.T + model.intercept_
    if scores.shape[1] == 1:
        scores = np.hstack([np.zeros_like(scores), scores])
    truth = np.searchsorted(model.classes_, labels)
    losses = logsumexp(scores, axis=1) - scores[np.arange(len(labels)), truth]
    return float((losses.sum() + (model.coef_**2).sum() / (2 * C)) / len(labels))


def test_it_is_a_scikit_learn_estimator() -> None:
    check_estimator(WhitenedLogisticRegression())


@pytest.mark.parametrize("C", [1.0, 0.01])
@pytest.mark.parametrize(("rows", "classes"), [(50, 10), (600, 10), (400, 3), (300, 2)])
def test_coefficients_and_objective_are_those_that_scikit_learn_converges_to(
    rows: int,
    classes: int,
    C: float,  # noqa: N803
) -> None:
    pixels, labels = letters(rows, classes=classes)
    model, expected = ours(C=C).fit(pixels, labels), reference(features(pixels), labels, C)
    np.testing.assert_allclose(model.coef_, expected.coef_, atol=2e-5)
    np.testing.assert_allclose(
        model.intercept_ - model.intercept_.mean() * (classes > 2),
        expected.intercept_ - expected.intercept_.mean() * (classes > 2),
        atol=2e-5,
    )
    assert model.objective_ == pytest.approx(objective(model, features(pixels), labels, C), rel=1e-12)
    assert model.objective_ <= objective(expected, features(pixels), labels, C) + 1e-14
    fresh = letters(500, classes=classes, seed=1)[0]
    np.testing.assert_allclose(model.predict_proba(fresh), expected.predict_proba(features(fresh)), atol=1e-5)
    np.testing.assert_array_equal(model.predict(fresh), expected.predict(features(fresh)))


def test_rows_sorted_by_class_converge_whatever_rows_the_curvature_is_computed_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pixels, labels = letters(600)
    rare = np.flatnonzero(labels == 9)[2:]
    order = np.argsort(np.delete(labels, rare), kind="stable")
    pixels, labels = np.delete(pixels, rare, axis=0)[order], np.delete(labels, rare)[order]
    expected = ours().fit(pixels, labels).objective_
    monkeypatch.setattr(logistic_regression, "CURVATURE_ROWS", 60)
    assert ours().fit(pixels, labels).objective_ == pytest.approx(expected, rel=1e-12)


def test_the_number_of_threads_changes_no_bit() -> None:
    pixels, labels = letters(6000)
    one, three = ours(n_jobs=1).fit(pixels, labels), ours(n_jobs=3).fit(pixels, labels)
    np.testing.assert_array_equal(one.coef_, three.coef_)
    np.testing.assert_array_equal(one.intercept_, three.intercept_)
    np.testing.assert_array_equal(one.predict_proba(pixels), three.predict_proba(pixels))


def test_pixels_give_the_fit_of_their_features() -> None:
    pixels, labels = letters(300)
    np.testing.assert_allclose(
        ours().fit(pixels, labels).coef_,
        WhitenedLogisticRegression().fit(features(pixels), labels).coef_,
        atol=1e-6,
    )


def test_a_fit_that_hits_its_limit_of_steps_warns() -> None:
    pixels, labels = letters(400)
    with pytest.warns(ConvergenceWarning, match="after 2 steps, above tol=1e-08"):
        cut = ours(max_iter=2).fit(pixels, labels)
    assert cut.n_iter_ == 2
    assert cut.objective_ > ours().fit(pixels, labels).objective_


def test_rows_of_a_single_class_predict_that_class() -> None:
    pixels, _ = letters(20)
    model = ours().fit(pixels, np.full(20, 3))
    assert model.objective_ == 0
    assert (model.predict(letters(30, seed=1)[0]) == 3).all()


def test_memory_mapped_pixels_give_the_same_fit(tmp_path: Path) -> None:
    pixels, labels = letters(120)
    np.save(tmp_path / "pixels.npy", pixels)
    mapped = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    np.testing.assert_array_equal(ours().fit(mapped, labels).coef_, ours().fit(pixels, labels).coef_)


def test_fits_on_few_rows_converge_whatever_the_rows() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(12):
            ours().fit(*letters(50, seed=seed))
