"""Wilson intervals against SciPy's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from notmnist_assets.curation.core.intervals import wilson_interval


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
