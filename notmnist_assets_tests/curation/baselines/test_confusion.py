"""Counts by letter against scikit-learn's, intervals against SciPy's."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix

from notmnist_assets.curation.baselines.confusion import Labels, confusion_counts, confusion_table, recall_by_letter
from notmnist_assets.curation.core.images import LETTERS


def drawn(rows: int, letters: int = 10, seed: int = 0) -> tuple[Labels, Labels]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, letters, rows).astype(np.int32)
    predicted = np.where(random.random(rows) < 0.7, labels, random.integers(0, 10, rows)).astype(np.int32)
    return labels, predicted


@pytest.mark.parametrize("rows", [0, 1, 500])
def test_counts_are_those_of_scikit_learn(rows: int) -> None:
    labels, predicted = drawn(rows)
    counts = confusion_counts(labels, predicted)
    assert counts.dtype == np.int64
    expected = np.zeros((10, 10), int)
    if rows:
        expected = confusion_matrix(labels, predicted, labels=range(10))
    np.testing.assert_array_equal(counts, expected)


def test_a_table_row_is_a_given_letter() -> None:
    counts = confusion_counts(np.array([0, 0, 9], np.int32), np.array([1, 1, 0], np.int32))
    table = confusion_table(counts).set_index("letter")
    assert list(table.index) == list(table.columns) == list(LETTERS)
    assert (table.loc["A", "B"], table.loc["J", "A"], table.to_numpy().sum()) == (2, 1, 3)


def test_recalls_and_their_intervals_are_those_of_counting() -> None:
    labels, predicted = drawn(400, letters=9)
    recall = recall_by_letter(confusion_counts(labels, predicted)).set_index("letter")
    for label, letter in enumerate(LETTERS[:9]):
        right = int((predicted[labels == label] == label).sum())
        rows = int((labels == label).sum())
        expected = binomtest(right, rows).proportion_ci(confidence_level=0.95, method="wilson")
        found = recall.loc[letter]
        assert (found["rows"], found["recall"]) == (rows, right / rows)
        assert (found["ci_low"], found["ci_high"]) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert recall.loc["J", "rows"] == 0
    assert recall["recall"].isna().tolist() == [False] * 9 + [True]
    assert (recall.loc["J", "ci_low"], recall.loc["J", "ci_high"]) == (0, 1)
