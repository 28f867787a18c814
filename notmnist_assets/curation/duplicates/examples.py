"""Selects example pictures of duplicates: pairs, groups and removed rows, with captions; plots the radius."""

from collections.abc import Hashable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.exhibits import Exhibit, pair_exhibit, source_lines
from notmnist_assets.curation.core.figures import ChartForm, line_chart
from notmnist_assets.curation.core.images import LETTERS, PIXEL_DEPTH, PIXELS, Images
from notmnist_assets.curation.core.sampling import mixed_rows
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.curation.duplicates.near import NearPairs, largest_sum
from notmnist_assets.curation.duplicates.overlap import duplicate_groups
from notmnist_assets.curation.duplicates.pair_table import images_of
from notmnist_assets.curation.duplicates.radius import has_enough_pairs, share_limit
from notmnist_assets.curation.duplicates.row_index import Indices, Method, RowIndex
from notmnist_assets.curation.splitting.splits import SPLITS

FEWEST_PLOTTED_PAIRS: Final = 20
"""Pairs of a radius that is plotted: with fewer, the interval of its share would fill the chart."""
_MOST_MEMBERS = 8
_CONSIDERED: Final = 1 << 20
_LARGEST_MEASURED = 2_000
"""Largest group whose diameter is measured, in images: it takes the distances of all pairs."""


def pairs_around_radius(
    index: RowIndex, splits: Mapping[str, Split], table: pd.DataFrame, radius: float, count: int
) -> tuple[list[Exhibit], list[Exhibit]]:
    """Return up to `count` of the widest pairs within the radius, the widest first, and of the closest beyond it.

    Of several pairs between the same duplicate groups, only the first is returned, and letters are mixed.
    """
    pairs = index.pairs_of_table(table)
    order = np.argsort(pairs.distance, kind="stable")
    inside = int(np.searchsorted(pairs.distance[order], largest_sum(radius), side="right"))
    within, beyond = order[:inside][::-1], order[inside:]
    return (
        _exhibit_pairs(index, splits, pairs, within[_mixed_pairs(index, pairs, within, count)]),
        _exhibit_pairs(index, splits, pairs, beyond[_mixed_pairs(index, pairs, beyond, count)]),
    )


def _mixed_pairs(
    index: RowIndex, pairs: NearPairs, selected: npt.NDArray[np.intp], count: int, *, spread: bool = False
) -> npt.NDArray[np.intp]:
    """Return the places of up to `count` of the selected pairs, each between other groups, with letters mixed.

    Of more than a million pairs, only the first ones are considered, unless they are to be spread over all.
    """
    if not spread:
        selected = selected[:_CONSIDERED]
    groups = duplicate_groups(index, "near")
    ends = np.sort(np.stack([groups[pairs.a[selected]], groups[pairs.b[selected]]]), axis=0)
    between = ends[0] * (groups.max(initial=0) + 1) + ends[1]
    letters = index.label[index.first_rows[pairs.a[selected]]]
    return mixed_rows(between, letters, count, spread=spread)


def pairs_across_splits(
    index: RowIndex, splits: Mapping[str, Split], table: pd.DataFrame, radius: float, count: int
) -> list[Exhibit]:
    """Return pairs within the radius of two images that are each in one split only, in different splits.

    The closest pair of each duplicate group counts. Letters are mixed, and the pairs of each are evenly spaced over the
    distances, the closest first.
    """
    pairs = index.pairs_of_table(table, radius)
    in_split = np.zeros((index.images, len(SPLITS)), bool)
    in_split[index.image, index.split] = True
    in_one = in_split.sum(axis=1) == 1
    apart = ~(in_split[pairs.a] & in_split[pairs.b]).any(axis=1)
    across = np.flatnonzero(in_one[pairs.a] & in_one[pairs.b] & apart)
    across = across[np.argsort(pairs.distance[across], kind="stable")]
    return _exhibit_pairs(index, splits, pairs, across[_mixed_pairs(index, pairs, across, count, spread=True)])


def largest_groups(index: RowIndex, splits: Mapping[str, Split], method: Method, count: int) -> list[Exhibit]:
    """Return the groups with the most rows, each with up to eight of its distinct images and its diameter."""
    groups = duplicate_groups(index, method)
    rows = np.bincount(groups[index.image])
    order = np.argsort(-rows, kind="stable")[:count]
    return [_exhibit_group(index, splits, np.flatnonzero(groups == group)) for group in order if rows[group] > 1]


def conflicting_groups(
    index: RowIndex, splits: Mapping[str, Split], method: Method, count: int, *, fewest_images: int = 1
) -> list[Exhibit]:
    """Return groups whose rows have different letters, the groups with the most rows first.

    Args:
        index: index of all split rows.
        splits: the splits with the pixels.
        method: relation that connects images to groups.
        count: largest number of groups.
        fewest_images: smallest number of distinct images of a group.
    """
    groups = duplicate_groups(index, method)
    letters = np.zeros((int(groups.max(initial=-1)) + 1, len(LETTERS)), np.int64)
    np.add.at(letters, groups, index.rows_by_letter)
    images = np.bincount(groups, minlength=len(letters))
    conflicting = np.flatnonzero(((letters > 0).sum(axis=1) > 1) & (images >= fewest_images))
    order = conflicting[np.argsort(-letters[conflicting].sum(axis=1), kind="stable")][:count]
    return [_exhibit_group(index, splits, np.flatnonzero(groups == group)) for group in order]


