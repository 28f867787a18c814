"""The fit against scikit-learn's, run until it has truly converged."""

import warnings

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression

from notmnist_assets.curation import logistic
from notmnist_assets.curation.errors import CurationError
from notmnist_assets.curation.images import Images
from notmnist_assets.curation.logistic import InverseHessian, LogisticFit, fit_logistic, predict
from notmnist_assets.curation.softmax import Labels
from notmnist_assets_tests.curation.letter_problems import letter_like


def flat(images: Images) -> npt.NDArray[np.float64]:
    return (images.reshape(len(images), -1) - 127.5) / 255


def objective(weights: npt.NDArray[np.float64], images: Images, labels: Labels) -> float:
    scores = flat(images) @ weights[:, :784].T + weights[:, 784]
    top = scores.max(axis=1)
    logs = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top
    losses = logs - scores[np.arange(len(labels)), labels]
    return float((losses.sum() + 0.5 * (weights[:, :784] ** 2).sum()) / len(labels))


def reference(images: Images, labels: Labels) -> npt.NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = LogisticRegression(max_iter=20_000, tol=1e-7).fit(flat(images), labels)
    return np.hstack([model.coef_, model.intercept_[:, None]])


def probabilities(weights: npt.NDArray[np.float64], images: Images) -> npt.NDArray[np.float64]:
    scores = flat(images) @ weights[:, :784].T + weights[:, 784]
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("rows", [50, 600])
def test_the_fit_is_the_optimum_that_scikit_learn_converges_to(rows: int) -> None:
    images, labels = letter_like(rows)
    fit = fit_logistic(images, labels)
    expected = reference(images, labels)
    assert fit.converged
    assert fit.gradient_norm <= logistic.TOLERANCE
    assert fit.rows == rows
    assert fit.objective == pytest.approx(objective(expected, images, labels), rel=1e-6)
    assert objective(fit.parameters, images, labels) == pytest.approx(fit.objective, rel=1e-6)
    fresh, _ = letter_like(500, seed=1)
    np.testing.assert_allclose(probabilities(fit.parameters, fresh), probabilities(expected, fresh), atol=5e-3)


def test_a_fit_with_a_pilot_reaches_the_same_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = letter_like(600)
    whole = fit_logistic(images, labels)
    monkeypatch.setattr(logistic, "PILOT_ROWS", 100)
    monkeypatch.setattr(logistic, "CURVATURE_ROWS", 50)
    piloted = fit_logistic(images, labels)
    assert piloted.converged
    assert piloted.objective == pytest.approx(whole.objective, rel=1e-6)


