"""Splits the images of both sets by duplicate groups, so that no image of a group, or of a font, is in two splits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.file_names import fonts_of, source_table
from notmnist_assets.curation.core.images import LETTERS, SETS, SIDE, copy_rows
from notmnist_assets.curation.core.progress import stage
from notmnist_assets.curation.core.values import LetterImages, Split
from notmnist_assets.curation.duplicates.hashes import exact_digests
from notmnist_assets.curation.duplicates.near import near_pairs
from notmnist_assets.curation.duplicates.row_index import first_per_key
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


def group_images(pool: Pool, radius: float, *, by_font: bool, shifts: bool = False) -> Indices:
    """Return the group of each image: int64 (n,), numbered in the order of first images.

    Groups are connected components.

    Args:
        pool: all images.
        radius: images at most this far apart are connected.
        by_font: whether images of the same font are connected too.
        shifts: whether to compare images also after moves by one pixel.
    """
    parts = [pool.letters[set_name][letter] for set_name in SETS for letter in LETTERS]
    digests = []
    with stage("hash", sum(map(len, parts)), "images") as advance:
        for part in parts:
            digests.append(exact_digests(part.images))
            advance(len(part))
    image, _ = pd.factorize(np.concatenate(digests))
    distinct = int(image.max(initial=-1)) + 1
    first = first_per_key(image, np.arange(len(image)), distinct)
    images = np.empty((distinct, SIDE, SIDE), np.uint8)
    start = 0
    for part in parts:
        here = np.flatnonzero((first >= start) & (first < start + len(part)))
        copy_rows(part.images, first[here] - start, images, here)
        start += len(part)
    pairs = near_pairs(images, radius, shifts=shifts)
    source, target, nodes = [pairs.a.astype(np.int64)], [pairs.b.astype(np.int64)], distinct
    if by_font:
        source.append(image.astype(np.int64))
        target.append(distinct + pool.font)
        nodes += int(pool.font.max(initial=-1)) + 1
    a, b = np.concatenate(source), np.concatenate(target)
    # Imported here because importing SciPy takes half a second.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(nodes, nodes))
    _, component = connected_components(graph, directed=False)
    return pd.factorize(component[image])[0].astype(np.int64)


def assign_groups(groups: Indices, labels: npt.NDArray[np.int32], sizes: SplitSizes, seed: int) -> Indices:
    """Assign whole groups to splits in random order.

    Each group goes to the first of test, valid and train that has room for its images of every letter; each letter has
    room for a tenth of a split's rows. So no split is larger than its size, and it is smaller only if the remaining
    groups are too large.

    Args:
        groups: int64 (n,), group of each image, 0 to the number of groups - 1.
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


def left_out_images(
    groups: Indices, labels: npt.NDArray[np.int32], split_of: Indices, sizes: SplitSizes
) -> pd.DataFrame:
    """Count the images that no split got, by letter and reason.

    Args:
        groups: int64 (n,), group of each image.
        labels: int32 (n,), 0 to 9 for A to J.
        split_of: int64 (n,), as `assign_groups` returns it.
        sizes: rows of each split.

    Returns:
        One row per letter and reason, sorted by letter: `letter`; `reason` (`GROUP_TOO_LARGE`: the group has more
        images of a letter than any split has room for; `NO_ROOM`: no split had room when the group was assigned);
        `images`; `groups`; `largest_group` (images of the largest of these groups, of all letters).
    """
    count = int(groups.max(initial=-1)) + 1
    by_letter = np.bincount(groups * len(LETTERS) + labels, minlength=count * len(LETTERS)).reshape(count, len(LETTERS))
    too_large = by_letter.max(axis=1, initial=0) > max(_room_per_letter(sizes, name) for name in SPLITS)
    left_out = np.flatnonzero(split_of == NO_SPLIT)
    group = groups[left_out]
    images = pd.DataFrame(
        {
            "letter": np.array(list(LETTERS), dtype=object)[labels[left_out]],
            "reason": np.where(too_large[group], GROUP_TOO_LARGE, NO_ROOM),
            "group": group,
            "size": by_letter.sum(axis=1)[group],
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
    images = np.empty((len(rows), SIDE, SIDE), np.uint8)
    names = np.empty(len(rows), object)
    for number, set_name in enumerate(SETS):
        for label, letter in enumerate(LETTERS):
            here = np.flatnonzero((pool.set_of[rows] == number) & (pool.label[rows] == label))
            source = pool.letters[set_name][letter]
            copy_rows(source.images, pool.row[rows[here]], images, here)
            names[here] = source.names[pool.row[rows[here]]]
    return Split(images, pool.label[rows], source_table(SETS, pool.set_of[rows], pool.label[rows], names))
