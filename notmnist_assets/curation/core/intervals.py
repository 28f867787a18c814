"""Confidence intervals of shares: Wilson's for independent trials, a bootstrap for trials that come in groups."""

from typing import Final

import numpy as np
import numpy.typing as npt

DRAWS: Final = 2000
"""Samples of a bootstrap: enough that the ends of an interval move by less than 5 % of its width with the seed."""
_BLOCK_DRAWS: Final = 100
"""Samples whose weights are in memory at a time."""
_NEGLIGIBLE: Final = 0.01
"""Groups whose weights would have a variance of at most 1 plus this have exponential weights."""


def wilson_interval(
    successes: npt.ArrayLike, trials: npt.ArrayLike, confidence: float = 0.95
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the Wilson score interval of a binomial proportion, without continuity correction.

    The interval keeps its level near 0 and 1 and for few trials, where p ± z·s collapses to a point (E. B. Wilson,
    Journal of the American Statistical Association 22, 1927).

    Args:
        successes: counts, any shape that broadcasts with `trials`, 0 to `trials`.
        trials: counts; for 0 trials the interval is 0 to 1.
        confidence: level between 0 and 1, both excluded.

    Returns:
        Lower and upper bounds, float64 of the broadcast shape, between 0 and 1.

    Raises:
        ValueError: when a count or the level lies outside its range.
    """
    # SciPy takes half a second to import.
    from scipy.special import ndtri

    k, n = np.broadcast_arrays(np.asarray(successes, np.float64), np.asarray(trials, np.float64))
    if np.any(k < 0) or np.any(k > n):
        raise ValueError("successes must lie between 0 and trials")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    z = float(ndtri((1 + confidence) / 2))
    counted = np.maximum(n, 1)
    share = k / counted
    centre = (share + z * z / (2 * counted)) / (1 + z * z / counted)
    half = z / (1 + z * z / counted) * np.sqrt(share * (1 - share) / counted + z * z / (4 * counted**2))
    # With no or only successes the exact bounds are 0 and 1; rounding errors would be about 1e-17.
    low = np.where(k == 0, 0.0, np.clip(centre - half, 0, 1))
    high = np.where(k == n, 1.0, np.clip(centre + half, 0, 1))
    return low, high


def bootstrap_shares(
    successes: npt.NDArray[np.int64], trials: npt.NDArray[np.int64], *, draws: int = DRAWS, seed: int = 0
) -> npt.NDArray[np.float64]:
    """Return bootstrap samples of shares whose trials come in groups, such as rows that are duplicates of one image.

    Trials of a group succeed or fail together, so groups are sampled instead of trials: each sample weights them with
    independent random variables of mean 1 (the Bayesian bootstrap: D. B. Rubin, Annals of Statistics 9, 1981). The
    weights of groups of average size are exponential. A larger group with the share h of all trials has the gamma
    distribution whose variance is ((1 - 1 / groups) / (1 - h))**4, because a large group pulls the share towards its
    own outcome, so that its deviation looks too small (the correction HC4: F. Cribari-Neto, Computational Statistics &
    Data Analysis 45, 2004). Two groups are added, one of successes and one of failures, with gamma weights of shape
    1/2 and the size sqrt(sum(trials**3) / sum(trials)), the quadratic mean of the group size over trials. If every
    group is one trial, samples follow the beta distribution of Jeffreys' interval; so they do not collapse to a point
    if all trials succeed.

    All shares of a sample have the same weights of groups, so that differences of shares are paired. Weights are
    multiples of 1/1024: sums are exact and do not depend on the machine.

    Args:
        successes: int64 (groups, shares), 0 to `trials`.
        trials: int64 (groups,).
        draws: number of samples.
        seed: seed of the weights.

    Returns:
        float64 (draws, shares); NaN if there are no trials.
    """
    successes, trials = successes[trials > 0], trials[trials > 0]
    groups, shares = successes.shape
    if not groups:
        return np.full((draws, shares), np.nan)
    total = float(trials.sum())
    spread = np.ones(groups) if groups == 1 else ((1 - 1 / groups) / (1 - trials / total)) ** 4
    large = np.flatnonzero(spread > 1 + _NEGLIGIBLE)
    counts = np.column_stack([successes, trials]).astype(np.float64)
    sums = np.empty((draws, shares + 1))
    random = np.random.default_rng(seed)
    for start in range(0, draws, _BLOCK_DRAWS):
        block = sums[start : start + _BLOCK_DRAWS]
        weights = random.standard_exponential((len(block), groups))
        weights[:, large] = random.standard_gamma(1 / spread[large], (len(block), len(large))) * spread[large]
        np.matmul(_whole_units(weights), counts, out=block)
    added = _whole_units(random.standard_gamma(0.5, (shares, draws, 2)))
    size = float(np.sqrt((trials.astype(np.float64) ** 3).sum() / total))
    right = sums[:, :-1] + size * added[:, :, 0].T
    samples: npt.NDArray[np.float64] = right / (sums[:, -1:] + size * added.sum(axis=2).T)
    return samples


def _whole_units(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return weights in units of 1/1024, rounded to whole numbers, at least 1."""
    return np.maximum(np.rint(weights * 1024), 1.0)


def percentile_interval(
    samples: npt.NDArray[np.float64], estimates: npt.ArrayLike, confidence: float = 0.95
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the bounds of the central part of the samples, extended to the estimates where these lie outside.

    Args:
        samples: float64 (draws, n).
        estimates: n numbers, such as shares of 0 or 1, which no sample of `bootstrap_shares` reaches.
        confidence: the part of the samples between the bounds.

    Returns:
        Lower and upper bounds, float64 (n,) each.
    """
    low, high = np.quantile(samples, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return np.minimum(low, estimates), np.maximum(high, estimates)


def counts_by_group(groups: npt.NDArray[np.int64], outcomes: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return how many rows of each group have each outcome: int64 (groups, n), groups in ascending order.

    Args:
        groups: int64 (rows,), the group of each row.
        outcomes: bool (rows, n).
    """
    names, number = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), outcomes.shape[1]), np.int64)
    for column, outcome in enumerate(outcomes.T):
        counts[:, column] = np.bincount(number[outcome], minlength=len(names))
    return counts
