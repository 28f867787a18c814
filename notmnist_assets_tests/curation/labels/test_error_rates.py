"""Estimated shares of wrong labels: known shares are found, and intervals grow with dependence."""

import numpy as np
import numpy.typing as npt
import pytest

from notmnist_assets.curation.core.intervals import wilson_interval
from notmnist_assets.curation.labels.error_rates import RATE_COLUMNS, error_rates

Floats = npt.NDArray[np.float64]


def judged(rows: int, wrong: float, seed: int, doubted: float = 0.05) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Return probabilities of a model that misreads a share of letters, and labels of which a share is wrong."""
    random = np.random.default_rng(seed)
    shown = random.integers(0, 10, rows)
    read = np.where(random.random(rows) < doubted, (shown + random.integers(1, 10, rows)) % 10, shown)
    labels = np.where(random.random(rows) < wrong, (shown + random.integers(1, 10, rows)) % 10, shown)
    probabilities = np.full((rows, 10), 0.01)
    probabilities[np.arange(rows), read] = 0.91
    return probabilities, labels.astype(np.int32)


def test_the_set_with_more_wrong_labels_gets_their_share() -> None:
    (large, of_large), (small, of_small) = judged(20_000, 0.08, 0), judged(5000, 0.0, 1)
    probabilities, labels = np.concatenate([large, small]), np.concatenate([of_large, of_small])
    set_of = np.repeat([0, 1], [20_000, 5000])
    table = error_rates(probabilities, labels, set_of, np.arange(25_000))
    assert tuple(table.columns) == RATE_COLUMNS
    one, other = table.to_dict("records")
    assert other["wrong"] == other["confident"]
    assert one["doubted"] == pytest.approx((large.argmax(axis=1) != of_large).mean())
    # The model misreads 5 % of the letters, which confident learning takes for wrong labels of the reference.
    assert one["wrong_low"] < 1 - (1 - 0.08) * (1 - other["wrong"]) < one["wrong_high"]
    assert table["author"].tolist() == [0.065, 0.005]


def test_intervals_of_independent_rows_are_wilsons_and_those_of_fonts_are_wider() -> None:
    probabilities, labels = judged(4000, 0.05, 2)
    doubted = int((probabilities.argmax(axis=1) != labels).sum())
    set_of = np.zeros(4000, np.int64)
    alone = error_rates(probabilities, labels, set_of, np.arange(4000)).iloc[0]
    low, high = wilson_interval(doubted, 4000)
    assert (alone["doubted_low"], alone["doubted_high"]) == pytest.approx((float(low), float(high)), abs=1e-4)
    ten = error_rates(
        np.repeat(probabilities[:400], 10, axis=0), np.repeat(labels[:400], 10), set_of, np.repeat(np.arange(400), 10)
    ).iloc[0]
    few = error_rates(probabilities[:400], labels[:400], set_of[:400], np.arange(400)).iloc[0]
    assert (ten["doubted_low"], ten["doubted_high"]) == pytest.approx(
        (few["doubted_low"], few["doubted_high"]), abs=1e-9
    )


def test_without_rows_or_with_one_letter_nothing_fails() -> None:
    nothing = error_rates(np.zeros((0, 10)), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert nothing.empty
    one = error_rates(np.eye(10)[[3] * 5], np.full(5, 3, np.int32), np.ones(5, np.int64), np.arange(5)).iloc[0]
    assert one["set"] == "small"
    assert (one["wrong"], one["wrong_low"], one["wrong_high"]) == (0.0, 0.0, 1.0)
