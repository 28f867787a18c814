"""Sizes of what a search keeps of each image, shared by plain and compiled code.

Belongs here: constants, and why they are what they are. Whoever changes one touches `kernels` too: Numba's cache does
not notice a change in another file.
"""

from typing import Final

CELL: Final = 4
CELLS_SIDE: Final = 7
SUMS: Final = CELLS_SIDE * CELLS_SIDE
PADDED_SUMS: Final = 64
"""Cell sums are stored in rows of 128 bytes, padded with zeros: two whole cache lines, no loop remainder."""
PROJECTIONS: Final = 8
