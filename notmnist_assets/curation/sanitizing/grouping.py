"""The grouped split: whole duplicate groups, and if asked whole fonts, stay in one split, so that nothing leaks.

Belongs here: the groups over all images of both sets, and the draw by groups. The canonical split, which follows the
assignment to the row and leaks, is in `splits`.
"""

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

NOWHERE: Final = -1
_FILL_ORDER: Final = ("test", "valid", "train")

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pool:
    """All images of both sets, by set, then letter, then canonical order.

    Attributes:
        letters: by set, then letter.
        set_of: int64 (n,), position in SETS.
        label: int32 (n,), 0 to 9.
        row: int64 (n,), place within its letter.
        font: int64 (n,), number of its font, the same in both sets.
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


def pool_groups(pool: Pool, radius: float, *, by_font: bool, shifts: bool = False) -> Indices:
    """Return the group of each image: connected by equal pixels, by distances up to `radius`, and by fonts if asked.

    Groups are numbered in the order of their first image.
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
    pictures = np.empty((distinct, SIDE, SIDE), np.uint8)
    start = 0
    for part in parts:
        here = np.flatnonzero((first >= start) & (first < start + len(part)))
        copy_rows(part.images, first[here] - start, pictures, here)
        start += len(part)
    pairs = near_pairs(pictures, radius, shifts=shifts)
    source, target, nodes = [pairs.a.astype(np.int64)], [pairs.b.astype(np.int64)], distinct
    if by_font:
        source.append(image.astype(np.int64))
        target.append(distinct + pool.font)
        nodes += int(pool.font.max(initial=-1)) + 1
    a, b = np.concatenate(source), np.concatenate(target)
    # SciPy takes half a second to import: not before it is needed.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(nodes, nodes))
    _, component = connected_components(graph, directed=False)
    return pd.factorize(component[image])[0].astype(np.int64)


def draw_groups(groups: Indices, labels: npt.NDArray[np.int32], sizes: SplitSizes, seed: int) -> Indices:
    """Return the split of each image, as its position in SPLITS; -1 for images that no split has room for.

    Groups are taken in a random order. Each goes whole to the first of test, valid and train that has room for its
    images of every letter, where a tenth of a split's rows is each letter's room. So splits are never larger than
    asked for, and smaller only where the groups left are too large.
    """
    needed, sizes_needed = np.unique(groups * len(LETTERS) + labels, return_counts=True)
    ends = np.cumsum(np.bincount(needed // len(LETTERS))).tolist()
    by_letter = list(zip((needed % len(LETTERS)).tolist(), sizes_needed.tolist(), strict=True))
    room = {name: [getattr(sizes, name) // len(LETTERS)] * len(LETTERS) for name in _FILL_ORDER}
    split_of = np.full(len(ends), NOWHERE, np.int64)
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


def grouped_splits(pool: Pool, split_of: Indices, seed: int) -> dict[str, Split]:
    """Copy the drawn images into splits, each in a random order.

    Args:
        pool: all images.
        split_of: position in SPLITS of each image, or -1.
        seed: of the order.
    """
    random = np.random.default_rng(seed)
    splits = {}
    for place, name in enumerate(SPLITS):
        splits[name] = _gather(pool, random.permutation(np.flatnonzero(split_of == place)))
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
