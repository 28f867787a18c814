"""Confidence intervals of binomial proportions."""

import numpy as np
import numpy.typing as npt


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