def test_rows_sorted_by_class_and_a_class_the_pilot_misses_still_converge(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = letter_like(600)
    rare = np.flatnonzero(labels == 9)[2:]
    order = np.argsort(np.delete(labels, rare), kind="stable")
    images, labels = np.delete(images, rare, axis=0)[order], np.delete(labels, rare)[order]
    expected = fit_logistic(images, labels).objective
    monkeypatch.setattr(logistic, "PILOT_ROWS", 60)
    fit = fit_logistic(images, labels)
    assert fit.converged
    assert fit.objective == pytest.approx(expected, rel=1e-6)


def test_a_fit_with_a_matrix_for_each_class_reaches_the_same_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = letter_like(600)
    shared = fit_logistic(images, labels)
    monkeypatch.setattr(logistic, "FEW_ROWS", 10)
    by_class = fit_logistic(images, labels)
    assert (len(shared.guess.factors), len(by_class.guess.factors)) == (1, 10)
    assert by_class.converged
    assert by_class.steps < shared.steps
    assert by_class.objective == pytest.approx(shared.objective, rel=1e-6)


@pytest.mark.parametrize(("rows", "pilot_rows"), [(600, 600), (3000, 1000)])
def test_a_fit_started_from_that_of_nearly_the_same_rows_ends_at_the_same_optimum_sooner(
    rows: int, pilot_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = letter_like(rows)
    monkeypatch.setattr(logistic, "PILOT_ROWS", pilot_rows)
    earlier = fit_logistic(images, labels)
    cold = fit_logistic(images[10:], labels[10:])
    warm = fit_logistic(images[10:], labels[10:], start=earlier)
    assert warm.converged
    assert warm.steps < cold.steps
    assert warm.objective == pytest.approx(cold.objective, rel=1e-6)


def test_a_fit_started_from_that_of_the_same_rows_takes_no_step() -> None:
    images, labels = letter_like(300)
    earlier = fit_logistic(images, labels)
    assert fit_logistic(images, labels, start=earlier).steps == 0


def test_a_start_that_lacks_a_class_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = letter_like(400)
    monkeypatch.setattr(logistic, "PILOT_ROWS", 100)
    without_j = fit_logistic(images[labels != 9], labels[labels != 9])
    started, cold = fit_logistic(images, labels, start=without_j), fit_logistic(images, labels)
    np.testing.assert_array_equal(started.parameters, cold.parameters)


def test_workers_change_no_bit_and_block_sizes_only_rounding() -> None:
    images, labels = letter_like(400)
    one = fit_logistic(images, labels, workers=1, block_rows=128)
    two = fit_logistic(images, labels, workers=2, block_rows=128)
    np.testing.assert_array_equal(one.parameters, two.parameters)
    assert (one.objective, one.steps) == (two.objective, two.steps)
    other = fit_logistic(images, labels, block_rows=37)
    assert other.objective == pytest.approx(one.objective, rel=1e-6)
    np.testing.assert_array_equal(predict(one, images, workers=1), predict(two, images, block_rows=11))


def test_a_fit_that_hits_the_step_limit_says_so() -> None:
    images, labels = letter_like(400)
    cut = fit_logistic(images, labels, step_limit=2)
    assert not cut.converged
    assert cut.steps == 2
    assert cut.gradient_norm > logistic.TOLERANCE
    assert cut.objective > fit_logistic(images, labels).objective


def test_a_class_without_rows_is_never_predicted_and_the_others_fit_as_without_it() -> None:
    images, labels = letter_like(300)
    kept = labels != 4
    images, labels = images[kept], labels[kept]
    fit = fit_logistic(images, labels)
    assert fit.parameters.shape == (10, 785)
    assert fit.parameters[4, 784] == -np.inf
    assert not fit.parameters[4, :784].any()
    assert fit.objective == pytest.approx(objective(fit.parameters, images, labels), rel=1e-6)
    codes = np.where(labels > 4, labels - 1, labels).astype(np.int32)
    assert fit.objective == pytest.approx(objective(reference(images, codes), images, codes), rel=1e-6)
    assert 4 not in predict(fit, letter_like(500, seed=1)[0])


def test_rows_of_a_single_class_predict_that_class() -> None:
    images, _ = letter_like(20)
    fit = fit_logistic(images, np.full(20, 3, np.int32))
    assert fit.converged
    assert fit.objective == 0
    assert (predict(fit, letter_like(30, seed=1)[0]) == 3).all()


def test_one_row_is_enough() -> None:
    images, labels = letter_like(1)
    assert fit_logistic(images, labels).converged


def test_no_rows_are_refused_with_a_remedy() -> None:
    images, labels = letter_like(0)
    with pytest.raises(CurationError, match="no rows to fit"):
        fit_logistic(images, labels)


def test_of_equal_scores_the_lower_class_is_predicted() -> None:
    images, _ = letter_like(5)
    even = LogisticFit(np.zeros((10, 785)), 0.0, 0.0, 5, 0, True, 0.0, InverseHessian([]))
    assert (predict(even, images) == 0).all()


def test_memory_mapped_images_give_the_same_fit(tmp_path_factory: pytest.TempPathFactory) -> None:
    images, labels = letter_like(120)
    path = tmp_path_factory.mktemp("mapped") / "images.npy"
    np.save(path, images)
    mapped = np.load(path, mmap_mode="r")
    np.testing.assert_array_equal(fit_logistic(mapped, labels).parameters, fit_logistic(images, labels).parameters)


def test_fits_on_few_rows_reach_the_tolerance_whatever_the_rows() -> None:
    assert all(fit_logistic(*letter_like(50, seed=seed)).converged for seed in range(12))
