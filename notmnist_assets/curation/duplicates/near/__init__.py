"""Exact near-duplicate search: all pairs of images within a radius of L1 pixel distance.

Belongs here: what callers use. `join` runs the search, `bounds` and `grid` say why it is fast and misses
nothing, `kernels` holds the compiled loops, `pairs` the result. Importing this costs no compiler; the first
search does.
"""

from notmnist_assets.curation.duplicates.near.join import SHIFTS, near_pairs
from notmnist_assets.curation.duplicates.near.pairs import LARGEST_DISTANCE, NearPairs, largest_sum

__all__ = ["LARGEST_DISTANCE", "SHIFTS", "NearPairs", "largest_sum", "near_pairs"]
