"""The result of a near-duplicate search: pairs of images with their distances, sorted."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import PIXEL_DEPTH, PIXELS

LARGEST_DISTANCE: Final = PIXELS * PIXEL_DEPTH
_IMAGE_BITS: Final = 23
_DISTANCE_BITS: Final = LARGEST_DISTANCE.bit_length()

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


def collect(found: Iterable[PairColumns]) -> NearPairs:
    """Concatenate and sort pairs; keep the smallest distance of a pair that occurs more than once.

    Pairs of fewer than 8,388,608 images take 8 bytes each until they are sorted: 23 bits for each image, 18 for the
    distance.
    """
    packed: list[npt.NDArray[np.uint64]] = []
    wide: list[PairColumns] = []
    for a, b, distance in found:
        if max(a.max(initial=0), b.max(initial=0)) >> _IMAGE_BITS:
            wide.append((a, b, distance))
        else:
            key: npt.NDArray[np.uint64] = a.astype(np.uint64) << np.uint64(_IMAGE_BITS + _DISTANCE_BITS)
            key |= b.astype(np.uint64) << np.uint64(_DISTANCE_BITS)
            key |= distance.astype(np.uint64)
            packed.append(key)
    keys = np.concatenate([np.empty(0, np.uint64), *packed])
    packed.clear()
    keys.sort()
    repeated = np.flatnonzero((keys[1:] ^ keys[:-1]) < 1 << _DISTANCE_BITS)
    keys = np.delete(keys, repeated + 1) if len(repeated) else keys
    pairs = NearPairs(
        (keys >> (_IMAGE_BITS + _DISTANCE_BITS)).astype(np.int32),
        (keys >> _DISTANCE_BITS & (1 << _IMAGE_BITS) - 1).astype(np.int32),
        (keys & (1 << _DISTANCE_BITS) - 1).astype(np.int32),
    )
    return _sort([*wide, (pairs.a, pairs.b, pairs.distance)]) if wide else pairs


def _sort(found: Sequence[PairColumns]) -> NearPairs:
    """Do what `collect` does, for any numbers of images."""
    a, b, distance = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((distance, b, a))
    a, b, distance = a[order], b[order], distance[order]
    new = (np.diff(a, prepend=-1) != 0) | (np.diff(b, prepend=-1) != 0)
    return NearPairs(a[new], b[new], distance[new])
