"""Sizes of what a search keeps of each image, shared by plain and compiled code.

Belongs here: constants, and why they are what they are.
"""

from typing import Final

CELLS_SIDE: Final = 7
SUMS: Final = CELLS_SIDE * CELLS_SIDE
PADDED_SUMS: Final = 64
"""Cell sums are stored in rows of 128 bytes, padded with zeros: two whole cache lines, no loop remainder."""
PROJECTIONS: Final = 8
