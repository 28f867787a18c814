"""Packs images into sheets, so that a page can show thousands of them from a few embedded files."""

import io
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import numpy as np
from PIL import Image

from notmnist_assets.curation.core.images import SIDE, Images
from notmnist_assets.curation.core.prefetch import WorkMap, prefetch_map
from notmnist_assets.curation.core.row_blocks import RowBlock, read_rows, share_blocks

COLUMNS: Final = 64
"""Images in a line of a sheet."""
PER_SHEET: Final = COLUMNS * 64
"""Images of a sheet: with more, decoding one would delay the first picture."""


def sprite_sheets(images: Images, work_map: WorkMap | None = None) -> Iterator[bytes]:
    """Yield the images in reading order as lossless WebP files of up to 64x64 images.

    Args:
        images: uint8 (n, 28, 28).
        work_map: encodes the sheets; threads of this process by default.
    """
    run = prefetch_map if work_map is None else work_map.run
    parts = (images[start : start + PER_SHEET] for start in range(0, len(images), PER_SHEET))
    with closing(run(_sheet, share_blocks(parts, work_map))) as sheets:
        yield from sheets


def _sheet(block: RowBlock | Images) -> bytes:
    """Return the images in reading order as a WebP file."""
    part = read_rows(block)
    lines = -(-len(part) // COLUMNS)
    tiles = np.zeros((lines * COLUMNS, SIDE, SIDE), np.uint8)
    tiles[: len(part)] = part
    sheet = tiles.reshape(lines, COLUMNS, SIDE, SIDE).transpose(0, 2, 1, 3).reshape(lines * SIDE, COLUMNS * SIDE)
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "WEBP", lossless=True, quality=50, method=4)
    return file.getvalue()
