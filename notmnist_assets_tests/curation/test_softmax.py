"""Sums over rows of the softmax model against plain float64 formulas."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from notmnist_assets.curation.lbfgs import Point
from notmnist_assets.curation.softmax import SoftmaxRows
from notmnist_assets_tests.curation.letter_problems import letter_like

IMAGES, LABELS = letter_like(301)
PARAMETERS = np.random.default_rng(1).normal(0, 0.3, (10, 785))


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as opened:
        yield opened


def features() -> Point:
    scaled = (IMAGES.reshape(len(IMAGES), -1) - 127.5) / 255
    return np.hstack([scaled, np.ones((len(IMAGES), 1))])


def plain_loss(parameters: Point) -> float:
    scores = features() @ parameters.T
    top = scores.max(axis=1)
    logs = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top
    return float((logs - scores[np.arange(len(LABELS)), LABELS]).sum())


def test_the_loss_equals_the_plain_formula(pool: ThreadPoolExecutor) -> None:
    rows = SoftmaxRows(IMAGES, LABELS, 10, pool=pool, workers=2, block_rows=64)
    assert rows.loss_and_gradient(PARAMETERS)[0] == pytest.approx(plain_loss(PARAMETERS), rel=1e-6)


def test_the_gradient_equals_finite_differences(pool: ThreadPoolExecutor) -> None:
    rows = SoftmaxRows(IMAGES, LABELS, 10, pool=pool, workers=2, block_rows=64)
    gradient = rows.loss_and_gradient(PARAMETERS)[1]
    random = np.random.default_rng(2)
    entries = [(0, 784), (9, 784), (4, 0), *zip(random.integers(0, 10, 30), random.integers(0, 785, 30), strict=True)]
    for entry in entries:
        step = np.zeros_like(PARAMETERS)
        step[entry] = 1e-5
        difference = (plain_loss(PARAMETERS + step) - plain_loss(PARAMETERS - step)) / 2e-5
        assert gradient[entry] == pytest.approx(difference, rel=1e-4, abs=1e-3)


def test_workers_change_no_bit_and_block_sizes_only_rounding(pool: ThreadPoolExecutor) -> None:
    loss, gradient = SoftmaxRows(IMAGES, LABELS, 10, pool=pool, workers=1, block_rows=50).loss_and_gradient(PARAMETERS)
    for workers in (2, 3):
        rows = SoftmaxRows(IMAGES, LABELS, 10, pool=pool, workers=workers, block_rows=50)
        again, same = rows.loss_and_gradient(PARAMETERS)
        assert again == loss
        np.testing.assert_array_equal(same, gradient)
    for block_rows in (1, 7, 5000):
        rows = SoftmaxRows(IMAGES, LABELS, 10, pool=pool, workers=2, block_rows=block_rows)
        again, close = rows.loss_and_gradient(PARAMETERS)
        assert again == pytest.approx(loss, rel=1e-6)
        np.testing.assert_allclose(close, gradient, atol=1e-4)


def test_scores_and_probabilities_equal_the_plain_formula(pool: ThreadPoolExecutor) -> None:
    rows = SoftmaxRows(IMAGES, LABELS, 10, pool=pool, workers=2, block_rows=64)
    expected = features() @ PARAMETERS.T
    np.testing.assert_allclose(rows.scores(PARAMETERS), expected, atol=1e-4)
    shares = np.exp(expected - expected.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(rows.probabilities(PARAMETERS), shares, atol=1e-5)


def test_weighted_grams_equal_the_plain_product(pool: ThreadPoolExecutor) -> None:
    rows = SoftmaxRows(IMAGES, LABELS, 10, pool=pool, workers=2)
    chosen = np.arange(0, len(IMAGES), 3)
    weights = np.random.default_rng(3).random(len(chosen)).astype(np.float32)
    one, none = rows.weighted_grams([(chosen, weights), (chosen[:0], weights[:0])])
    picked = features()[chosen]
    np.testing.assert_allclose(one, (picked * weights[:, None]).T @ picked, atol=1e-3)
    assert not none.any()
