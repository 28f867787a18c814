"""Splits the images of both sets by duplicate groups, so that no image of a group, or of a font, is in two splits.

Images with conflicting letters and repeats are removed before, by the rules of `decision`.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.file_names import fonts_of, source_table
from notmnist_assets.curation.core.images import LETTERS, SETS, SIDE, Images, copy_rows, new_images
from notmnist_assets.curation.core.prefetch import WorkMap, one_by_one
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.curation.core.row_blocks import ROWS, RowBlock, read_rows, row_blocks
from notmnist_assets.curation.core.values import LetterImages, Split
from notmnist_assets.curation.duplicates.hashes import exact_digests
from notmnist_assets.curation.duplicates.near.blocks import find_pairs
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.curation.sanitizing.decision import Policy, sanitize
from notmnist_assets.curation.splitting.splits import SPLITS, SplitSizes

NO_SPLIT: Final = -1
GROUP_TOO_LARGE: Final = "group larger than every split"
NO_ROOM: Final = "splits already full"
_FILL_ORDER: Final = ("test", "valid", "train")

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pool:
    """All images of both sets, sorted by set, letter and canonical order.

    Attributes:
        letters: letters by set, then by name.
        set_of: int64 (n,), position in SETS.
        label: int32 (n,), 0 to 9 for A to J.
        row: int64 (n,), position within the letter.
        font: int64 (n,), number of the font, the same in both sets.
    """

    letters: Mapping[str, Mapping[str, LetterImages]]
    set_of: Indices
    label: npt.NDArray[np.int32]
    row: Indices
    font: Indices


def pool_letters(letters: Mapping[str, Mapping[str, LetterImages]]) -> Pool:
    """Number all images of both sets."""
    counts = np.array([[len(letters[set_name][letter]) for letter in LETTERS] for set_name in SETS])
    flat = counts.reshape(-1)
    names = np.concatenate([letters[set_name][letter].names for set_name in SETS for letter in LETTERS])
    return Pool(
        letters,
        np.repeat(np.repeat(np.arange(len(SETS)), len(LETTERS)), flat),
        np.repeat(np.tile(np.arange(len(LETTERS), dtype=np.int32), len(SETS)), flat),
        np.concatenate([np.arange(count) for count in flat]),
        pd.factorize(fonts_of(names))[0].astype(np.int64),
    )


def index_pool(pool: Pool, radius: float, *, shifts: bool = False, work_map: WorkMap | None = None) -> RowIndex:
    """Index all images of both sets as rows of one split, with the near pairs of distinct images.

    The method cells is not supported: the index has no cell maxima.

    Args:
        pool: all images.
        radius: largest distance of near images.
        shifts: whether to compare images also after moves by one pixel.
        work_map: hashes blocks of rows and searches near pairs; this process by default.
    """
    parts = [pool.letters[set_name][letter] for set_name in SETS for letter in LETTERS]
    run = one_by_one if work_map is None else work_map.run
    blocks = chain.from_iterable(row_blocks(part.images) for part in parts)
    digests = [np.empty(0, object)]
    with progress_bar("hash", sum(map(len, parts)), "images") as advance, closing(run(_digests, blocks)) as hashed:
        for found in hashed:
            digests.append(found)
            advance(len(found))
    exact = pd.Series(np.concatenate(digests), dtype="str")
    rows = pd.DataFrame({"row": np.arange(len(exact)), "label": pool.label, "exact": exact, "cells": ""})
    index = RowIndex({name: rows if name == SPLITS[0] else rows[:0] for name in SPLITS})
    starts = np.cumsum([0, *map(len, parts)])

    def fetch(numbers: Indices) -> Images:
        rows = index.first_rows[numbers]
        images = np.empty((len(rows), SIDE, SIDE), np.uint8)
        for start, part in zip(starts, parts, strict=False):
            here = np.flatnonzero((rows >= start) & (rows < start + len(part)))
            copy_rows(part.images, rows[here] - start, images, here)
        return images

    return index.with_image_pairs(find_pairs(index.images, fetch, radius, shifts=shifts, work_map=work_map))


def _digests(block: RowBlock | Images) -> npt.NDArray[np.object_]:
    return exact_digests(read_rows(block))


def group_images(pool: Pool, radius: float, *, by_font: bool, shifts: bool = False) -> Indices:
    """Return the group of each image: int64 (n,), numbered in the order of first images.

    Groups are connected components.

    Args:
        pool: all images.
        radius: images at most this far apart are connected.
        by_font: whether images of the same font are connected too.
        shifts: whether to compare images also after moves by one pixel.
    """
    return connected_groups(pool, index_pool(pool, radius, shifts=shifts), by_font=by_font)


def connected_groups(pool: Pool, index: RowIndex, *, by_font: bool) -> Indices:
    """Return the groups as `group_images` does, from the result of `index_pool`."""
    a, b, _ = index.edges
    nodes = index.images
    if by_font:
        a, b = np.concatenate([a, index.image]), np.concatenate([b, index.images + pool.font])
        nodes += int(pool.font.max(initial=-1)) + 1
    # Imported here because importing SciPy takes half a second.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(nodes, nodes))
    _, component = connected_components(graph, directed=False)
    return pd.factorize(component[index.image])[0].astype(np.int64)


@dataclass(frozen=True, eq=False)
class Assignment:
    """The split of each image of a pool.

    Attributes:
        groups: int64 (n,), group of each image. Images connected by a removed one are in one group.
        split_of: int64 (n,), position in SPLITS, or -1.
        reasons: str (n,), why an image is in no split: one of `decision.REASONS`, `GROUP_TOO_LARGE` or `NO_ROOM`; empty
            for images of a split.
    """

    groups: Indices
    split_of: Indices
    reasons: "pd.Series[str]"


def split_pool(
    pool: Pool, index: RowIndex, sizes: SplitSizes, seed: int, policy: Policy, *, by_font: bool
) -> Assignment:
    """Remove images with conflicting letters and repeats, and assign the others to splits by groups.

    Args:
        pool: all images.
        index: what `index_pool` returns.
        sizes: rows of each split.
        seed: seed of the order of groups.
        policy: the rules by which images are removed. The method must be near or exact.
        by_font: whether images of the same font are in the same group.
    """
    groups = connected_groups(pool, index, by_font=by_font)
    removed = sanitize(index, policy).removed  # all images are in one split of the index, so that none leaks
    reasons = removed.set_index("row")["reason"].reindex(np.arange(len(groups)), fill_value="")
    split_of = np.full(len(groups), NO_SPLIT, np.int64)
    kept = np.flatnonzero(reasons == "")
    split_of[kept] = assign_groups(groups[kept], pool.label[kept], sizes, seed)
    reasons.iloc[kept] = reasons_left_out(groups[kept], pool.label[kept], split_of[kept], sizes)
    return Assignment(groups, split_of, reasons)


def assign_groups(groups: Indices, labels: npt.NDArray[np.int32], sizes: SplitSizes, seed: int) -> Indices:
    """Assign whole groups to splits in random order.

    Each group goes to the first of test, valid and train that has room for its images of every letter; each letter has
    room for a tenth of a split's rows. So no split is larger than its size, and it is smaller only if the remaining
    groups are too large.

    Args:
        groups: int64 (n,), group of each image, from 0; a number without images is no group.
        labels: int32 (n,), 0 to 9 for A to J.
        sizes: rows of each split.
        seed: seed of the order.

    Returns:
        int64 (n,), position in SPLITS of each image; -1 for images of groups that no split had room for.
    """
    needed, sizes_needed = np.unique(groups * len(LETTERS) + labels, return_counts=True)
    ends = np.cumsum(np.bincount(needed // len(LETTERS))).tolist()
    by_letter = list(zip((needed % len(LETTERS)).tolist(), sizes_needed.tolist(), strict=True))
    room = {name: [_room_per_letter(sizes, name)] * len(LETTERS) for name in _FILL_ORDER}
    split_of = np.full(len(ends), NO_SPLIT, np.int64)
    for group in np.random.default_rng(seed).permutation(len(ends)).tolist():
        wanted = by_letter[ends[group - 1] if group else 0 : ends[group]]
        for name, left in room.items():
            for label, count in wanted:
                if left[label] < count:
                    break
            else:
                for label, count in wanted:
                    left[label] -= count
                split_of[group] = SPLITS.index(name)
                break
    return split_of[groups]


def reasons_left_out(
    groups: Indices, labels: npt.NDArray[np.int32], split_of: Indices, sizes: SplitSizes
) -> "pd.Series[str]":
    """Return why an image is in no split.

    Args:
        groups: int64 (n,), group of each image.
        labels: int32 (n,), 0 to 9 for A to J.
        split_of: int64 (n,), as `assign_groups` returns it.
        sizes: rows of each split.

    Returns:
        str (n,): `GROUP_TOO_LARGE` if the group has more images of a letter than any split has room for, `NO_ROOM` if
        no split had room when the group was assigned, empty for images of a split.
    """
    count = int(groups.max(initial=-1)) + 1
    by_letter = np.bincount(groups * len(LETTERS) + labels, minlength=count * len(LETTERS)).reshape(count, len(LETTERS))
    too_large = by_letter.max(axis=1, initial=0) > max(_room_per_letter(sizes, name) for name in SPLITS)
    reasons = np.where(too_large[groups], GROUP_TOO_LARGE, NO_ROOM)
    return pd.Series(np.where(split_of == NO_SPLIT, reasons, ""), dtype="str")


def left_out_images(groups: Indices, labels: npt.NDArray[np.int32], reasons: "pd.Series[str]") -> pd.DataFrame:
    """Count the images that no split got, by letter and reason.

    Args:
        groups: int64 (n,), group of each image.
        labels: int32 (n,), 0 to 9 for A to J.
        reasons: str (n,), why an image is in no split; empty for images of a split.

    Returns:
        One row per letter and reason, sorted by letter: `letter`, `reason`, `images`, `groups`, `largest_group` (images
        of the largest of these groups, of all letters).
    """
    left_out = np.flatnonzero(reasons != "")
    images = pd.DataFrame(
        {
            "letter": np.array(list(LETTERS), dtype=object)[labels[left_out]],
            "reason": reasons.iloc[left_out],
            "group": groups[left_out],
            "size": np.bincount(groups, minlength=1)[groups[left_out]],
        }
    )
    counts = images.groupby(["letter", "reason"]).agg(
        images=("group", "size"), groups=("group", "nunique"), largest_group=("size", "max")
    )
    return counts.reset_index()


def _room_per_letter(sizes: SplitSizes, name: str) -> int:
    rows: int = getattr(sizes, name)
    return rows // len(LETTERS)


def gather_splits(pool: Pool, split_of: Indices, seed: int) -> dict[str, Split]:
    """Copy the assigned images into splits, each in a random order.

    Args:
        pool: all images.
        split_of: int64 (n,), position in SPLITS of each image, or -1.
        seed: seed of the order.
    """
    random = np.random.default_rng(seed)
    splits = {}
    for position, name in enumerate(SPLITS):
        splits[name] = _gather(pool, random.permutation(np.flatnonzero(split_of == position)))
    return splits


def _gather(pool: Pool, rows: Indices) -> Split:
    images = new_images(len(rows))
    names = np.empty(len(rows), object)
    for start in range(0, len(rows), ROWS):
        block = rows[start : start + ROWS]
        for number, set_name in enumerate(SETS):
            for label, letter in enumerate(LETTERS):
                here = np.flatnonzero((pool.set_of[block] == number) & (pool.label[block] == label))
                source, places = pool.letters[set_name][letter], pool.row[block[here]]
                copy_rows(source.images, places, images, start + here)
                names[start + here] = source.names[places]
    return Split(images, pool.label[rows], source_table(SETS, pool.set_of[rows], pool.label[rows], names))
