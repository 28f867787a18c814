"""Computes random numbers as hashes of their use: seed, set, font, letter, purpose.

Any process can compute the numbers of any image, and results depend neither on the order of work nor on the number of
workers or the version of a generator.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
"""uint64 (n,): one hash for each object that needs random numbers."""

Integers = npt.NDArray[np.int64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLIER_2: Final = np.uint64(0x94D049BB133111EB)


def _mix(values: Keys) -> Keys:
    """Apply the output function of SplitMix64 (Steele, Lea, Flood: Fast Splittable PRNGs, 2014)."""
    values = (values ^ (values >> np.uint64(30))) * _MULTIPLIER_1
    values = (values ^ (values >> np.uint64(27))) * _MULTIPLIER_2
    return values ^ (values >> np.uint64(31))


def keys(*parts: int | Integers | Keys) -> Keys:
    """Hash coordinates, broadcast against each other, to one key each; at least one-dimensional."""
    key = np.zeros(1, np.uint64)
    for part in parts:
        key = _mix((key ^ _unsigned(part)) * _GOLDEN + _GOLDEN)
    return key


def below(key: Keys, slot: int | Integers, limit: int | Integers) -> Integers:
    """Sample integers from 0 to `limit` - 1 (below 2**31), one for each key; slots are independent."""
    bits = _mix(key + (_unsigned(slot) + np.uint64(1)) * _GOLDEN) >> np.uint64(32)
    return ((bits * _unsigned(limit)) >> np.uint64(32)).astype(np.int64)


def between(key: Keys, slot: int | Integers, low: int, high: int) -> Integers:
    """Sample integers from `low` to `high`, both included."""
    return low + below(key, slot, high - low + 1)


def chance(key: Keys, slot: int, per_mille: int) -> npt.NDArray[np.bool_]:
    """Sample True with a probability of `per_mille` / 1000."""
    return below(key, slot, 1000) < per_mille


def _unsigned(values: int | Integers | Keys) -> Keys:
    # Arrays wrap around at 2**64 without a warning, unlike NumPy's scalars.
    return np.atleast_1d(np.asarray(values)).astype(np.uint64)
