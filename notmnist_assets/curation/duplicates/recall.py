"""Measures recall and false alarms of each duplicate detection method.

Recall is measured on planted duplicates: perturbed copies of the data's own images. False alarms are pairs of the data
that a method calls duplicates although their letters differ.
"""

from contextlib import closing
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from notmnist_assets.curation.core.images import PIXEL_DEPTH, Images, check_images, distances
from notmnist_assets.curation.core.intervals import wilson_interval
from notmnist_assets.curation.core.prefetch import WorkMap, one_by_one
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.curation.core.row_blocks import RowBlock, read_rows, share_blocks, share_images
from notmnist_assets.curation.duplicates.hashes import CELLS, cell_maxima
from notmnist_assets.curation.duplicates.near import NearPairs, near_pairs
from notmnist_assets.curation.duplicates.perturbations import PERTURBATIONS, perturbed_copies
from notmnist_assets.curation.duplicates.radius import cross_letter, letter_shares

METHODS: Final = ("exact", "cells", "near", "phash_0", "phash_10")
"""Equal pixels; equal maxima of 4x4 cells, as in the assignment; pixels within the radius; pHash with 0 or at
most 10 of 64 bits different, the two settings of the common tools (imagehash, imagededup)."""

_RECALL_COLUMNS: Final = (
    "perturbation",
    "strength",
    "method",
    "planted",
    "found",
    "recall",
    "ci_low",
    "ci_high",
    "median_distance",
)
_PHASH_BITS: Final = {"phash_0": 0, "phash_10": 10}
_PHASH_CHUNK: Final = 512


class _Planted(NamedTuple):
    """Originals with their coarse and perceptual hashes, and what finds their copies."""

    originals: RowBlock | Images
    cells: Images
    hashes: npt.NDArray[np.uint64]
    radius: float
    shifts: bool
    seed: int


def recall_table(
    images: Images,
    radius: float,
    *,
    shifts: bool = False,
    sample: int = 500,
    seed: int = 0,
    work_map: WorkMap | None = None,
) -> pd.DataFrame:
    """Plant perturbed copies of a sample of the images and count the copies that each method finds.

    A copy is found if the method calls it a duplicate of its original. Some perturbations do not change some images (a
    blur of a blank image); these copies count as well, and `exact` finds only them.

    Args:
        images: uint8 (n, 28, 28), distinct images.
        radius: radius of the method near.
        shifts: whether near also compares images after moves by one pixel.
        sample: largest number of images to perturb.
        seed: seed of the sample and of the perturbations.
        work_map: plants the copies of each perturbation; this process by default.

    Returns:
        One row per perturbation, strength and method: `perturbation`, `strength`, `method`, `planted`, `found`,
        `recall`, `ci_low`, `ci_high` (95 % Wilson interval), `median_distance` (L1 distance of copy and original
        without moves, in units of 255).
    """
    check_images(images, "images")
    rows = np.random.default_rng(seed).choice(len(images), min(sample, len(images)), replace=False)
    originals = images[np.sort(rows)]
    count = len(originals)
    planted = _Planted(
        share_images(originals, work_map),
        cell_maxima(originals),
        perceptual_hashes(originals),
        *(radius, shifts, seed),
    )
    places = [(kind, step) for kind, found in enumerate(PERTURBATIONS) for step in range(len(found.strengths))]
    run = one_by_one if work_map is None else work_map.run
    records = []
    with (
        progress_bar("recall", len(places), "perturbations") as advance,
        closing(run(partial(_found_copies, planted), places)) as counted,
    ):
        for (kind, step), (found, median) in zip(places, counted, strict=True):
            perturbation = PERTURBATIONS[kind]
            records += [
                (perturbation.name, perturbation.strengths[step], method, count, found[method], median)
                for method in METHODS
            ]
            advance(1)
    table = pd.DataFrame(records, columns=["perturbation", "strength", "method", "planted", "found", "median_distance"])
    low, high = wilson_interval(table["found"], table["planted"])
    recall = table["found"] / table["planted"].clip(lower=1)
    return table.assign(recall=recall, ci_low=low, ci_high=high)[list(_RECALL_COLUMNS)]


def _found_copies(planted: _Planted, place: tuple[int, int]) -> tuple[dict[str, int], float]:
    """Plant copies by a perturbation and a strength, given by position.

    Returns:
        How many copies each method finds, and the median distance of copy and original.
    """
    originals = read_rows(planted.originals)
    copies = perturbed_copies(originals, *place, planted.seed)
    distance = distances(originals, copies)
    bits = hamming(planted.hashes, perceptual_hashes(copies))
    found = {
        "exact": distance == 0,
        "cells": (planted.cells == cell_maxima(copies)).all(axis=(1, 2)),
        "near": _find_copies(originals, copies, planted.radius, shifts=planted.shifts),
        **{method: bits <= most for method, most in _PHASH_BITS.items()},
    }
    median = float(np.median(distance)) / PIXEL_DEPTH if len(originals) else 0.0
    return {method: int(mask.sum()) for method, mask in found.items()}, median


def _find_copies(originals: Images, copies: Images, radius: float, *, shifts: bool) -> npt.NDArray[np.bool_]:
    """Return which copies the near search finds near their original: bool (n,)."""
    pairs = near_pairs(originals, radius, others=copies, shifts=shifts)
    found = np.zeros(len(originals), np.bool_)
    found[pairs.a[pairs.a == pairs.b]] = True
    return found


