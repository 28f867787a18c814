"""Compares statistics of two versions of a dataset and marks those that changed by more than their limit."""

import math
from collections.abc import Callable, Mapping
from typing import Final

import pandas as pd

from notmnist_assets.curation.core.intervals import wilson_interval

DRIFT_COLUMNS: Final = ("quantity", "previous", "actual", "change", "threshold", "drifted")

Limit = Callable[[float, float], float]
"""Returns the largest allowed change, given the previous and the actual value, in their unit."""


def within_share(share: float) -> Limit:
    """Allow a change by this share of the previous value, for sizes."""
    return lambda previous, _actual: share * abs(previous)


def within(change: float) -> Limit:
    """Allow a change by this much, for means and shares."""
    return lambda _previous, _actual: change


def within_chance(errors: float) -> Limit:
    """Allow this many standard errors of the difference of two counts, which is the square root of their sum.

    For counts of rare events, such as duplicates, which differ by chance between two collections (Poisson).
    """
    return lambda previous, actual: errors * math.sqrt(previous + actual)


def within_interval(trials: float) -> Limit:
    """Allow a share of `trials`, in percent, to move inside the 95 % Wilson interval of its previous value."""

    def limit(previous: float, actual: float) -> float:
        low, high = wilson_interval(previous / 100 * trials, trials)
        return 100 * float(high) - previous if actual > previous else previous - 100 * float(low)

    return limit


def compare(previous: Mapping[str, float], actual: Mapping[str, float], limits: Mapping[str, Limit]) -> pd.DataFrame:
    """Compare the quantities that have a limit and that both versions have, in the order of the limits.

    Returns:
        One row per quantity: `quantity`, `previous`, `actual`, `change` (actual - previous), `threshold` (the largest
        allowed absolute change), `drifted`.
    """
    rows = []
    for quantity, limit in limits.items():
        if quantity in previous and quantity in actual:
            before, now = float(previous[quantity]), float(actual[quantity])
            threshold = limit(before, now)
            rows.append((quantity, before, now, now - before, threshold, abs(now - before) > threshold))
    return pd.DataFrame(rows, columns=list(DRIFT_COLUMNS)).astype({"drifted": "bool"})


def describe_changes(compared: pd.DataFrame) -> str:
    """Return the rows of a comparison as text, such as `images: 30 to 20 (-10, at most 1.5)`."""
    return "; ".join(
        f"{quantity}: {previous:.6g} to {actual:.6g} ({change:+.4g}, at most {threshold:.4g})"
        for quantity, previous, actual, change, threshold, _ in compared.itertuples(index=False, name=None)
    )
