"""What is shared: overlap of the splits, the radius, groups, conflicts, and what each method finds.

Belongs here: the sections about the same image in several rows. Counting is in `overlap`, `radius` and `recall`.
"""

from collections.abc import Sequence

import pandas as pd

from notmnist_assets.curation.core.gallery import Exhibit
from notmnist_assets.curation.duplicates.examples import (
    conflicting_groups,
    largest_groups,
    pairs_across_splits,
    pairs_around_radius,
    radius_chart,
)
from notmnist_assets.curation.duplicates.overlap import font_leakage
from notmnist_assets.curation.duplicates.radius import (
    CROSS_LETTER_LIMIT,
    FEWEST_PAIRS,
    can_rule_out_larger,
    choose_radius,
    label_noise,
    share_limit,
)
from notmnist_assets.curation.report.blocks import (
    MOST_ROWS,
    Chart,
    Fact,
    Facts,
    Paragraph,
    Pictures,
    Section,
    Table,
    count,
    exhibit_picture,
    interval,
    measure,
    numbers,
    rows_of,
    share,
    word,
    words,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.report.recall import METHODS

_PAIRS = 12
_GROUPS = 8
_SUSPECTS = 4
_SUPPORT = round(1 / CROSS_LETTER_LIMIT)


def overlap_section(data: ReportData) -> Section:
    """Tell what the splits share, with pictures."""
    by_pair = data.overlap.groupby(["rows_of", "found_in"], sort=False)
    methods = list(dict.fromkeys(data.overlap["method"]))
    report = Table(
        "overlap-table",
        "Rows of one split that are found in another",
        (
            words("rows of", "the split whose rows are counted"),
            words("found in", "the split they are looked up in; earlier: repeats of an earlier row of the same split"),
            *(
                column
                for place, method in enumerate(methods)
                for column in (
                    numbers(method, METHODS.get(method, "")),
                    numbers("share", "" if place else "of all rows of the split"),
                    numbers("images", "" if place else "how many different images these rows show"),
                )
            ),
        ),
        [
            (
                word(rows_of),
                word(found_in if found_in != rows_of else "earlier"),
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
        "Fonts that evaluation shares with train",
        (
            words("rows of"),
            numbers("rows", "whose font has any letter in train"),
            numbers("share", "of all rows of the split"),
            numbers("other letter", "share whose font has a different letter in train"),
        ),
        [
            (word(row.rows_of), count(row.rows), share(row.share), share(row.other_letter_share))
            for row in rows_of(font_leakage(data.splits))
        ],
    )
    across = pairs_across_splits(data.index, data.splits, data.near_pairs, data.used_radius, _PAIRS)
    groups = largest_groups(data.index, data.splits, "near", _GROUPS)
    return Section(
        "overlap",
        "What the splits share",
        "Test rows whose images were trained on say little of images that were not. They score higher, partly because"
        " the model has seen them and partly because they are easier images. These are the splits as drawn, before"
        " sanitizing.",
        (
            report,
            _pairs(
                "Pairs across splits", "Pairs of images within the radius whose rows are in different splits.", across
            ),
            _groups(
                "The largest groups", "Images connected by steps within the radius, groups with most rows.", groups
            ),
            fonts,
        ),
    )


def radius_section(data: ReportData) -> Section:
    """Tell how near is near enough."""
    curve = data.radius
    limit = share_limit(curve)
    facts = Facts(
        "radius-facts",
        (
            Fact("radius in use", measure(data.used_radius, 1), "largest sum of absolute pixel differences / 255"),
            Fact("label noise", share(label_noise(curve), 3), "pairs that wrong labels surely set apart at any radius"),
            Fact("limit", share(limit, 3), f"label noise and {100 * CROSS_LETTER_LIMIT:g} % more"),
        ),
    )
    chart = Chart(
        "The curve",
        f"Line chart of the share of pairs with different letters by radius; lines mark {data.used_radius:g} and the"
        " limit",
        "Share of pairs with different letters, with its 95 % interval, where there are at least"
        f" {FEWEST_PAIRS} pairs; rings: radii with fewer than {_SUPPORT} pairs. The dashed line is the radius in use,"
        f" {data.used_radius:g}, the dotted one the limit, {100 * limit:.3f} %.",
        radius_chart(curve, data.used_radius, form="svg"),
    )
    table = Table(
        "radius-curve-table",
        "Pairs of distinct images by radius",
        (
            numbers("radius", "largest sum of absolute pixel differences, in units of black against white pixels"),
            numbers("pairs", "pairs of distinct images at most this far apart"),
            numbers("different letters", "how many of them carry different letters"),
            numbers("share", "of all pairs"),
            numbers("95 % interval", "Wilson's interval of the share: few pairs tell little"),
            words(
                "note",
                f"few pairs: under {FEWEST_PAIRS}, cannot be chosen; under {_SUPPORT}, does not rule out larger radii",
            ),
        ),
        [
            (
                measure(row.radius, 1),
                count(row.pairs),
                measure(row.cross_letter, 1),
                share(row.share, 2),
                interval(row.ci_low, row.ci_high, 2),
                word(", ".join((["in use"] if row.chosen else []) + (["few pairs"] if row.weak else []))),
            )
            for row in rows_of(curve.assign(weak=~can_rule_out_larger(curve)))
        ],
    )
    inside, outside = pairs_around_radius(data.index, data.splits, data.near_pairs, data.used_radius, _PAIRS)
    return Section(
        "radius",
        "How near is the same",
        "Copies of one drawing carry one letter. As the radius grows, pairs appear that merely look alike, and some of"
        " them carry different letters: where their share becomes noticeable, the radius is too large.",
        (
            Paragraph(_rule(curve, data.used_radius)),
            facts,
            chart,
            table,
            _pairs("Just inside", "The farthest pairs that still count as the same image.", inside),
            _pairs("Just outside", "The nearest pairs that no longer do.", outside),
        ),
    )


def _rule(curve: pd.DataFrame, used: float) -> str:
    """Tell the rule of `choose_radius`, and whether it was followed."""
    rule = (
        f"The rule: the largest radius with at least {FEWEST_PAIRS} pairs whose share lies under the limit, and which"
        f" no smaller radius with at least {_SUPPORT} pairs rules out by a share whose whole interval lies at or above"
        f" the limit; with fewer pairs, one wrong label would be enough for that."
    )
    chosen = choose_radius(curve)
    return rule if chosen == used else f"{rule} It would choose {chosen:g}; a setting fixed {used:g}."


def conflicts_section(data: ReportData) -> Section:
    """Show where duplicates contradict each other."""
    # A near group of one image is an exact group, told already.
    told = data.conflicts[(data.conflicts["method"] != "near") | (data.conflicts["images"] > 1)]
    groups = list(told.groupby(["method", "group"], sort=False))
    table = Table(
        "conflicts-table",
        "Groups with different letters",
        (
            words("method", "exact: equal pixels; near: different images connected within the radius"),
            numbers("images", "distinct images of the group"),
            numbers("rows", "rows of all splits that show them"),
            words("letters", "how many rows carry each letter"),
            words(
                "suspects", f"rows of other letters than the most frequent one, at most {_SUSPECTS}, with their fonts"
            ),
        ),
        [
            (
                word(method),
                count(part["images"].iloc[0]),
                count(len(part)),
                word(", ".join(f"{letter} {rows}" for letter, rows in _letters(part).items())),
                word("; ".join(_suspects(part))),
            )
            for (method, _), part in groups[:MOST_ROWS]
        ],
        hidden=max(0, len(groups) - MOST_ROWS),
        empty="No image carries two letters.",
    )
    equal = conflicting_groups(data.index, data.splits, "exact", _GROUPS)
    near = conflicting_groups(data.index, data.splits, "near", _GROUPS, fewest_images=2)
    return Section(
        "conflicts",
        "Where labels contradict",
        "When rows of the same image carry different letters, at least one of these labels is wrong.",
        (
            _groups("Equal images, different letters", "Groups with most rows first.", equal),
            _groups("Near images, different letters", "Groups of several images, with most rows first.", near),
            table,
        ),
    )


def _letters(group: pd.DataFrame) -> dict[str, int]:
    """Return how many rows of a group carry each letter, A first."""
    return {str(letter): int(rows) for letter, rows in group["letter"].value_counts().sort_index().items()}


def _suspects(group: pd.DataFrame) -> list[str]:
    """Return the first rows that are not of the group's most frequent letter; of all letters when none is that."""
    letters = _letters(group)
    most = max(letters.values())
    frequent = [letter for letter, rows in letters.items() if rows == most]
    others = group if len(frequent) > 1 else group[group["letter"] != frequent[0]]
    return [f"{row.split} {row.row} {row.letter}, {row.font}" for row in rows_of(others.head(_SUSPECTS))]


def _pairs(title: str, about: str, exhibits: Sequence[Exhibit]) -> Pictures:
    """Show pairs: one image, the other, their difference stretched to its own maximum."""
    text = f"{about} Each picture: one image, the other, their difference, amplified; the number is their distance."
    return _exhibition(title, text, exhibits, "Two images and their difference, amplified")


def _groups(title: str, about: str, exhibits: Sequence[Exhibit]) -> Pictures:
    """Show groups: up to eight images each."""
    text = f"{about} Up to eight images of each group; the diameter is the distance of its two most different images."
    return _exhibition(title, text, exhibits, "Images of one group")


def _exhibition(title: str, about: str, exhibits: Sequence[Exhibit], alt: str) -> Pictures:
    return Pictures(title, about, [exhibit_picture(shown, alt) for shown in exhibits])
