"""The discriminant from sums, compared with scikit-learn's."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from notmnist_assets.curation.labels.discriminant import Sums, fit_discriminant


def problem(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.choice([0, 2, 5, 9], rows).astype(np.int32)
    return random.normal(labels[:, None], 2, (rows, 12)) * np.linspace(0.1, 50, 12) + 7, labels


@pytest.mark.parametrize("shrinkage", [0.01, 0.5])
def test_scores_and_labels_are_those_of_scikit_learn(shrinkage: float) -> None:
    features, labels = problem(500)
    expected = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)).fit(
        features, labels
    )
    model = fit_discriminant(Sums.of(features, labels), shrinkage)
    assert model is not None
    assert model.labels.tolist() == [0, 2, 5, 9]
    scores = model.scores(features)
    np.testing.assert_allclose(
        scores - scores.mean(axis=1, keepdims=True),
        (lambda other: other - other.mean(axis=1, keepdims=True))(expected.decision_function(features)),
        rtol=1e-6,
        atol=1e-6,
    )


def test_sums_of_parts_add_up_and_a_constant_feature_does_not_matter() -> None:
    features, labels = problem(300)
    constant = np.column_stack([features, np.full(len(features), 3.0)])
    whole = fit_discriminant(Sums.of(constant, labels))
    parts = fit_discriminant(Sums.of(constant[:100], labels[:100]) + Sums.of(constant[100:], labels[100:]))
    assert whole is not None
    assert parts is not None
    np.testing.assert_allclose(whole.weights, parts.weights, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(whole.weights[-1], 0, atol=1e-12)


def test_rows_of_one_label_cannot_be_fitted() -> None:
    features, labels = problem(50)
    assert fit_discriminant(Sums.of(features, np.zeros_like(labels))) is None
    assert fit_discriminant(None) is None
