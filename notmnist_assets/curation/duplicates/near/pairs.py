"""The result of a near-duplicate search: pairs of images with their distances, sorted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import PIXEL_DEPTH, PIXELS

LARGEST_DISTANCE: Final = PIXELS * PIXEL_DEPTH

Int32 = npt.NDArray[np.int32]
PairColumns = tuple[Int32, Int32, Int32]
"""First index, second index and distance of pairs, in any order."""


def largest_sum(radius: float) -> int:
    """Return the largest sum of absolute gray-level differences of a pair within `radius`.

    The unit of the radius is one pixel changed from white to black: sum / 255 <= radius. A radius computed as
    distance / 255 includes that distance, although the division rounds.

    Raises:
        ValueError: the radius is negative or not a number.
    """
    if not radius >= 0:
        raise ValueError(f"a radius must be 0 or more, not {radius}")
    return math.floor(min(radius, PIXELS) * PIXEL_DEPTH + 1e-6)


@dataclass(frozen=True, eq=False)
class NearPairs:
    """Pairs of images and their distance, sorted by `a`, then `b`; no pair occurs twice.

    Attributes:
        a: int32 (p,), index into the first table.
        b: int32 (p,), index into the second table; within one table always larger than `a`.
        distance: int32 (p,), sum of absolute gray-level differences, 0 to 199,920; divide by 255 for the unit of the
            radius.
    """

    a: Int32
    b: Int32
    distance: Int32

    def __len__(self) -> int:
        return len(self.a)

    def within(self, radius: float) -> "NearPairs":
        """Return the pairs within a smaller radius, as a new search would find them."""
        near = self.distance <= largest_sum(radius)
        return NearPairs(self.a[near], self.b[near], self.distance[near])


def collect(found: Sequence[PairColumns]) -> NearPairs:
    """Concatenate and sort pairs; keep the smallest distance of a pair that occurs more than once."""
    if not found:
        nothing = np.empty(0, np.int32)
        return NearPairs(nothing, nothing, nothing)
    a, b, distance = (np.concatenate(column) for column in zip(*found, strict=True))
    key = (a.astype(np.int64) << 32) | b
    order = np.argsort(key)
    key = key[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    if len(starts) == len(key):
        return NearPairs(a[order], b[order], distance[order])
    first = order[starts]
    return NearPairs(a[first], b[first], np.minimum.reduceat(distance[order], starts))
