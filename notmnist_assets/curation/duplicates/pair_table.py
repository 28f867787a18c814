"""The table of near pairs over all splits.

Belongs here: from split rows to distinct images, and from pairs of them to a table that names images by their
digest, so that it stays true when rows move; how many pairs are how far apart, and the curve of pairs with the radius
in use marked. The search is in `near`, the choice of the radius in `radius`, the use of pairs in `relation`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import PIXEL_DEPTH, SIDE, Images, copy_rows
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.near import NearPairs, near_pairs
from notmnist_assets.curation.duplicates.radius import RADII, choose_radius, radius_curve
from notmnist_assets.curation.duplicates.row_index import NO_IMAGE, Indices, RowIndex
from notmnist_assets.curation.splitting.splits import SPLITS


def images_of(index: RowIndex, splits: Mapping[str, Split], rows: Indices) -> Images:
    """Return the pixels of global rows: uint8 (n, 28, 28)."""
    images = np.empty((len(rows), SIDE, SIDE), np.uint8)
    for place, name in enumerate(SPLITS):
        here = np.flatnonzero(index.split[rows] == place)
        copy_rows(splits[name].images, index.row[rows[here]], images, here)
    return images


@dataclass(frozen=True, eq=False)
class NearSearch:
    """A finished search, with what it takes to extend it.

    Attributes:
        pairs: every pair of distinct images at most `radius` apart: `exact_a`, `exact_b` (digests; a is the image
            whose first row comes first), `distance` (sum of absolute pixel differences / 255), `rows_a`, `rows_b`
            (rows of all splits that hold each image), sorted by the first rows of a, then b.
        searched: object array, the sorted digests of all images that were searched.
        radius: up to which `pairs` is complete.
        shifts: whether copies moved by one pixel count.
        code_version: of the code that searched.
        seen_before: how many of these images were taken from an earlier search; not stored.
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
) -> NearSearch:
    """Find every pair of distinct images of all splits at most `radius` apart.

    Args:
        index: of all split rows.
        splits: where the pixels are.
        radius: largest distance.
        shifts: also count copies moved by one pixel.
        code_version: of the code that searches.
        previous: an earlier search; only images that it did not see are searched, against all. The result is the
            same as without it. One that was narrower, of another kind or made by other code is ignored, and so is
            one of the very same images and radius: who asks again for what it holds does not trust it.
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
        parts.append(pairs_of(index, previous.pairs).within(radius))
    new, old = np.flatnonzero(~known), np.flatnonzero(known)
    pictures = images_of(index, splits, index.first_rows[new])
    parts.append(_renumbered(near_pairs(pictures, radius, shifts=shifts), new, new))
    if len(new) and len(old):
        others = images_of(index, splits, index.first_rows[old])
        across = near_pairs(pictures, radius, others=others, shifts=shifts)
        parts.append(_renumbered(across, new, old))
    return NearSearch(_table(index, parts), searched, radius, shifts, code_version, seen_before=int(known.sum()))


def _renumbered(pairs: NearPairs, a: Indices, b: Indices) -> NearPairs:
    return NearPairs(a[pairs.a].astype(np.int32), b[pairs.b].astype(np.int32), pairs.distance)


def _table(index: RowIndex, parts: Sequence[NearPairs]) -> pd.DataFrame:
    """Return pairs as a table in one order, whatever search found them."""
    one = np.concatenate([part.a for part in parts])
    other = np.concatenate([part.b for part in parts])
    a, b = np.minimum(one, other), np.maximum(one, other)
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


def pairs_of(index: RowIndex, table: pd.DataFrame) -> NearPairs:
    """Return the pairs of a near table as numbers of the index's distinct images."""
    a = index.image_numbers(table["exact_a"]).astype(np.int32)
    b = index.image_numbers(table["exact_b"]).astype(np.int32)
    known = (a != NO_IMAGE) & (b != NO_IMAGE)
    sums = (table["distance"].to_numpy() * PIXEL_DEPTH).round().astype(np.int32)
    return NearPairs(a[known], b[known], sums[known])


def pairs_among(index: RowIndex, table: pd.DataFrame, radius: float, images: npt.NDArray[np.intp]) -> NearPairs:
    """Return the pairs within `radius` whose two images are both among `images`, as places in `images` (ascending)."""
    place = np.full(index.images, -1, np.int32)
    place[images] = np.arange(len(images), dtype=np.int32)
    pairs = pairs_of(index, table).within(radius)
    a, b = place[pairs.a], place[pairs.b]
    among = (a >= 0) & (b >= 0)
    return NearPairs(a[among], b[among], pairs.distance[among])


def pairs_by_distance(table: pd.DataFrame, radius: float) -> pd.DataFrame:
    """Count the pairs of a near table by distance, in steps of 1.

    Args:
        table: near pairs.
        radius: up to which they were searched.

    Returns:
        One row per step up to the radius, rounded up: `distance` (float), `pairs` at most that far apart and beyond the
        step before (int).
    """
    steps = np.arange(1, np.ceil(radius) + 1)
    within = np.searchsorted(np.sort(table["distance"].to_numpy()), steps, side="right")
    return pd.DataFrame({"distance": steps, "pairs": np.diff(within, prepend=0)})


def radius_table(index: RowIndex, table: pd.DataFrame, *, searched: float, fixed: float | None) -> pd.DataFrame:
    """Return the curve of `radius.radius_curve` with a column `chosen` that marks the radius in use.

    Args:
        index: of all split rows.
        table: near pairs.
        searched: radius up to which `table` is complete; candidates end there.
        fixed: the radius to use whatever the data say, at most `searched`; None to choose.
    """
    radii = sorted({radius for radius in RADII if radius <= searched} | ({fixed} if fixed is not None else set()))
    curve = radius_curve(pairs_of(index, table), index.rows_by_letter, radii)
    curve["chosen"] = curve["radius"] == (choose_radius(curve) if fixed is None else fixed)
    return curve


def chosen_radius(curve: pd.DataFrame) -> float:
    """Return the radius that a radius table marks as chosen."""
    return float(curve.loc[curve["chosen"], "radius"].iloc[0])