def removed_pairs(index: RowIndex, splits: Mapping[str, Split], removed: pd.DataFrame, count: int) -> list[Exhibit]:
    """Return removed rows beside the rows they collide with, up to `count` of each reason.

    Each is of another duplicate group. Letters are mixed, and the rows of each are evenly spaced over distances.
    """
    groups = duplicate_groups(index, "near")[index.image]
    marked = removed.sort_values("distance", kind="stable").assign(group=0, label=0)
    for name, rows in marked.groupby("split"):
        in_split = index.in_split(str(name))
        marked.loc[rows.index, "group"] = groups[in_split][rows["row"]]
        marked.loc[rows.index, "label"] = index.label[in_split][rows["row"]]
    return [
        removed_pair(splits, row, "{reason}: {split} {letter} | {collides_split} {collides_letter}")
        for _, rows in marked.groupby("reason")
        for row in rows.iloc[
            mixed_rows(rows["group"].to_numpy(), rows["label"].to_numpy(), count, spread=True)
        ].to_dict("records")
    ]


def removed_pair(splits: Mapping[str, Split], row: Mapping[Hashable, Any], caption: str) -> Exhibit:
    """Return a removed row beside the row it collides with.

    Args:
        splits: the splits before sanitizing.
        row: record of the table of removed rows, by column.
        caption: format string with any of these columns, such as `{reason}`, and `{letter}` and `{collides_letter}`.
    """
    removed_from, collides_in = splits[row["split"]], splits[row["collides_split"]]
    removed, collides = row["row"], row["collides_row"]
    columns: dict[Hashable, Any] = {
        **row,
        "letter": LETTERS[removed_from.labels[removed]],
        "collides_letter": LETTERS[collides_in.labels[collides]],
    }
    return pair_exhibit(
        caption.format_map(columns),
        removed_from.images[removed],
        collides_in.images[collides],
        [_font_and_file(removed_from, removed), _font_and_file(collides_in, collides)],
    )


def diameter(images: Images) -> float:
    """Return the largest L1 distance between two of the images, in units of 255; 0 for a single one."""
    if len(images) < 2:
        return 0.0
    # Imported here because importing SciPy takes half a second.
    from scipy.spatial.distance import pdist

    flat = images.reshape(len(images), PIXELS).astype(np.float64)
    return float(pdist(flat, "cityblock").max() / PIXEL_DEPTH)


def _exhibit_pairs(
    index: RowIndex, splits: Mapping[str, Split], pairs: NearPairs, selected: npt.NDArray[np.intp]
) -> list[Exhibit]:
    a, b = index.first_rows[pairs.a[selected]], index.first_rows[pairs.b[selected]]
    images_a, images_b = images_of(index, splits, a), images_of(index, splits, b)
    return [
        pair_exhibit(
            f"{distance / PIXEL_DEPTH:.2f}: {_split_and_letter(index, row_a)} | {_split_and_letter(index, row_b)}",
            images_a[place],
            images_b[place],
            [_source_line(index, splits, row_a), _source_line(index, splits, row_b)],
        )
        for place, (row_a, row_b, distance) in enumerate(zip(a, b, pairs.distance[selected], strict=True))
    ]


def _exhibit_group(index: RowIndex, splits: Mapping[str, Split], members: Indices) -> Exhibit:
    counts = index.rows_by_letter[members].sum(axis=0)
    letters = ", ".join(f"{LETTERS[label]} {counts[label]}" for label in np.flatnonzero(counts))
    images = images_of(index, splits, index.first_rows[members[:_MOST_MEMBERS]])
    if len(members) <= _LARGEST_MEASURED:
        width = f"diameter {diameter(images_of(index, splits, index.first_rows[members])):.2f}"
    else:
        width = "diameter not measured"
    source = _source_line(index, splits, index.first_rows[members[0]])
    return Exhibit(f"rows: {letters}; {counted(len(members), 'image')}, {width}", images, [source])


def _source_line(index: RowIndex, splits: Mapping[str, Split], row: int) -> str:
    return _font_and_file(splits[SPLITS[index.split[row]]], index.row[row])


def _font_and_file(split: Split, row: int) -> str:
    return ", ".join(source_lines(split.sources.iloc[row].to_dict()))


def _split_and_letter(index: RowIndex, row: int) -> str:
    return f"{SPLITS[index.split[row]]} {LETTERS[index.label[row]]}"


def radius_chart(curve: pd.DataFrame, used: float, *, title: str = "", form: ChartForm = "png") -> bytes:
    """Plot the share of pairs with different letters by radius, for radii with at least 20 pairs.

    Rings mark radii with too few pairs to be rejected, the dashed line is the radius in use, the dotted line the limit.

    Args:
        curve: table that `radius.radius_curve` returns.
        used: the radius in use.
        title: title above the chart.
        form: format of the picture.
    """
    supported = curve[curve["pairs"] >= FEWEST_PLOTTED_PAIRS]
    radii = supported["radius"].tolist()
    share, low, high = ((supported[column] * 100).tolist() for column in ("share", "ci_low", "ci_high"))
    return line_chart(
        [("different letters", radii, share)],
        bands=[(low, high)],
        hollow=[(~has_enough_pairs(supported)).tolist()],
        title=title,
        x_label="radius (sum of absolute differences / 255)",
        y_label="% of pairs",
        mark_x=used,
        limit_y=share_limit(curve) * 100,
        form=form,
    )
