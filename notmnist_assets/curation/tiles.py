"""Sums over the sixteen 7x7 tiles of an image: their differences bound the L1 distance of two images from below.

Belongs here: what the second looks at stored images, `proof` and `likeness`, have in common. The search has bounds of
its own.
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.images import SIDE

TILE: Final = 7
"""Pixels of a tile's side."""
ACROSS: Final = SIDE // TILE
"""Tiles beside each other."""
TILES: Final = ACROSS**2


@numba.njit(cache=True, nogil=True)
def tile_sums(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Return the sums over the tiles of images (n, 784), line by line: int32 (n, 16)."""
    sums = np.zeros((len(images), TILES), np.int32)
    for row in range(len(images)):
        for line in range(SIDE):
            for across in range(ACROSS):
                total = 0
                for pixel in range(TILE):
                    total += images[row, line * SIDE + across * TILE + pixel]
                sums[row, line // TILE * ACROSS + across] += total
    return sums
