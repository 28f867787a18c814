"""Searches the distinct images of all splits for near pairs and stores them in a table that names images by digest.

Digests stay valid when the rows of splits change, so that a stored search can be extended by new images.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS, PIXEL_DEPTH, SIDE, Images, copy_rows
from notmnist_assets.curation.core.mapped_tables import ROWS, map_table
from notmnist_assets.curation.core.prefetch import WorkMap
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.near import NearPairs, near_pairs
from notmnist_assets.curation.duplicates.near.blocks import find_pairs
from notmnist_assets.curation.duplicates.near.pairs import collect
from notmnist_assets.curation.duplicates.radius import RADII, choose_radius, radius_curve
from notmnist_assets.curation.duplicates.row_index import Digests, Indices, RowIndex
from notmnist_assets.curation.splitting.splits import SPLITS

SAMPLE: Final = 1_000_000
"""Most images that are searched up to the search radius. Of more, a sample of as many is, and all images only up to the
radius in use: pairs farther apart only serve to choose this radius, and their number grows almost with the square."""


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
        pairs: every pair of distinct images at most `complete` apart, and of the images of `sample_of` those at most
            `radius` apart: `exact_a`, `exact_b` (digests; a is the image whose first row comes first), `distance` (sum
            of absolute pixel differences / 255), `rows_a`, `rows_b` (rows of all splits with each image), sorted by the
            first rows of a, then b.
        searched: strings, the sorted digests of all images of the search.
        radius: search radius.
        shifts: whether images were also compared after moves by one pixel.
        code_version: version of the code that searched.
        complete: radius up to which all images were searched; None if that is `radius`, as for up to `SAMPLE` images.
        seen_before: number of these images that were part of the extended search; not stored.
    """

    pairs: pd.DataFrame
    searched: Digests
    radius: float
    shifts: bool
    code_version: str
    complete: float | None = None
    seen_before: int = 0


def sample_of(index: RowIndex, count: int = SAMPLE) -> Indices:
    """Return the `count` images with the smallest digests, in ascending order; all images if there are not more.

    Digests are evenly distributed whatever the images are, so that these are a random sample of them.
    """
    if index.images <= count:
        return np.arange(index.images)
    return np.sort(_order(index.digests)[:count])


def _order(digests: Digests) -> Indices:
    import pyarrow as pa
    import pyarrow.compute as pc

    order: Indices = pc.sort_indices(pa.array(digests, pa.large_string())).to_numpy().astype(np.int64)
    return order


def search_near(
    index: RowIndex,
    splits: Mapping[str, Split],
    radius: float,
    *,
    used: float | None = None,
    shifts: bool = False,
    code_version: str = "",
    previous: NearSearch | None = None,
    work_map: WorkMap | None = None,
    sample: int = SAMPLE,
) -> NearSearch:
    """Find every pair of distinct images of all splits at most `radius` apart.

    Of more than `sample` images, the pairs within `radius` are only those of `sample_of`. From these the radius in use
    is chosen as in `radius_table`, and all images are searched up to it.

    Args:
        index: index of all split rows.
        splits: the splits with the pixels.
        radius: largest distance.
        used: the radius in use if it is set; None if it is chosen from the data.
        shifts: whether to compare images also after moves by one pixel.
        code_version: version of the code that searches.
        previous: an earlier search to extend: only images that it does not contain are searched, against all. The
            result is the same as without it. It is ignored if its radius is smaller, if `shifts` or `code_version`
            differ, if it or this search has more than `sample` images, and if its images and radius are the same, so
            that repeating a search forces a full one.
        work_map: searches blocks of images; threads of this process by default, and always for moves by one pixel and
            for new images against those of an earlier search.
        sample: see above.
    """
    searched = index.digests.take(_order(index.digests))

    def pairs_of(images: Indices, radius: float) -> NearPairs:
        def fetch(numbers: Indices) -> Images:
            return images_of(index, splits, index.first_rows[images[numbers]])

        found = find_pairs(len(images), fetch, radius, shifts=shifts, work_map=work_map)
        return found if len(images) == index.images else _renumber(found, images, images)

    if index.images > sample:
        wide = pairs_of(sample_of(index, sample), radius)
        complete = chosen_radius(_curve(index, wide, radius, used, sample))
        table = _pair_table(index, _merge(pairs_of(np.arange(index.images), complete), wide))
        return NearSearch(table, searched, radius, shifts, code_version, complete)
    known = np.zeros(index.images, np.bool_)
    parts: list[NearPairs] = []
    if (
        previous is not None
        and (previous.shifts, previous.code_version) == (shifts, code_version)
        and previous.complete is None
        and (previous.radius > radius or (previous.radius == radius and not _equal(previous.searched, searched)))
    ):
        known = pd.Series(index.digests).isin(previous.searched).to_numpy()
        parts.append(index.pairs_of_table(previous.pairs, radius))
    new, old = np.flatnonzero(~known), np.flatnonzero(known)
    parts.append(pairs_of(new, radius))
    if len(new) and len(old):
        images = images_of(index, splits, index.first_rows[new])
        others = images_of(index, splits, index.first_rows[old])
        parts.append(_renumber(near_pairs(images, radius, others=others, shifts=shifts), new, old))
    table = _pair_table(index, _merge(*parts))
    return NearSearch(table, searched, radius, shifts, code_version, seen_before=int(known.sum()))


