"""Chooses the radius within which two images count as near duplicates, by the share of pairs with different letters.

Copies of an image have the same letter. As the radius grows, pairs appear that look similar without being copies, and
some of them have different letters: a radius is too large if their share exceeds a limit.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.intervals import wilson_interval
from notmnist_assets.curation.duplicates.near import NearPairs, largest_sum

RADII: Final = (0.0, 0.5, *(float(radius) for radius in range(1, 21)))
"""The radii of the curve. Candidates are radii up to the search radius, 12 (`settings.model.SEARCH_RADIUS`), or the set
radius if it is larger; then the curve shows the pairs within the set radius, and no radius is chosen. Beyond 20 the
search gets expensive (the images to compare grow about sevenfold from 10 to 20), and pairs differ by the ink of a whole
stroke."""

CROSS_LETTER_LIMIT: Final = 0.005
"""Share of pairs with different letters, beyond the label noise, that a radius must stay below."""
FEWEST_PAIRS: Final = 20
"""Pairs that a radius needs to be chosen."""


def letter_shares(letters: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Return the share of each letter among the rows of an image.

    Args:
        letters: integers (n, 10), rows of each letter with the image; at least one row per image.

    Returns:
        float64 (n, 10), each row adds up to 1.

    Raises:
        ValueError: the shape differs, a count is negative or an image has no row.
    """
    if letters.ndim != 2 or letters.shape[1] != len(LETTERS):
        raise ValueError(f"letters must be (n, {len(LETTERS)}), not {letters.shape}")
    rows = letters.sum(axis=1, keepdims=True)
    if letters.size and (int(letters.min()) < 0 or int(rows.min()) == 0):
        raise ValueError("each image needs at least one row, and no negative count")
    shares: npt.NDArray[np.float64] = letters / rows
    return shares


def cross_letter(pairs: NearPairs, letters: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Return the probability that a random row of each image of a pair have different letters: float64 (p,), 0 to 1.

    It is 0 or 1 for images whose rows all have the same letter, which is by far the most frequent case.

    Args:
        pairs: pairs of distinct images.
        letters: integers (n, 10), rows of each letter with an image.
    """
    shares = letter_shares(letters)
    same: npt.NDArray[np.float64] = np.einsum("ij,ij->i", shares[pairs.a], shares[pairs.b])
    return 1.0 - same


def radius_curve(pairs: NearPairs, letters: npt.NDArray[np.integer], radii: Sequence[float] = RADII) -> pd.DataFrame:
    """Count the pairs and the share of pairs with different letters by radius.

    Each pair of distinct images counts once, regardless of the number of rows: otherwise a few images with hundreds of
    rows would outweigh all others.

    Args:
        pairs: all pairs of distinct images up to the largest of `radii`, or more.
        letters: integers (n, 10), rows of each letter with an image.
        radii: radii in ascending order.

    Returns:
        One row per radius: `radius`, `pairs` within it, `cross_letter` (pairs with different letters, a sum of
        probabilities), `share` (0 without pairs), and `ci_low`, `ci_high`, its 95 % Wilson interval.
    """
    order = np.argsort(pairs.distance, kind="stable")
    ends = np.searchsorted(pairs.distance[order], [largest_sum(radius) for radius in radii], side="right")
    crossing = np.concatenate(([0.0], np.cumsum(cross_letter(pairs, letters)[order])))[ends]
    crossing = np.minimum(crossing, ends)
    low, high = wilson_interval(crossing, ends)
    return pd.DataFrame(
        {
            "radius": np.asarray(radii, np.float64),
            "pairs": ends.astype(np.int64),
            "cross_letter": crossing,
            "share": crossing / np.maximum(ends, 1),
            "ci_low": low,
            "ci_high": high,
        }
    )


def can_rule_out_larger(curve: pd.DataFrame, limit: float = CROSS_LETTER_LIMIT) -> "pd.Series[bool]":
    """Return which radii have at least 1 / limit pairs: with fewer, a single wrong label exceeds the limit."""
    return curve["pairs"] * limit >= 1


def label_noise(curve: pd.DataFrame, limit: float = CROSS_LETTER_LIMIT) -> float:
    """Estimate the share of pairs that have different letters because of wrong labels, which occur at any radius.

    Args:
        curve: table that `radius_curve` returns.
        limit: only radii with at least 1 / limit pairs are considered.

    Returns:
        The lower end of the interval of the smallest share; 0 if no radius has that many pairs.
    """
    supported = curve[can_rule_out_larger(curve, limit)]
    if supported.empty:
        return 0.0
    return float(supported["ci_low"].iloc[int(supported["share"].to_numpy().argmin())])


def share_limit(curve: pd.DataFrame, limit: float = CROSS_LETTER_LIMIT) -> float:
    """Return the share of pairs with different letters that a radius must stay below: label noise plus `limit`."""
    return label_noise(curve, limit) + limit


def choose_radius(curve: pd.DataFrame, limit: float = CROSS_LETTER_LIMIT) -> float:
    """Choose the largest radius whose share of pairs with different letters is below `share_limit`.

    With wrong labels, even some of the closest pairs have different letters, whatever the radius. So this share, the
    `label_noise`, is added to the limit.

    A radius can be chosen if its share is below the limit and it has at least 20 pairs, and if no smaller radius is
    ruled out, with the whole interval of its share at or above the limit. Only radii with at least 1 / limit pairs can
    be ruled out: with fewer, a single pair with a wrong label exceeds the limit, and one wrong label among the closest
    few pairs would rule out every radius.

    Args:
        curve: table that `radius_curve` returns.
        limit: share of pairs with different letters beyond the label noise; a share equal to it is too large.

    Returns:
        A radius of the curve; 0 (only equal images are duplicates) if none can be chosen.
    """
    ordered = curve.sort_values("radius")
    limit_of_share = share_limit(curve, limit)
    under = ordered["share"] < limit_of_share
    over = (ordered["ci_low"] >= limit_of_share) & can_rule_out_larger(ordered, limit)
    allowed = under & (ordered["pairs"] >= FEWEST_PAIRS) & (over.cumsum() == 0)
    return float(ordered.loc[allowed, "radius"].max()) if allowed.any() else 0.0
