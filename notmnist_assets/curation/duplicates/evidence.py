"""Which duplicates to show a person: the closest across splits, those at the edge of the radius, the largest groups.

Belongs here: picking and captioning. Drawing is in `gallery`, counting in `overlap`.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.figures import ChartForm, line_chart
from notmnist_assets.curation.core.gallery import Exhibit, pair_exhibit
from notmnist_assets.curation.core.images import LETTERS, PIXEL_DEPTH, PIXELS, Images
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.curation.duplicates.near import largest_sum
from notmnist_assets.curation.duplicates.overlap import duplicate_groups
from notmnist_assets.curation.duplicates.pair_table import images_of, pairs_of
from notmnist_assets.curation.duplicates.radius import FEWEST_PAIRS, share_limit, speaks_against_larger
from notmnist_assets.curation.duplicates.row_index import Indices, Method, RowIndex
from notmnist_assets.curation.splitting.splits import SPLITS

_MOST_MEMBERS = 8
_MOST_MEASURED = 2_000
"""Largest group whose diameter is measured: it takes the distances of all pairs."""


def pairs_at_the_edge(
    index: RowIndex, splits: Mapping[str, Split], table: pd.DataFrame, radius: float, count: int
) -> tuple[list[Exhibit], list[Exhibit]]:
    """Return the pairs just inside the radius and those just outside, `count` each, nearest to it first."""
    pairs = pairs_of(index, table)
    order = np.argsort(pairs.distance, kind="stable")
    inside = int(np.searchsorted(pairs.distance[order], largest_sum(radius), side="right"))
    return (
        _exhibit_pairs(index, splits, pairs.a, pairs.b, pairs.distance, order[max(0, inside - count) : inside][::-1]),
        _exhibit_pairs(index, splits, pairs.a, pairs.b, pairs.distance, order[inside : inside + count]),
    )


def pairs_across_splits(
    index: RowIndex, splits: Mapping[str, Split], table: pd.DataFrame, radius: float, count: int
) -> list[Exhibit]:
    """Return pairs within the radius whose images are each in one split only, not the same: what leaks most plainly.

    They are evenly spaced over the distances.
    """
    pairs = pairs_of(index, table).within(radius)
    held = np.zeros((index.images, len(SPLITS)), bool)
    held[index.image, index.split] = True
    in_one = held.sum(axis=1) == 1
    apart = ~(held[pairs.a] & held[pairs.b]).any(axis=1)
    across = np.flatnonzero(in_one[pairs.a] & in_one[pairs.b] & apart)
    across = across[np.argsort(pairs.distance[across], kind="stable")]
    chosen = across[evenly_spaced(len(across), count)]
    return _exhibit_pairs(index, splits, pairs.a, pairs.b, pairs.distance, chosen)


def largest_groups(index: RowIndex, splits: Mapping[str, Split], method: Method, count: int) -> list[Exhibit]:
    """Return the groups with the most rows, each with up to eight of its distinct images and its diameter."""
    groups = duplicate_groups(index, method)
    rows = np.bincount(groups[index.image])
    order = np.argsort(-rows, kind="stable")[:count]
    return [_exhibit_group(index, splits, np.flatnonzero(groups == group)) for group in order if rows[group] > 1]


def conflicting_groups(
    index: RowIndex, splits: Mapping[str, Split], method: Method, count: int, *, fewest_images: int = 1
) -> list[Exhibit]:
    """Return groups of so many distinct images whose rows have different letters, those with the most rows first."""
    groups = duplicate_groups(index, method)
    letters = np.zeros((int(groups.max(initial=-1)) + 1, len(LETTERS)), np.int64)
    np.add.at(letters, groups, index.rows_by_letter)
    images = np.bincount(groups, minlength=len(letters))
    conflicting = np.flatnonzero(((letters > 0).sum(axis=1) > 1) & (images >= fewest_images))
    order = conflicting[np.argsort(-letters[conflicting].sum(axis=1), kind="stable")][:count]
    return [_exhibit_group(index, splits, np.flatnonzero(groups == group)) for group in order]


def removed_pairs(splits: Mapping[str, Split], removed: pd.DataFrame, count: int) -> list[Exhibit]:
    """Return removed rows beside the rows they collide with, `count` of each reason, evenly spaced over distances."""
    return [
        removed_pair(splits, row, "{reason}: {split} {letter} | {collides_split} {collides_letter}")
        for _, rows in removed.sort_values("distance", kind="stable").groupby("reason")
        for row in rows.iloc[evenly_spaced(len(rows), count)].to_dict("records")
    ]


def removed_pair(splits: Mapping[str, Split], row: Mapping[Hashable, Any], caption: str) -> Exhibit:
    """Return a removed row beside the row it collides with.

    Args:
        splits: as drawn.
        row: what the table of removed rows says of it, by column.
        caption: with places for any of these columns, such as `{reason}`, and for `{letter}` and `{collides_letter}`.
    """
    one, other = splits[row["split"]], splits[row["collides_split"]]
    here, there = row["row"], row["collides_row"]
    said = {**row, "letter": LETTERS[one.labels[here]], "collides_letter": LETTERS[other.labels[there]]}
    return pair_exhibit(caption.format_map(said), one.images[here], other.images[there])


def diameter(images: Images) -> float:
    """Return the largest L1 distance between two of the images, in units of 255; 0 for a single one."""
    if len(images) < 2:
        return 0.0
    # SciPy takes half a second to import: not before it is needed.
    from scipy.spatial.distance import pdist

    flat = images.reshape(len(images), PIXELS).astype(np.float64)
    return float(pdist(flat, "cityblock").max() / PIXEL_DEPTH)


def _exhibit_pairs(
    index: RowIndex,
    splits: Mapping[str, Split],
    a: npt.NDArray[np.int32],
    b: npt.NDArray[np.int32],
    distance: npt.NDArray[np.int32],
    chosen: npt.NDArray[np.intp],
) -> list[Exhibit]:
    ones, others = index.first_rows[a[chosen]], index.first_rows[b[chosen]]
    pictures = images_of(index, splits, ones), images_of(index, splits, others)
    return [
        pair_exhibit(
            f"{far / PIXEL_DEPTH:.2f}: {_where(index, one)} | {_where(index, other)}",
            pictures[0][place],
            pictures[1][place],
        )
        for place, (one, other, far) in enumerate(zip(ones, others, distance[chosen], strict=True))
    ]


def _exhibit_group(index: RowIndex, splits: Mapping[str, Split], members: Indices) -> Exhibit:
    counts = index.rows_by_letter[members].sum(axis=0)
    letters = ", ".join(f"{LETTERS[label]} {counts[label]}" for label in np.flatnonzero(counts))
    shown = images_of(index, splits, index.first_rows[members[:_MOST_MEMBERS]])
    if len(members) <= _MOST_MEASURED:
        wide = f"diameter {diameter(images_of(index, splits, index.first_rows[members])):.2f}"
    else:
        wide = "diameter not measured"
    return Exhibit(f"rows: {letters}; {counted(len(members), 'image')}, {wide}", shown)


def _where(index: RowIndex, row: int) -> str:
    return f"{SPLITS[index.split[row]]} {LETTERS[index.label[row]]}"


def radius_chart(curve: pd.DataFrame, used: float, *, title: str = "", form: ChartForm = "png") -> bytes:
    """Plot the share of pairs with different letters by radius, where there are enough pairs to tell.

    Rings are radii that do not rule out larger ones, the dashed line is the radius in use, the dotted one the limit.

    Args:
        curve: as `radius.radius_curve` returns it.
        used: the radius in use.
        title: above the chart.
        form: of the picture.
    """
    shown = curve[curve["pairs"] >= FEWEST_PAIRS]
    radii = shown["radius"].tolist()
    share, low, high = ((shown[column] * 100).tolist() for column in ("share", "ci_low", "ci_high"))
    return line_chart(
        [("different letters", radii, share)],
        bands=[(low, high)],
        hollow=[(~speaks_against_larger(shown)).tolist()],
        title=title,
        x_label="radius (sum of absolute differences / 255)",
        y_label="% of pairs",
        mark_x=used,
        limit_y=share_limit(curve) * 100,
        form=form,
    )