def recall_by_method(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of recall with one column per method.

    Args:
        table: table that `recall_table` returns.

    Returns:
        One row per perturbation and strength, in their order: `perturbation`, `strength`, the recall of each of
        `METHODS` under its name, `median_distance`, `planted`.
    """
    same = ["perturbation", "strength", "median_distance", "planted"]
    recalls = {method: table.loc[table["method"] == method, "recall"].to_numpy() for method in METHODS}
    wide = table.loc[table["method"] == METHODS[0], same].assign(**recalls)
    return wide[["perturbation", "strength", *METHODS, "median_distance", "planted"]].reset_index(drop=True)


def false_alarm_table(
    images: Images,
    letters: npt.NDArray[np.integer],
    pairs: NearPairs,
    work_map: WorkMap | None = None,
) -> pd.DataFrame:
    """Count the pairs that each method calls duplicates, and the share of them with different letters.

    The method exact is left out: distinct images are never equal. Each pair counts once, as in `radius_curve`. Time and
    memory grow with the square of the number of images, since perceptual hashes are compared by brute force; ten
    thousand images are practical.

    Args:
        images: uint8 (n, 28, 28), distinct images.
        letters: integers (n, 10), rows of each letter with an image.
        pairs: all pairs of `images` within the radius.
        work_map: computes and compares perceptual hashes, in blocks of rows; this process by default.

    Returns:
        One row per method: `method`, `images`, `pairs`, `cross_letter`, `share`, `ci_low`, `ci_high`.
    """
    check_images(images, "images")
    shares = letter_shares(letters)
    counts = {
        "cells": _cells_pairs(images, shares),
        "near": (len(pairs), float(cross_letter(pairs, letters).sum())),
        **_phash_pairs(images, shares, work_map),
    }
    table = pd.DataFrame(
        [(method, len(images), *found) for method, found in counts.items()],
        columns=["method", "images", "pairs", "cross_letter"],
    )
    low, high = wilson_interval(np.minimum(table["cross_letter"], table["pairs"]), table["pairs"])
    return table.assign(share=table["cross_letter"] / table["pairs"].clip(lower=1), ci_low=low, ci_high=high)


def _cells_pairs(images: Images, shares: npt.NDArray[np.float64]) -> tuple[int, float]:
    """Return the number of pairs with equal cell maxima, and how many of them have different letters.

    The pairs of a group are counted without listing them: the sum of products over the pairs is
    (square of the sum - sum of the squares) / 2.
    """
    maxima = cell_maxima(images).reshape(len(images), CELLS * CELLS)
    keys = np.ascontiguousarray(maxima).view(np.dtype((np.void, maxima.shape[1])))[:, 0]
    _, groups = np.unique(keys, return_inverse=True)
    sizes = np.bincount(groups)
    sums = np.zeros((len(sizes), shares.shape[1]))
    np.add.at(sums, groups, shares)
    pairs = int((sizes * (sizes - 1) // 2).sum())
    same = (float(np.square(sums).sum()) - float(np.square(shares).sum())) / 2
    return pairs, max(pairs - same, 0.0)


def _phash_pairs(
    images: Images, shares: npt.NDArray[np.float64], work_map: WorkMap | None
) -> dict[str, tuple[int, float]]:
    """Return, for each pHash method, the number of duplicate pairs, and how many of them have different letters."""
    run = one_by_one if work_map is None else work_map.run
    starts = range(0, len(images), _PHASH_CHUNK)
    count = dict.fromkeys(_PHASH_BITS, 0)
    same = dict.fromkeys(_PHASH_BITS, 0.0)
    blocks = share_blocks((images[start : start + _PHASH_CHUNK] for start in starts), work_map)
    with closing(run(_hashes_of_block, blocks)) as parts:
        hashes = np.concatenate([np.empty(0, np.uint64), *parts])
    with closing(run(partial(_close_pairs, hashes, shares), starts)) as found:
        for of_block in found:
            for method, (close, alike) in of_block.items():
                count[method] += close
                same[method] += alike
    return {method: (count[method], max(count[method] - same[method], 0.0)) for method in _PHASH_BITS}


def _hashes_of_block(block: RowBlock | Images) -> npt.NDArray[np.uint64]:
    return perceptual_hashes(read_rows(block))


def _close_pairs(
    hashes: npt.NDArray[np.uint64], shares: npt.NDArray[np.float64], start: int
) -> dict[str, tuple[int, float]]:
    """Return, for each pHash method, the pairs of a block's images with later ones, and their common letters."""
    bits = hamming(hashes[start : start + _PHASH_CHUNK, None], hashes[None, start:])
    a, b = np.nonzero(bits <= max(_PHASH_BITS.values()))
    later = b > a
    a, b = a[later], b[later]
    found = {}
    for method, most in _PHASH_BITS.items():
        close = bits[a, b] <= most
        alike = np.einsum("ij,ij->", shares[a[close] + start], shares[b[close] + start])
        found[method] = int(close.sum()), float(alike)
    return found


def perceptual_hashes(images: Images) -> npt.NDArray[np.uint64]:
    """Return the 64-bit `imagehash.phash` of each image (n, 28, 28), uint64 (n,)."""
    import imagehash  # imported here because it imports SciPy, which takes half a second

    hashes = [imagehash.phash(Image.fromarray(image)).hash for image in images]
    return np.packbits(np.array(hashes, np.bool_).reshape(-1, 64), axis=1).view(">u8")[:, 0].astype(np.uint64)


def hamming(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    """Return the number of different bits of two arrays of hashes, uint8 of the broadcast shape."""
    bits: npt.NDArray[np.uint8] = np.bitwise_count(a ^ b)
    return bits
