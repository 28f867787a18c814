"""Builds the sections about duplicates: overlap of the splits, and label conflicts."""

from collections.abc import Sequence

import pandas as pd

from notmnist_assets.curation.core.exhibits import Exhibit
from notmnist_assets.curation.duplicates.examples import (
    conflicting_groups,
    largest_groups,
    pairs_across_splits,
)
from notmnist_assets.curation.duplicates.overlap import font_leakage
from notmnist_assets.curation.report.blocks import (
    MOST_ROWS,
    Folded,
    Pictures,
    Section,
    Summary,
    Table,
    count,
    number_column,
    rows_of,
    share,
    text_cell,
    text_column,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.report.pictures import exhibit_picture
from notmnist_assets.curation.report.recall import METHODS
from notmnist_assets.curation.summaries.results import conflicts_summary, overlap_summary

_PAIRS = 12
_GROUPS = 8
_SUSPECTS = 4


def overlap_section(data: ReportData) -> Section:
    """Show how many rows the splits share, with examples."""
    by_pair = data.overlap.groupby(["rows_of", "found_in"], sort=False)
    methods = list(dict.fromkeys(data.overlap["method"]))
    report = Table(
        "overlap-table",
        "Rows of one split whose image is also in another",
        (
            text_column("rows of", "split whose rows are counted"),
            text_column("found in", "split that is searched for their images; earlier: earlier rows of the same split"),
            *(
                column
                for place, method in enumerate(methods)
                for column in (
                    number_column(method, METHODS.get(method, "")),
                    number_column("share", "" if place else "share of all rows of the split"),
                    number_column("images", "" if place else "number of distinct images of these rows"),
                )
            ),
        ),
        [
            (
                text_cell(rows_of),
                text_cell(found_in if found_in != rows_of else "earlier"),
                *(
                    cell
                    for _, row in part.set_index("method").loc[methods].iterrows()
                    for cell in (count(row["rows"]), share(row["share"], 2), count(row["distinct"]))
                ),
            )
            for (rows_of, found_in), part in by_pair
        ],
    )
    fonts = Table(
        "fonts-table",
        "Fonts shared with train",
        (
            text_column("rows of", "split whose rows are counted"),
            number_column("rows", "rows whose font occurs in train with any letter"),
            number_column("share", "share of all rows of the split"),
            number_column("other letter", "share of rows whose font occurs in train with another letter"),
        ),
        [
            (text_cell(row.rows_of), count(row.rows), share(row.share), share(row.other_letter_share))
            for row in rows_of(font_leakage(data.splits))
        ],
    )
    across = pairs_across_splits(data.index, data.splits, data.near_pairs, data.used_radius, _PAIRS)
    groups = largest_groups(data.index, data.splits, "near", _GROUPS)
    return Section(
        "overlap",
        "Overlap of the splits",
        "The accuracy on test rows whose image is also in train does not predict the accuracy on new images: it is"
        " usually higher, partly because the model has seen the image and partly because these images are easier. This"
        " section describes the splits before sanitizing.",
        (
            Summary(overlap_summary(data.overlap, data.used_radius, font_leakage(data.splits))),
            report,
            pair_pictures(
                "Pairs across splits",
                "Pairs of distinct images within the radius whose rows are in different splits.",
                across,
            ),
            Folded(
                "Largest groups, and fonts shared with train",
                (
                    _groups(
                        "Largest groups",
                        "Groups of images that are connected by pairs within the radius, most rows first.",
                        groups,
                    ),
                    fonts,
                ),
            ),
        ),
        gallery="pairs",
    )


def conflicts_section(data: ReportData) -> Section:
    """List duplicate groups with different letters, with examples."""
    # A near group of one image is an exact group, which is already listed.
    listed = data.conflicts[(data.conflicts["method"] != "near") | (data.conflicts["images"] > 1)]
    groups = list(listed.groupby(["method", "group"], sort=False))
    table = Table(
        "conflicts-table",
        "Groups with different letters",
        (
            text_column("method", "exact: equal pixels; near: distinct images connected by pairs within the radius"),
            number_column("images", "distinct images in the group"),
            number_column("rows", "rows of all splits with one of these images"),
            text_column("letters", "number of rows by letter"),
            text_column(
                "suspects", f"rows without the most frequent letter, at most {_SUSPECTS}: split, row, letter and font"
            ),
        ),
        [
            (
                text_cell(method),
                count(part["images"].iloc[0]),
                count(len(part)),
                text_cell(", ".join(f"{letter} {rows}" for letter, rows in _letters(part).items())),
                text_cell("; ".join(_suspects(part))),
            )
            for (method, _), part in groups[:MOST_ROWS]
        ],
        hidden=max(0, len(groups) - MOST_ROWS),
        empty="No duplicates have different letters.",
    )
    equal = conflicting_groups(data.index, data.splits, "exact", _GROUPS)
    near = conflicting_groups(data.index, data.splits, "near", _GROUPS, fewest_images=2)
    return Section(
        "conflicts",
        "Label conflicts",
        "If rows with the same image have different letters, at least one of their labels is wrong.",
        (
            Summary(conflicts_summary(data.conflicts)),
            _groups("Equal images with different letters", "Groups with most rows first.", equal),
            Folded(
                "Near images with different letters, and all groups",
                (
                    _groups(
                        "Near images with different letters",
                        "Groups of several distinct images, most rows first.",
                        near,
                    ),
                    table,
                ),
            ),
        ),
        gallery="conflicts",
    )


def _letters(group: pd.DataFrame) -> dict[str, int]:
    """Return the number of rows of a group by letter, A first."""
    return {str(letter): int(rows) for letter, rows in group["letter"].value_counts().sort_index().items()}


def _suspects(group: pd.DataFrame) -> list[str]:
    """Describe the first rows without the most frequent letter of the group; without a unique one, the first rows."""
    letters = _letters(group)
    most = max(letters.values())
    frequent = [letter for letter, rows in letters.items() if rows == most]
    others = group if len(frequent) > 1 else group[group["letter"] != frequent[0]]
    return [f"{row.split} {row.row} {row.letter}, {row.font}" for row in rows_of(others.head(_SUSPECTS))]


def pair_pictures(title: str, about: str, exhibits: Sequence[Exhibit]) -> Pictures:
    """Return pictures of pairs, each with the difference of its images, scaled to its maximum."""
    text = f"{about} Each picture shows both images and their amplified difference; the number is their distance."
    return _exhibition(title, text, exhibits, "Two images and their amplified difference")


def _groups(title: str, about: str, exhibits: Sequence[Exhibit]) -> Pictures:
    """Return pictures of groups."""
    text = f"{about} Up to eight images per group; the diameter is the distance between its two most distant images."
    return _exhibition(title, text, exhibits, "Images of one group")


def _exhibition(title: str, about: str, exhibits: Sequence[Exhibit], alt: str) -> Pictures:
    return Pictures(title, about, [exhibit_picture(exhibit, alt) for exhibit in exhibits])
