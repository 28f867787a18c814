"""Builds the section about the choice of the radius."""

import pandas as pd

from notmnist_assets.curation.duplicates.examples import FEWEST_PLOTTED_PAIRS, pairs_around_radius, radius_chart
from notmnist_assets.curation.duplicates.radius import (
    CROSS_LETTER_LIMIT,
    FALLBACK_RADIUS,
    choose_radius,
    has_enough_pairs,
    label_noise,
    share_limit,
)
from notmnist_assets.curation.report.blocks import (
    Chart,
    Fact,
    Facts,
    Folded,
    Paragraph,
    Section,
    Table,
    count,
    interval,
    measure,
    number_column,
    rows_of,
    share,
    text_cell,
    text_column,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.report.duplicates import pair_pictures

_PAIRS = 12
_SUPPORT = round(1 / CROSS_LETTER_LIMIT)


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
                    pair_pictures(
                        "Pairs just within the radius", "The most distant pairs that count as the same image.", inside
                    ),
                    pair_pictures(
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
