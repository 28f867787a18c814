"""Estimates how many labels of each set are wrong."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import SETS
from notmnist_assets.curation.core.intervals import wilson_interval

AUTHOR: Final = {"large": 0.065, "small": 0.005}
"""Shares of wrong labels in the original archives, as their author estimates them."""
ESTIMATES: Final = ("doubted", "confident", "wrong")
RATE_COLUMNS: Final = (
    "set",
    "rows",
    *(f"{name}{end}" for name in ESTIMATES for end in ("", "_low", "_high")),
    "author",
)
_Z: Final = 1.959964

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]


class _Share(NamedTuple):
    """An estimated share and its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """A standard error from the width of the interval."""
        return (self.high - self.low) / (2 * _Z)

    def named(self, name: str) -> dict[str, float]:
        """Return the three numbers by column name."""
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}


def error_rates(probabilities: Floats, labels: Labels, set_of: Indices, fonts: Indices) -> pd.DataFrame:
    """Estimate the share of wrong labels of each set in two ways.

    `confident` is the estimate of confident learning (C. Northcutt, L. Jiang and I. Chuang, Journal of Artificial
    Intelligence Research 70, 2021): rows that confidently show another letter. It misses pictures of no letter, which
    show no other letter confidently. `wrong` compares the sets: if right labels of both are doubted equally often, the
    set with more doubted labels has that many more wrong ones. The set with fewer keeps its confident estimate.

    Args:
        probabilities: float64 (n, 10), probability of each label from the image alone.
        labels: int32 (n,), 0 to 9 for A to J.
        set_of: int64 (n,), position in SETS.
        fonts: int64 (n,), number of the font. Intervals take the rows of a font for dependent.

    Returns:
        One row per set that has rows: `set`; `rows`; `doubted` (share of rows whose most probable label is not their
        own), `confident` and `wrong`, each with the ends `_low` and `_high` of its 95 % interval; `author`.
    """
    doubted, confident = {}, {}
    for number, name in enumerate(SETS):
        rows = np.flatnonzero(set_of == number)
        if len(rows):
            doubted[name] = _share(probabilities[rows].argmax(axis=1) != labels[rows], fonts[rows])
            confident[name] = _confident(probabilities[rows], labels[rows], fonts[rows])
    reference = min(doubted, key=lambda name: doubted[name].value, default="")
    records = [
        {
            "set": name,
            "rows": int((set_of == SETS.index(name)).sum()),
            **doubted[name].named("doubted"),
            **confident[name].named("confident"),
            **(
                confident[name]
                if name == reference
                else _compared(doubted[name], doubted[reference], confident[reference])
            ).named("wrong"),
            "author": AUTHOR[name],
        }
        for name in doubted
    ]
    return pd.DataFrame(records, columns=list(RATE_COLUMNS))


def _share(marked: npt.NDArray[np.bool_], fonts: Indices) -> _Share:
    """Return the share of marked rows with Wilson's interval for as many independent rows as have the same variance."""
    share, count = float(marked.mean()), len(marked)
    _, font = np.unique(fonts, return_inverse=True)
    residuals = np.bincount(font, weights=marked - share)
    variance = float((residuals**2).sum()) / count**2
    rows = count if variance == 0 else min(count, share * (1 - share) / variance)
    low, high = wilson_interval(share * rows, rows)
    return _Share(share, float(low), float(high))


def _confident(probabilities: Floats, labels: Labels, fonts: Indices) -> _Share:
    """Return the estimate of cleanlab with the interval of the share of rows that it counts, scaled to the estimate."""
    # Imported here because importing cleanlab takes seconds.
    from cleanlab.count import compute_confident_joint, estimate_joint

    if len(np.unique(labels)) < 2:
        return _Share(0.0, 0.0, 1.0)
    _, rows = compute_confident_joint(labels, probabilities, return_indices_of_off_diagonals=True)
    counted = np.zeros(len(labels), np.bool_)
    counted[rows] = True
    share = _share(counted, fonts)
    estimate = 1 - float(np.trace(estimate_joint(labels, probabilities)))
    scale = estimate / share.value if share.value else 1.0
    return _Share(estimate, share.low * scale, min(share.high * scale, 1.0))


def _compared(doubted: _Share, doubted_reference: _Share, wrong_reference: _Share) -> _Share:
    """Return the share of wrong labels of a set, if right labels are doubted as often as in the reference."""
    right = (1 - doubted.value) * (1 - wrong_reference.value) / max(1 - doubted_reference.value, 1e-9)
    parts = (doubted, doubted_reference, wrong_reference)
    error = right * float(np.sqrt(sum((one.error / max(1 - one.value, 1e-9)) ** 2 for one in parts)))
    return _Share(1 - right, max(1 - right - _Z * error, 0.0), min(1 - right + _Z * error, 1.0))
