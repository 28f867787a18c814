"""Resizing of many small square images at once, to the pixels that Pillow gives each of them.

Belongs here: the stacking. The filters are Pillow's.
"""

import numpy as np
from PIL import Image

from notmnist_assets.curation.images import Images


def resize(images: Images, side: int, filter_: Image.Resampling) -> Images:
    """Return what `Image.resize((side, side), filter_)` makes of each image: uint8 (n, side, side).

    Pillow resizes squares along lines first, rounds, then along columns, each line and column by itself: the lines of
    all images stacked make one picture, and so do the columns. A call for each image takes ten times as long.

    Args:
        images: uint8 (n, width, width).
        side: of the results.
        filter_: Pillow's.

    Raises:
        ValueError: the images are no squares.
    """
    if images.shape[1] != images.shape[2]:
        raise ValueError(f"images of shape {images.shape[1:]} are no squares")
    if not len(images):
        return np.empty((0, side, side), np.uint8)
    return _along_lines(_along_lines(images, side, filter_).transpose(0, 2, 1), side, filter_).transpose(0, 2, 1)


def _along_lines(images: Images, width: int, filter_: Image.Resampling) -> Images:
    count, height, _ = images.shape
    stacked = Image.fromarray(np.ascontiguousarray(images).reshape(count * height, -1))
    return np.asarray(stacked.resize((width, count * height), filter_)).reshape(count, height, width)
