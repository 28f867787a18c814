"""Builds the sections about duplicates: overlap of the splits, choice of the radius, and label conflicts."""

from collections.abc import Sequence

import pandas as pd

from notmnist_assets.curation.core.exhibits import Exhibit
from notmnist_assets.curation.duplicates.examples import (
    FEWEST_PLOTTED_PAIRS,
    conflicting_groups,
    largest_groups,
    pairs_across_splits,
    pairs_around_radius,
    radius_chart,
)
from notmnist_assets.curation.duplicates.overlap import font_leakage
from notmnist_assets.curation.duplicates.radius import (
    CROSS_LETTER_LIMIT,
    FALLBACK_RADIUS,
    choose_radius,
    has_enough_pairs,
    label_noise,
    share_limit,
)
from notmnist_assets.curation.report.blocks import (
    MOST_ROWS,
    Chart,
    Fact,
    Facts,
    Folded,
    Paragraph,
    Pictures,
    Section,
    Summary,
    Table,
    count,
    exhibit_picture,
    interval,
    measure,
    number_column,
    rows_of,
    share,
    text_cell,
    text_column,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.report.recall import METHODS
from notmnist_assets.curation.summaries.results import conflicts_summary, overlap_summary

_PAIRS = 12
_GROUPS = 8
_SUSPECTS = 4
_SUPPORT = round(1 / CROSS_LETTER_LIMIT)


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
            _pairs(
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


def radius_section(data: ReportData) -> Section:
    """Show the curve from which the radius was chosen, the rule, and pairs on both sides of the radius."""
    curve = data.radius
    limit = share_limit(curve)
    facts = Facts(
        "radius-facts",
        (
            Fact("radius in use", measure(data.used_radius, 1), "largest sum of absolute pixel differences / 255"),
            Fact(
                "label noise",
                share(label_noise(curve), 3),
                "lower end of the interval of the smallest share, attributed to wrong labels",
            ),
            Fact("limit", share(limit, 3), f"label noise plus {100 * CROSS_LETTER_LIMIT:g} %"),
        ),
    )
    chart = Chart(
        "Pairs with different letters by radius",
        f"Line chart of the share of pairs with different letters by radius; lines mark the radius {data.used_radius:g}"
        " and the limit",
        "Share of pairs with different letters and its 95 % interval, for radii with at least"
        f" {FEWEST_PLOTTED_PAIRS} pairs; rings mark radii with fewer than {_SUPPORT} pairs. Dashed: the"
        f" radius in use, {data.used_radius:g}. Dotted: the limit, {100 * limit:.3f} %.",
        radius_chart(curve, data.used_radius, form="svg"),
    )
    table = Table(
        "radius-curve-table",
        "Pairs of distinct images by radius",
        (
            number_column("radius", "largest sum of absolute pixel differences / 255"),
            number_column("pairs", "pairs of distinct images at most this far apart"),
            number_column(
                "different letters",
                "pairs of these with different letters; a pair whose images occur with several letters counts in part",
            ),
            number_column("share", "share of the pairs"),
            number_column("95 % interval", "Wilson interval of the share"),
            text_column(
                "note",
                f"few pairs: a radius with fewer than {_SUPPORT} pairs is not rejected, since a single wrong label"
                " would suffice",
            ),
        ),
        [
            (
                measure(row.radius, 1),
                count(row.pairs),
                measure(row.cross_letter, 1),
                share(row.share, 2),
                interval(row.ci_low, row.ci_high, 2),
                text_cell(", ".join((["in use"] if row.chosen else []) + (["few pairs"] if row.weak else []))),
            )
            for row in rows_of(curve.assign(weak=~has_enough_pairs(curve)))
        ],
    )
    inside, outside = pairs_around_radius(data.index, data.splits, data.near_pairs, data.used_radius, _PAIRS)
    return Section(
        "radius",
        "Radius",
        "Copies of one image have the same letter. A larger radius also includes pairs that only look alike, and some"
        " of them have different letters: the radius is too large where the share of such pairs clearly exceeds the"
        " label noise.",
        (
            Paragraph(_rule(curve, data.used_radius)),
            facts,
            chart,
            Folded(table.caption, (table,)),
            Folded(
                "Pairs just within and just beyond the radius",
                (
                    _pairs(
                        "Pairs just within the radius", "The most distant pairs that count as the same image.", inside
                    ),
                    _pairs(
                        "Pairs just beyond the radius",
                        "The nearest pairs that do not count as the same image.",
                        outside,
                    ),
                ),
            ),
        ),
    )


def _rule(curve: pd.DataFrame, used: float) -> str:
    """Describe the rule of `choose_radius`, what it chooses and why, and a setting that overrides it."""
    choice = choose_radius(curve)
    rule = (
        f"Rule: the fallback, {FALLBACK_RADIUS:g}, is used unless the data accept a larger radius or reject it. A"
        " radius is accepted if the whole interval of its share is below the limit, and rejected, with all larger ones,"
        f" if it has at least {_SUPPORT} pairs and the whole interval is at or above the limit. The rule chooses"
        f" {choice.radius:g}: {choice.reason}."
    )
    return rule if choice.radius == used else f"{rule} The setting near_radius overrides it with {used:g}."


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


def _pairs(title: str, about: str, exhibits: Sequence[Exhibit]) -> Pictures:
    """Return pictures of pairs, each with the difference of its images, scaled to its maximum."""
    text = f"{about} Each picture shows both images and their amplified difference; the number is their distance."
    return _exhibition(title, text, exhibits, "Two images and their amplified difference")


def _groups(title: str, about: str, exhibits: Sequence[Exhibit]) -> Pictures:
    """Return pictures of groups."""
    text = f"{about} Up to eight images per group; the diameter is the distance between its two most distant images."
    return _exhibition(title, text, exhibits, "Images of one group")


def _exhibition(title: str, about: str, exhibits: Sequence[Exhibit], alt: str) -> Pictures:
    return Pictures(title, about, [exhibit_picture(exhibit, alt) for exhibit in exhibits])
