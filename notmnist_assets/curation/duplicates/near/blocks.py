"""Searches a table in blocks, so that no process holds all of its images, and several processes can search.

Images are sorted by one sign projection, which is a lower bound of the distance (see `bounds`). So each image within
the radius of a block's image lies in that block or, where the projection of the block's last image plus the radius
ends, soon after it. A block is searched together with these images beyond its end: each pair is found once.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import PIXELS
from notmnist_assets.curation.core.prefetch import WorkMap, one_by_one
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.curation.core.scratch import scratch_folder
from notmnist_assets.curation.duplicates.near import bounds
from notmnist_assets.curation.duplicates.near.join import near_pairs
from notmnist_assets.curation.duplicates.near.pairs import NearPairs, PairColumns, collect, largest_sum

BLOCK: Final = 1 << 18
"""Images of a block: 206 MB of pixels, and as much again for the images beyond its end at most in data seen so far."""
_MOST_IN_MEMORY: Final = 2 * BLOCK
"""Images that one process searches at once: about 0.5 GB."""
_CHUNK: Final = 1 << 14
_SAMPLE: Final = 20_000

Int64 = npt.NDArray[np.int64]
FetchImages = Callable[[Int64], npt.NDArray[np.uint8]]
"""Returns the images with these numbers."""


@dataclass(frozen=True)
class Block:
    """Images `start` to `end` of a file of sorted images; those up to `reach` may be within the radius of one."""

    path: Path
    start: int
    end: int
    reach: int
    radius: float
    workers: int


def find_pairs(
    count: int, fetch: FetchImages, radius: float, *, shifts: bool = False, work_map: WorkMap | None = None
) -> NearPairs:
    """Find the pairs of a table as `near_pairs` does; in blocks if it is large.

    Args:
        count: number of images.
        fetch: returns images by number.
        radius: largest distance, 0 to 784.
        shifts: whether to compare images also after moves by one pixel; then never in blocks.
        work_map: searches the blocks; threads of this process by default, which take a small table as a whole.
    """
    if shifts or (work_map is None and count <= _MOST_IN_MEMORY):
        return near_pairs(fetch(np.arange(count)), radius, shifts=shifts)
    if work_map is not None:
        return near_pairs_in_blocks(count, fetch, radius, work_map)
    with scratch_folder() as folder:
        return near_pairs_in_blocks(count, fetch, radius, WorkMap(one_by_one, folder), workers=2)


def near_pairs_in_blocks(
    count: int, fetch: FetchImages, radius: float, work_map: WorkMap, *, workers: int = 1, size: int = BLOCK
) -> NearPairs:
    """Find the pairs of a table as `near_pairs` does.

    Args:
        count: number of images.
        fetch: returns images by number.
        radius: largest distance, 0 to 784.
        work_map: searches the blocks; the sorted images go through its folder.
        workers: threads for each block.
        size: images of a block.

    Raises:
        ValueError: the radius is negative or not a number.
    """
    limit = largest_sum(radius)
    if not count:
        return collect([])
    projection = _project(count, fetch)
    order = np.argsort(projection, kind="stable")
    reach = np.searchsorted(projection[order], projection[order] + limit, side="right")
    path = work_map.folder / f"near-{uuid4().hex}.raw"
    try:
        with path.open("wb") as file:
            for rows in _chunks(order):
                file.write(np.ascontiguousarray(fetch(rows)).data)
        blocks = [
            Block(path, start, end, int(reach[end - 1]), radius, workers)
            for start in range(0, count, size)
            for end in [min(start + size, count)]
        ]
        return collect(_pairs_of_blocks(blocks, order.astype(np.int32), work_map))
    finally:
        path.unlink(missing_ok=True)


def _pairs_of_blocks(blocks: Sequence[Block], order: npt.NDArray[np.int32], work_map: WorkMap) -> Iterator[PairColumns]:
    """Yield the pairs of each block, smaller image first; `order` has the image of each place in the file."""
    with (
        progress_bar("near duplicates", len(order), "images") as advance,
        closing(work_map.run(search_block, blocks)) as parts,
    ):
        for block, pairs in zip(blocks, parts, strict=True):
            a, b = order[pairs.a], order[pairs.b]
            yield np.minimum(a, b), np.maximum(a, b), pairs.distance
            advance(block.end - block.start)


def search_block(block: Block) -> NearPairs:
    """Return the pairs of a block's images with each other and with those beyond its end, by place in the file."""
    with block.path.open("rb") as file:
        file.seek(block.start * PIXELS)
        data = file.read((block.reach - block.start) * PIXELS)
    images = np.frombuffer(data, np.uint8).reshape(-1, PIXELS)
    count = block.end - block.start
    within = near_pairs(images[:count], block.radius, workers=block.workers)
    beyond = near_pairs(images[:count], block.radius, others=images[count:], workers=block.workers)
    start = np.int32(block.start)
    return NearPairs(
        np.concatenate([within.a, beyond.a]) + start,
        np.concatenate([within.b, beyond.b + np.int32(count)]) + start,
        np.concatenate([within.distance, beyond.distance]),
    )


def _project(count: int, fetch: FetchImages) -> npt.NDArray[np.int32]:
    """Return one sign projection of each image: int32 (count,)."""
    numbers = np.arange(count)
    with ThreadPoolExecutor(1) as pool:
        sample = fetch(numbers[:: max(1, count // _SAMPLE)])
        signs = bounds.choose_signs(bounds.cell_sums(sample.reshape(-1, PIXELS), pool))[:, 0]
        projections = [
            # Exact: see `bounds.sketch`.
            (bounds.cell_sums(fetch(rows).reshape(-1, PIXELS), pool)[:, : bounds.SUMS].astype(np.float32) @ signs)
            for rows in _chunks(numbers)
        ]
    return np.concatenate(projections).astype(np.int32)


def _chunks(rows: Int64) -> Iterator[Int64]:
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]
