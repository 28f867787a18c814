"""Names images by their place in a file, from which another process reads them."""

import mmap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast
from uuid import uuid4

import numpy as np

from notmnist_assets.curation.core.images import PIXELS, SIDE, Images, new_images
from notmnist_assets.curation.core.prefetch import WorkMap

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

    path: Path
    offset: int
    rows: int


def row_blocks(images: Images, rows: int = ROWS) -> Iterator[RowBlock | Images]:
    """Yield the images in blocks: as places in their file if they are mapped from one, otherwise the pixels."""
    # A part of a map has the offset of the whole, and another array as base.
    mapped = cast("np.memmap[Any, Any]", images) if isinstance(images.base, mmap.mmap) else None
    for start in range(0, len(images), rows):
        count = min(rows, len(images) - start)
        if mapped is not None and mapped.filename is not None:
            yield RowBlock(Path(mapped.filename), mapped.offset + start * PIXELS, count)
        else:
            yield np.asarray(images[start : start + count])


def read_rows(block: RowBlock | Images) -> Images:
    """Return the images of a block, mapped from a file if they are many."""
    if not isinstance(block, RowBlock):
        return block
    if isinstance(block.path, Path) and block.rows:  # not in an object store, and not empty
        return np.memmap(block.path, np.uint8, "r", block.offset, (block.rows, SIDE, SIDE))
    images = new_images(block.rows)
    with block.path.open("rb") as file:
        file.seek(block.offset)
        for start in range(0, block.rows, ROWS):
            part = images[start : start + ROWS]
            part[:] = np.frombuffer(file.read(part.nbytes), np.uint8).reshape(part.shape)
    return images


def first_rows(block: RowBlock | Images, rows: int) -> RowBlock | Images:
    """Return the first rows of a block."""
    return replace(block, rows=rows) if isinstance(block, RowBlock) else block[:rows]


def share_blocks(blocks: Iterable[Images], work_map: WorkMap | None) -> Iterable[RowBlock | Images]:
    """Return blocks of images for pieces of work: with a map, as places in a new file of its folder."""
    if work_map is None:
        return blocks
    path, places, offset = work_map.folder / f"rows-{uuid4().hex}.raw", [], 0
    with path.open("wb") as file:
        for block in blocks:
            file.write(np.ascontiguousarray(block).data)
            places.append(RowBlock(path, offset, len(block)))
            offset += block.nbytes
    return places


def share_images(images: Images, work_map: WorkMap | None) -> RowBlock | Images:
    """Return images for pieces of work: with a map, as a place in their file if they are mapped, or in a new one."""
    if work_map is None:
        return images
    (whole,) = row_blocks(images, len(images)) if len(images) else [images]
    return whole if isinstance(whole, RowBlock) else next(iter(share_blocks([images], work_map)))
