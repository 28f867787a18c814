"""Chooses the radius within which two images count as near duplicates, by the share of pairs with different letters.

Copies of an image have the same letter. As the radius grows, pairs appear that look similar without being copies, and
some of them have different letters: a radius is too large if their share exceeds a limit. A share of few pairs is
uncertain, so the choice starts from a radius found on other data and follows the data only where they are certain.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.intervals import wilson_interval
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.curation.duplicates.near import NearPairs, largest_sum

RADII: Final = (0.0, 0.5, *(float(radius) for radius in range(1, 21)))
"""The radii of the curve. Candidates are radii up to the search radius, 12 (`settings.model.SEARCH_RADIUS`), or the set
radius if it is larger; then the curve shows the pairs within the set radius, and no radius is chosen. Beyond 20 the
search gets expensive (the images to compare grow about sevenfold from 10 to 20), and pairs differ by the ink of a whole
stroke."""

CROSS_LETTER_LIMIT: Final = 0.005
"""Share of pairs with different letters, beyond the label noise, that a radius must stay below."""
FALLBACK_RADIUS: Final = 5.0
"""Radius in use unless the data contradict it, or certainly allow a larger one.

It was read from two curves: that of the sample and that of 22,219 real letters (the small archive and 3,493 images of
the large one). 5 is the largest radius whose share is below the limit in both: 2.2 of 546 pairs and 1 of 247 pairs have
different letters, together 0.4 % with a 95 % interval from 0.15 to 1.1 %. At radius 6 it is 0.6 % in both.
"""

_PART: Final = 1 << 17
"""Pairs whose letters are looked up at a time."""


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
    same = np.empty(len(pairs))
    for start in range(0, len(pairs), _PART):
        part = slice(start, start + _PART)
        np.einsum("ij,ij->i", shares[pairs.a[part]], shares[pairs.b[part]], out=same[part])
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


def has_enough_pairs(curve: pd.DataFrame, limit: float = CROSS_LETTER_LIMIT) -> "pd.Series[bool]":
    """Return which radii have at least 1 / limit pairs: with fewer, a single wrong label exceeds the limit."""
    return curve["pairs"] * limit >= 1


def label_noise(curve: pd.DataFrame, limit: float = CROSS_LETTER_LIMIT, fallback: float = FALLBACK_RADIUS) -> float:
    """Estimate the share of pairs that have different letters because of wrong labels, which occur at any radius.

    Args:
        curve: table that `radius_curve` returns.
        limit: only radii with at least 1 / limit pairs are considered.
        fallback: only radii up to this one are considered: beyond it, pairs that only look alike may be most of all.

    Returns:
        The lower end of the interval of the smallest share; 0 if no radius has that many pairs.
    """
    purest = _purest(curve, limit, fallback)
    return 0.0 if purest.empty else float(purest["ci_low"].iloc[0])


def _purest(curve: pd.DataFrame, limit: float, fallback: float) -> pd.DataFrame:
    """Return the row of the smallest share among radii up to the fallback with enough pairs; no row without one."""
    supported = curve[has_enough_pairs(curve, limit) & (curve["radius"] <= fallback)]
    return supported.sort_values("share", kind="stable").head(1)


def share_limit(curve: pd.DataFrame, limit: float = CROSS_LETTER_LIMIT, fallback: float = FALLBACK_RADIUS) -> float:
    """Return the share of pairs with different letters that a radius must stay below: label noise plus `limit`."""
    return label_noise(curve, limit, fallback) + limit


class RadiusChoice(NamedTuple):
    """A radius of the curve, and a clause that says why it was chosen."""

    radius: float
    reason: str


def choose_radius(
    curve: pd.DataFrame, limit: float = CROSS_LETTER_LIMIT, fallback: float = FALLBACK_RADIUS
) -> RadiusChoice:
    """Choose the fallback radius, unless the data reject it or accept a larger one.

    With wrong labels, even some of the closest pairs have different letters, whatever the radius. So this share, the
    `label_noise`, is added to the limit. A radius is accepted if the whole 95 % interval of its share is below the
    limit. It is rejected, with all larger ones, if the whole interval is at or above the limit, it has at least
    1 / limit pairs, and it is larger than the radius of the smallest share: a larger share of closer pairs is label
    noise too. Fewer than 1 / limit pairs therefore never change the radius.

    The largest accepted radius beyond the fallback is chosen; without one, the fallback; if that is rejected, the
    largest smaller radius that is not rejected and whose share is below the limit.

    Args:
        curve: table that `radius_curve` returns.
        limit: share of pairs with different letters beyond the label noise; a share equal to it is too large.
        fallback: radius that needs no evidence; the largest radius of the curve, if it ends before.
    """
    ordered = curve.sort_values("radius")
    too_large = share_limit(ordered, limit, fallback)
    purest = _purest(ordered, limit, fallback)["radius"].max()  # NaN without one, which no radius is up to
    rejected = (ordered["ci_low"] >= too_large) & has_enough_pairs(ordered, limit) & ~(ordered["radius"] <= purest)
    possible = ordered[rejected.cumsum() == 0]
    start = ordered[ordered["radius"] <= fallback]
    larger = possible[(possible["ci_high"] < too_large) & (possible["radius"] > fallback)]
    if len(larger):
        return _choice(larger, "the largest that the data accept", too_large)
    if len(possible) < len(start):
        smaller = possible[possible["share"] < too_large]
        return _choice(smaller, "the data reject larger ones", too_large)
    if not has_enough_pairs(start, limit).iloc[-1]:
        return _choice(start, f"the fallback, with fewer than {1 / limit:g} pairs to reject it", too_large)
    accepted = start["ci_high"].iloc[-1] < too_large
    return _choice(start, f"the fallback, which the data {'accept' if accepted else 'do not reject'}", too_large)


def _choice(candidates: pd.DataFrame, reason: str, too_large: float) -> RadiusChoice:
    """Return the largest candidate, 0 without one, with its evidence."""
    if candidates.empty:
        return RadiusChoice(0.0, f"{reason} (limit {100 * too_large:.3g} %)")
    largest = candidates.iloc[-1]
    share, low, high, limit = (100 * value for value in (*largest[["share", "ci_low", "ci_high"]], too_large))
    evidence = f"{share:.3g} % of {counted(int(largest['pairs']), 'pair')} have different letters"
    interval = f"95 % interval {low:.3g} to {high:.3g} %, limit {limit:.3g} %"
    return RadiusChoice(float(largest["radius"]), f"{reason}; {evidence} ({interval})")
