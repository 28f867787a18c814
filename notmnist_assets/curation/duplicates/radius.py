"""The radius within which two images count as near duplicates, chosen from the data.

Copies of one drawing carry one letter. As the radius grows, pairs appear that merely look alike, and some of
them carry different letters: where their share becomes noticeable, the radius is too large.

Belongs here: the curve of pairs and cross-letter share by radius, and the choice. The search is in `near`, the curve
of a stored search, with the choice marked, in `near_table`.
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
"""The radii of the curve. Candidates are those that were searched: up to `settings.SEARCH_RADIUS`, 12, unless a wider
radius is set. Then the curve goes on to it, and shows what that radius takes in; it is set, so none is chosen.
Beyond 20 the search gets expensive (images to compare grow about sevenfold from 10 to 20) and pairs differ by as much
ink as a whole stroke."""

CROSS_LETTER_LIMIT: Final = 0.005
FEWEST_PAIRS: Final = 20


def letter_shares(letters: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Return the share of each letter among the rows of an image.

    Args:
        letters: integers (n, 10), how many rows of each letter show this image; at least one in all.

    Returns:
        float64 (n, 10), each row adds up to 1.

    Raises:
        ValueError: when the shape differs, a count is negative or an image has no row.
    """
    if letters.ndim != 2 or letters.shape[1] != len(LETTERS):
        raise ValueError(f"letters must be (n, {len(LETTERS)}), not {letters.shape}")
    rows = letters.sum(axis=1, keepdims=True)
    if letters.size and (int(letters.min()) < 0 or int(rows.min()) == 0):
        raise ValueError("each image needs at least one row, and no negative count")
    shares: npt.NDArray[np.float64] = letters / rows
    return shares


def cross_letter(pairs: NearPairs, letters: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Return how far the letters of each pair differ, float64 (p,), 0 to 1.

    It is the probability that a row drawn from the first image and a row drawn from the second have different
    letters. For images of one letter each, by far the most, it is 0 or 1.

    Args:
        pairs: pairs of distinct images.
        letters: integers (n, 10), how many rows of each letter show an image.
    """
    shares = letter_shares(letters)
    same: npt.NDArray[np.float64] = np.einsum("ij,ij->i", shares[pairs.a], shares[pairs.b])
    return 1.0 - same


def radius_curve(pairs: NearPairs, letters: npt.NDArray[np.integer], radii: Sequence[float] = RADII) -> pd.DataFrame:
    """Count the pairs and the share of them that crosses letters, by radius.

    Each pair of distinct images counts once, however often the images repeat: a few images with hundreds of
    repeats would outvote all others.

    Args:
        pairs: pairs of distinct images, found at the largest of `radii` or beyond.
        letters: integers (n, 10), how many rows of each letter show an image.
        radii: candidates, rising.

    Returns:
        One row per radius: `radius`, `pairs` within it, `cross_letter` (how many of them cross letters, a sum
        of probabilities), `share` (0 without pairs), and `ci_low`, `ci_high`, its 95 % Wilson interval.
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


def speaks_against_larger(curve: pd.DataFrame, limit: float = CROSS_LETTER_LIMIT) -> "pd.Series[bool]":
    """Return which radii have 1 / limit pairs: with fewer, one wrong label puts the share over the limit."""
    return curve["pairs"] * limit >= 1


def label_noise(curve: pd.DataFrame, limit: float = CROSS_LETTER_LIMIT) -> float:
    """Return the share of pairs that surely crosses letters at any radius: wrong labels, which no radius avoids.

    Args:
        curve: as `radius_curve` returns it.
        limit: radii count that have 1 / limit pairs or more.

    Returns:
        The lower end of the interval of the smallest share; 0 without any such radius.
    """
    supported = curve[speaks_against_larger(curve, limit)]
    if supported.empty:
        return 0.0
    return float(supported["ci_low"].iloc[int(supported["share"].to_numpy().argmin())])


def share_limit(curve: pd.DataFrame, limit: float = CROSS_LETTER_LIMIT) -> float:
    """Return the share of pairs with different letters that a radius must stay below: label noise and the limit."""
    return label_noise(curve, limit) + limit


def choose_radius(curve: pd.DataFrame, limit: float = CROSS_LETTER_LIMIT) -> float:
    """Choose the largest radius up to which the cross-letter share stays under the limit, wrong labels aside.

    Where labels are wrong, a share of even the closest pairs crosses letters. That share, `label_noise`, is not the
    radius's doing and is added to the limit.

    A radius can be chosen when its share lies under the limit and rests on at least 20 pairs: without pairs
    there is nothing that speaks for a radius. It must also not lie beyond a radius whose share surely reached
    the limit, by its interval. To speak against larger ones, a radius needs 1 / limit pairs: with fewer, one pair
    with a wrong label puts the share over the limit, and a single mistake among the closest few pairs would
    forbid every radius.

    Args:
        curve: as `radius_curve` returns it.
        limit: share of pairs that may cross letters because they merely look alike, excluded.

    Returns:
        A radius of the curve; 0, equal images only, when none can be chosen.
    """
    ordered = curve.sort_values("radius")
    most = share_limit(curve, limit)
    under = ordered["share"] < most
    over = (ordered["ci_low"] >= most) & speaks_against_larger(ordered, limit)
    allowed = under & (ordered["pairs"] >= FEWEST_PAIRS) & (over.cumsum() == 0)
    return float(ordered.loc[allowed, "radius"].max()) if allowed.any() else 0.0
