"""Exact near-duplicate search: finds all pairs of images within a radius of L1 pixel distance.

`join` runs the search, `bounds` and `grid` limit the candidates without missing a pair, `kernels` contains the compiled
loop, and `pairs` the result. Numba is imported by the first search, not by importing this package.
"""

from notmnist_assets.curation.duplicates.near.join import SHIFTS, near_pairs
from notmnist_assets.curation.duplicates.near.pairs import LARGEST_DISTANCE, NearPairs, largest_sum

__all__ = ["LARGEST_DISTANCE", "SHIFTS", "NearPairs", "largest_sum", "near_pairs"]
