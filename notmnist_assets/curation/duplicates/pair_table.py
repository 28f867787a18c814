"""Searches the distinct images of all splits for near pairs and stores them in a table that names images by digest.

Digests stay valid when the rows of splits change, so that a stored search can be extended by new images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS, PIXEL_DEPTH, SIDE, Images, copy_rows
from notmnist_assets.curation.core.prefetch import Cluster, one_by_one
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.core.scratch import scratch_folder
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.near import NearPairs, near_pairs
from notmnist_assets.curation.duplicates.near.blocks import BLOCK, near_pairs_in_blocks
from notmnist_assets.curation.duplicates.radius import RADII, choose_radius, radius_curve
from notmnist_assets.curation.duplicates.row_index import NO_IMAGE, Indices, RowIndex
from notmnist_assets.curation.splitting.splits import SPLITS

_MOST_IN_MEMORY: Final = 2 * BLOCK
"""Images that one process searches at once: about 0.5 GB."""


def images_of(index: RowIndex, splits: Mapping[str, Split], rows: Indices) -> Images:
    """Return the pixels of global rows: uint8 (n, 28, 28)."""
    images = np.empty((len(rows), SIDE, SIDE), np.uint8)
    for place, name in enumerate(SPLITS):
        here = np.flatnonzero(index.split[rows] == place)
        copy_rows(splits[name].images, index.row[rows[here]], images, here)
    return images


@dataclass(frozen=True, eq=False)
class NearSearch:
    """A finished search, with the facts that are needed to extend it.

    Attributes:
        pairs: every pair of distinct images at most `radius` apart: `exact_a`, `exact_b` (digests; a is the image
            whose first row comes first), `distance` (sum of absolute pixel differences / 255), `rows_a`, `rows_b`
            (rows of all splits with each image), sorted by the first rows of a, then b.
        searched: object array of str, the sorted digests of all images of the search.
        radius: search radius; `pairs` is complete up to it.
        shifts: whether images were also compared after moves by one pixel.
        code_version: version of the code that searched.
        seen_before: number of these images that were part of the extended search; not stored.
    """

    pairs: pd.DataFrame
    searched: npt.NDArray[np.object_]
    radius: float
    shifts: bool
    code_version: str
    seen_before: int = 0


def search_near(
    index: RowIndex,
    splits: Mapping[str, Split],
    radius: float,
    *,
    shifts: bool = False,
    code_version: str = "",
    previous: NearSearch | None = None,
    cluster: Cluster | None = None,
) -> NearSearch:
    """Find every pair of distinct images of all splits at most `radius` apart.

    Args:
        index: index of all split rows.
        splits: the splits with the pixels.
        radius: largest distance.
        shifts: whether to compare images also after moves by one pixel.
        code_version: version of the code that searches.
        previous: an earlier search to extend: only images that it does not contain are searched, against all. The
            result is the same as without it. It is ignored if its radius is smaller, if `shifts` or `code_version`
            differ, and if its images and radius are the same, so that repeating a search forces a full one.
        cluster: searches blocks of images; threads of this process by default, and always for moves by one pixel and
            for new images against those of an earlier search.
    """
    searched = np.sort(index.digests)
    known = np.zeros(index.images, np.bool_)
    parts: list[NearPairs] = []
    if (
        previous is not None
        and (previous.shifts, previous.code_version) == (shifts, code_version)
        and (
            previous.radius > radius or (previous.radius == radius and not np.array_equal(previous.searched, searched))
        )
    ):
        known = np.isin(index.digests.astype(str), previous.searched.astype(str))
        parts.append(pairs_from_table(index, previous.pairs).within(radius))
    new, old = np.flatnonzero(~known), np.flatnonzero(known)
    parts.append(_renumber(_pairs_of(index, splits, new, radius, shifts, cluster), new, new))
    if len(new) and len(old):
        images = images_of(index, splits, index.first_rows[new])
        others = images_of(index, splits, index.first_rows[old])
        parts.append(_renumber(near_pairs(images, radius, others=others, shifts=shifts), new, old))
    return NearSearch(_pair_table(index, parts), searched, radius, shifts, code_version, seen_before=int(known.sum()))


def _pairs_of(
    index: RowIndex,
    splits: Mapping[str, Split],
    images: Indices,
    radius: float,
    shifts: bool,
    cluster: Cluster | None,
) -> NearPairs:
    """Find the pairs among these images; in blocks if there is a cluster or more than this process should hold."""

    def fetch(numbers: Indices) -> Images:
        return images_of(index, splits, index.first_rows[images[numbers]])

    if shifts or (cluster is None and len(images) <= _MOST_IN_MEMORY):
        return near_pairs(fetch(np.arange(len(images))), radius, shifts=shifts)
    if cluster is not None:
        return near_pairs_in_blocks(len(images), fetch, radius, cluster)
    with scratch_folder() as folder:
        return near_pairs_in_blocks(len(images), fetch, radius, Cluster(one_by_one, folder), workers=2)


def _renumber(pairs: NearPairs, a: Indices, b: Indices) -> NearPairs:
    return NearPairs(a[pairs.a].astype(np.int32), b[pairs.b].astype(np.int32), pairs.distance)


def _pair_table(index: RowIndex, parts: Sequence[NearPairs]) -> pd.DataFrame:
    """Return pairs as a table, sorted by the first rows of a, then b; the order does not depend on the parts."""
    first = np.concatenate([part.a for part in parts])
    second = np.concatenate([part.b for part in parts])
    a, b = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((b, a))
    a, b = a[order], b[order]
    rows = np.bincount(index.image, minlength=index.images).astype(np.int64)
    return pd.DataFrame(
        {
            "exact_a": pd.Series(index.digests[a], dtype="str"),
            "exact_b": pd.Series(index.digests[b], dtype="str"),
            "distance": np.concatenate([part.distance for part in parts])[order] / PIXEL_DEPTH,
            "rows_a": rows[a],
            "rows_b": rows[b],
        }
    )


def pairs_from_table(index: RowIndex, table: pd.DataFrame) -> NearPairs:
    """Return the pairs of a pair table whose images are in the index, as image numbers of the index."""
    a = index.image_numbers(table["exact_a"]).astype(np.int32)
    b = index.image_numbers(table["exact_b"]).astype(np.int32)
    known = (a != NO_IMAGE) & (b != NO_IMAGE)
    sums = (table["distance"].to_numpy() * PIXEL_DEPTH).round().astype(np.int32)
    return NearPairs(a[known], b[known], sums[known])


def pairs_among(index: RowIndex, table: pd.DataFrame, radius: float, images: npt.NDArray[np.intp]) -> NearPairs:
    """Return the pairs within `radius` of two of `images` (ascending image numbers), as positions in `images`."""
    position = np.full(index.images, -1, np.int32)
    position[images] = np.arange(len(images), dtype=np.int32)
    pairs = pairs_from_table(index, table).within(radius)
    a, b = position[pairs.a], position[pairs.b]
    among = (a >= 0) & (b >= 0)
    return NearPairs(a[among], b[among], pairs.distance[among])


def pairs_by_distance(table: pd.DataFrame, radius: float) -> pd.DataFrame:
    """Count the pairs of a pair table by distance, in steps of 1.

    Args:
        table: pair table.
        radius: search radius of the table.

    Returns:
        One row per step up to the radius, rounded up: `distance` (float), `pairs` (int, at most that far apart and
        farther than the previous step).
    """
    steps = np.arange(1, np.ceil(radius) + 1)
    within = np.searchsorted(np.sort(table["distance"].to_numpy()), steps, side="right")
    return pd.DataFrame({"distance": steps, "pairs": np.diff(within, prepend=0)})


def sample_pairs(index: RowIndex, table: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return up to `count` pairs evenly spaced over the distances, the closest first.

    Returns:
        One row per pair: `distance`; `image_a`, `image_b` ("train 7 A": split, row and letter of the first row with the
        image); `rows_a`, `rows_b`.
    """
    ordered = table.sort_values("distance", kind="stable")
    sample = ordered.iloc[evenly_spaced(len(ordered), count)]

    def first_rows(digests: "pd.Series[str]") -> "pd.Series[str]":
        rows = index.first_rows[index.image_numbers(digests)]
        fields = zip(index.split[rows], index.row[rows], index.label[rows], strict=True)
        return pd.Series(
            [f"{SPLITS[split]} {row} {LETTERS[label]}" for split, row, label in fields], digests.index, "str"
        )

    return pd.DataFrame(
        {
            "distance": sample["distance"],
            "image_a": first_rows(sample["exact_a"]),
            "image_b": first_rows(sample["exact_b"]),
            **sample[["rows_a", "rows_b"]],
        }
    )


def radius_table(index: RowIndex, table: pd.DataFrame, *, searched: float, fixed: float | None) -> pd.DataFrame:
    """Return the table of `radius.radius_curve` with a column `chosen` that marks the radius in use.

    Args:
        index: index of all split rows.
        table: pair table.
        searched: search radius of the table, the largest candidate.
        fixed: the radius to use, at most `searched`; None to choose it from the data.
    """
    radii = sorted({radius for radius in RADII if radius <= searched} | ({fixed} if fixed is not None else set()))
    curve = radius_curve(pairs_from_table(index, table), index.rows_by_letter, radii)
    curve["chosen"] = curve["radius"] == (choose_radius(curve).radius if fixed is None else fixed)
    return curve


def chosen_radius(curve: pd.DataFrame) -> float:
    """Return the radius that a radius table marks as chosen."""
    return float(curve.loc[curve["chosen"], "radius"].iloc[0])
