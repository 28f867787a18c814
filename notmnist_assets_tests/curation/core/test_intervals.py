"""Wilson intervals against SciPy's own; the bootstrap over groups against beta distributions and brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binomtest, ks_2samp

from notmnist_assets.curation.core.intervals import (
    bootstrap_shares,
    counts_by_group,
    percentile_interval,
    wilson_interval,
)


@given(st.integers(1, 10_000), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_interval_is_that_of_scipy(trials: int, share: float, confidence: float) -> None:
    successes = round(trials * share)
    expected = binomtest(successes, trials).proportion_ci(confidence_level=confidence, method="wilson")
    low, high = wilson_interval(successes, trials, confidence)
    np.testing.assert_allclose([low, high], [expected.low, expected.high], atol=1e-12)


def test_counts_broadcast_and_no_trials_give_the_interval_from_0_to_1() -> None:
    low, high = wilson_interval([0, 0, 3], [0, 3, 3])
    assert low.shape == high.shape == (3,)
    assert (low[0], high[0]) == (0.0, 1.0)
    assert low[1] == 0.0
    assert high[1] < 1.0
    assert low[2] > 0.0
    assert high[2] == 1.0


@pytest.mark.parametrize(("successes", "trials", "confidence"), [(-1, 3, 0.9), (4, 3, 0.9), (1, 3, 1.0)])
def test_impossible_counts_and_levels_are_refused(successes: int, trials: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        wilson_interval(successes, trials, confidence)


@pytest.mark.parametrize(("right", "rows"), [(0, 40), (37, 40), (40, 40), (150, 300), (1, 1)])
def test_groups_of_one_row_give_the_interval_of_jeffreys(right: int, rows: int) -> None:
    successes = (np.arange(rows) < right).astype(np.int64)[:, None]
    samples = bootstrap_shares(successes, np.ones(rows, np.int64), draws=20_000)
    low, high = percentile_interval(samples, right / rows)
    ends = beta(right + 0.5, rows - right + 0.5).ppf([0.025, 0.975])
    expected = [min(ends[0], right / rows), max(ends[1], right / rows)]
    np.testing.assert_allclose([low[0], high[0]], expected, atol=0.006)


def one_by_one(successes: list[int], trials: list[int], draws: int) -> list[float]:
    """Return samples of a share with weights drawn one by one, as the docstring of `bootstrap_shares` says."""
    random = np.random.default_rng(99)
    total, groups = sum(trials), len(trials)
    size = (sum(rows**3 for rows in trials) / total) ** 0.5
    samples = []
    for _ in range(draws):
        right = rows = 0.0
        for group in range(groups):
            spread = ((1 - 1 / groups) / (1 - trials[group] / total)) ** 4
            weight = random.gamma(1 / spread, spread) if spread > 1.01 else random.exponential()
            right, rows = right + weight * successes[group], rows + weight * trials[group]
        added, missed = random.gamma(0.5) * size, random.gamma(0.5) * size
        samples.append((right + added) / (rows + added + missed))
    return samples


def test_samples_have_the_distribution_of_weights_drawn_one_by_one() -> None:
    successes, trials = [3, 0, 1, 1, 0, 1, 2, 9], [3, 2, 1, 1, 1, 1, 4, 9]
    found = bootstrap_shares(np.array(successes)[:, None], np.array(trials), draws=3000)[:, 0]
    assert ks_2samp(found, one_by_one(successes, trials, 3000)).pvalue > 0.001


def test_the_interval_is_near_that_of_resampled_groups() -> None:
    random = np.random.default_rng(0)
    trials = random.integers(1, 5, 400)
    successes = np.where(random.random(400) < 0.8, trials, 0)
    low, high = percentile_interval(bootstrap_shares(successes[:, None], trials), successes.sum() / trials.sum())
    resampled = []
    for _ in range(3000):
        chosen = random.integers(0, 400, 400)
        resampled.append(successes[chosen].sum() / trials[chosen].sum())
    expected = np.quantile(resampled, [0.025, 0.975])
    np.testing.assert_allclose([low[0], high[0]], expected, atol=0.1 * (expected[1] - expected[0]))
    wilson = wilson_interval(successes.sum(), trials.sum())
    assert high[0] - low[0] > 1.4 * (wilson[1] - wilson[0])


def test_samples_of_a_share_do_not_depend_on_the_order_of_equal_groups_or_on_groups_without_trials() -> None:
    successes, trials = np.array([[2, 1], [0, 0], [1, 1], [0, 0]]), np.array([2, 2, 1, 0])
    samples = bootstrap_shares(successes, trials, draws=50)
    np.testing.assert_array_equal(samples, bootstrap_shares(successes[:3], trials[:3], draws=50))
    assert samples.shape == (50, 2)
    assert (samples >= 0).all()
    assert (samples <= 1).all()


def test_without_trials_the_samples_are_nan() -> None:
    assert np.isnan(bootstrap_shares(np.zeros((2, 3), np.int64), np.zeros(2, np.int64), draws=5)).all()


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.booleans()), max_size=12))
def test_rows_are_counted_by_group(rows: list[tuple[int, bool, bool]]) -> None:
    groups = np.array([row[0] for row in rows], np.int64)
    outcomes = np.array([row[1:] for row in rows], np.bool_).reshape(-1, 2)
    expected = [
        [sum(row[column] for row in rows if row[0] == group) for column in (1, 2)] for group in sorted(set(groups))
    ]
    assert counts_by_group(groups, outcomes).tolist() == expected
