"""Cuts images into blocks of rows, which another process reads from the file of the images where there is one."""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np

from notmnist_assets.curation.core.images import PIXELS, SIDE, Images

ROWS: Final = 1 << 16
"""Rows of a block: 51 MB of pixels."""


@dataclass(frozen=True)
class RowBlock:
    """Rows of images in a file.

    Attributes:
        path: the file.
        offset: bytes before the first of the rows.
        rows: number of rows.
    """

    path: str
    offset: int
    rows: int


def row_blocks(images: Images, rows: int = ROWS) -> Iterator[RowBlock | Images]:
    """Yield the images in blocks: as places in their file if they are mapped from one, otherwise the pixels."""
    # A part of a map has the offset of the whole, and another array as base.
    mapped = cast("np.memmap[Any, Any]", images) if isinstance(images.base, mmap.mmap) else None
    for start in range(0, len(images), rows):
        count = min(rows, len(images) - start)
        if mapped is not None and mapped.filename is not None:
            yield RowBlock(str(mapped.filename), mapped.offset + start * PIXELS, count)
        else:
            yield np.asarray(images[start : start + count])


def read_rows(block: RowBlock | Images) -> Images:
    """Return the images of a block."""
    if isinstance(block, RowBlock):
        return np.memmap(block.path, np.uint8, "r", block.offset, (block.rows, SIDE, SIDE))
    return block
