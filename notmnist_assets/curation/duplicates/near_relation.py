"""The near relation of distinct images: near pairs in both directions, 12 bytes for each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.duplicates.near import NearPairs

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_PART: Final = 1 << 20
"""Pairs whose temporary arrays exist at a time."""

Int32 = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class NearRelation:
    """Pairs of related images, sorted by source, then distance, then target.

    Attributes:
        source: int32 (p,), number of an image.
        target: int32 (p,), number of a related image.
        distance: int32 (p,), sum of absolute gray-level differences.
        images: number of images.
    """

    source: Int32
    target: Int32
    distance: Int32
    images: int

    @classmethod
    def of_pairs(cls, pairs: NearPairs, images: int) -> "NearRelation":
        """Relate the images of each pair in both directions."""
        count, width = len(pairs), int(pairs.distance.max(initial=0)) + 1
        # A single key instead of three sorts: images**2 * 3061 stays below 2**64 for 77 million images.
        keys = np.empty(2 * count, np.uint64)
        for half, one, other in ((keys[:count], pairs.a, pairs.b), (keys[count:], pairs.b, pairs.a)):
            half[:] = one
            half *= width
            half += pairs.distance.view(np.uint32)
            half *= images
            half += other.view(np.uint32)
        keys.sort()
        source, target, distance = (np.empty(len(keys), np.int32) for _ in range(3))
        for start in range(0, len(keys), _PART):
            part = slice(start, start + _PART)
            rest, target[part] = np.divmod(keys[part], images)
            source[part], distance[part] = np.divmod(rest, width)
        return cls(source, target, distance, images)

    def select(self, condition: Callable[[Int32, Int32], Mask]) -> tuple[Int32, Int32, Int32]:
        """Return source, target and distance of the pairs that meet a condition on sources and targets."""
        parts = [slice(start, start + _PART) for start in range(0, len(self.source), _PART)]
        masks = [condition(self.source[part], self.target[part]) for part in parts]
        mask = np.concatenate([np.empty(0, np.bool_), *masks])
        return self.source[mask], self.target[mask], self.distance[mask]

    @cached_property
    def matrix(self) -> "csr_array[np.int8]":
        """The relation as a sparse matrix of ones (images, images), without diagonal."""
        # Imported here because importing SciPy takes half a second.
        from scipy.sparse import csr_array

        ends = np.concatenate([[0], np.cumsum(np.bincount(self.source, minlength=self.images))])
        return csr_array((np.ones(len(self.source), np.int8), self.target, ends), shape=(self.images, self.images))

    @cached_property
    def components(self) -> npt.NDArray[np.int64]:
        """The connected component of each image, numbered in the order of first images: int64 (images,)."""
        # Imported here because importing SciPy takes half a second.
        from scipy.sparse.csgraph import connected_components

        _, components = connected_components(self.matrix, directed=False)
        return pd.factorize(components)[0].astype(np.int64)