def _equal(digests: Digests, others: Digests) -> bool:
    return pd.Series(digests).equals(pd.Series(others))


def _renumber(pairs: NearPairs, a: Indices, b: Indices) -> NearPairs:
    return NearPairs(a[pairs.a].astype(np.int32), b[pairs.b].astype(np.int32), pairs.distance)


def _merge(*parts: NearPairs) -> NearPairs:
    """Return the pairs of all parts once, sorted, smaller image first."""
    if len(parts) == 1:
        return parts[0]
    return collect((np.minimum(part.a, part.b), np.maximum(part.a, part.b), part.distance) for part in parts)


def _pair_table(index: RowIndex, pairs: NearPairs) -> pd.DataFrame:
    """Return sorted pairs as a table."""
    rows = np.bincount(index.image, minlength=index.images).astype(np.int64)

    def part_from(start: int) -> pd.DataFrame:
        a, b, sums = (column[start : start + ROWS] for column in (pairs.a, pairs.b, pairs.distance))
        digests = {"exact_a": index.digests.take(a), "exact_b": index.digests.take(b)}
        return pd.DataFrame({**digests, "distance": sums / PIXEL_DEPTH, "rows_a": rows[a], "rows_b": rows[b]})

    return map_table(map(part_from, range(0, max(len(pairs), 1), ROWS)))


def pairs_among(pairs: NearPairs, images: npt.NDArray[np.intp], count: int) -> NearPairs:
    """Return the pairs of two of `images` (ascending numbers below `count`), as positions in `images`."""
    position = np.full(count, -1, np.int32)
    position[images] = np.arange(len(images), dtype=np.int32)
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
    order = np.argsort(table["distance"].to_numpy(), kind="stable")
    sample = table.iloc[order[evenly_spaced(len(table), count)]]

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


def radius_table(
    index: RowIndex, table: pd.DataFrame, *, searched: float, fixed: float | None, sample: int = SAMPLE
) -> pd.DataFrame:
    """Return the table of `radius.radius_curve` with a column `chosen` that marks the radius in use.

    Args:
        index: index of all split rows.
        table: pair table.
        searched: search radius of the table, the largest candidate.
        fixed: the radius to use, at most `searched`; None to choose it from the data.
        sample: of more images, the curve is that of the images of `sample_of`.
    """
    return _curve(index, index.pairs_of_table(table), searched, fixed, sample)


def _curve(index: RowIndex, pairs: NearPairs, searched: float, fixed: float | None, sample: int) -> pd.DataFrame:
    radii = sorted({radius for radius in RADII if radius <= searched} | ({fixed} if fixed is not None else set()))
    images = sample_of(index, sample)
    letters = np.stack([counts[images] for counts in index.letters_around("exact")], axis=1)
    curve = radius_curve(pairs_among(pairs, images, index.images), letters, radii)
    curve["chosen"] = curve["radius"] == (choose_radius(curve).radius if fixed is None else fixed)
    return curve


def chosen_radius(curve: pd.DataFrame) -> float:
    """Return the radius that a radius table marks as chosen."""
    return float(curve.loc[curve["chosen"], "radius"].iloc[0])
