"""Builds the section about labels: how many are wrong, issues by kind, and the least likely labels as pictures."""

from collections.abc import Mapping
from typing import Final

from notmnist_assets.curation.core.exhibits import Exhibit
from notmnist_assets.curation.labels.issues import BLANK, CONFLICT, KINDS, LEAST_QUALITY, NO_ISSUE, OUTLIER, WRONG_LABEL
from notmnist_assets.curation.report.blocks import (
    Folded,
    Pictures,
    Section,
    Summary,
    Table,
    count,
    estimate,
    number_column,
    rows_of,
    share,
    text_cell,
    text_column,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.report.pictures import exhibit_picture
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.curation.summaries.results import issues_summary

_PICTURES: Final = 21
_KINDS: Final[Mapping[str, str]] = {
    WRONG_LABEL: "the image likely shows another letter",
    OUTLIER: "the same, but the image is unlike other letters: maybe it shows none",
    CONFLICT: "most images of the duplicate group have another letter",
    BLANK: "the image has no contrast",
}


def labels_section(data: ReportData) -> Section:
    """Show the estimated shares of wrong labels, issues by kind, and the first issues of the splits."""
    rates = Table(
        "rates-table",
        "Estimated shares of wrong labels, with 95 % intervals",
        (
            text_column("archive"),
            number_column("judged images", "images that a model judges"),
            number_column("doubted", "images whose most probable letter is not that of the label"),
            number_column("confident", "by confident learning; pictures of no letter are hardly counted"),
            number_column(
                "wrong",
                "if right labels of both archives are doubted equally often; the archive with fewer doubted labels"
                " keeps the estimate of confident learning",
            ),
            number_column("author", "the author's estimate for the original archive"),
        ),
        [
            (
                text_cell(row.set),
                count(row.rows),
                estimate(row.doubted, row.doubted_low, row.doubted_high),
                estimate(row.confident, row.confident_low, row.confident_high),
                estimate(row.wrong, row.wrong_low, row.wrong_high),
                share(row.author),
            )
            for row in rows_of(data.label_rates)
        ],
        empty="No model could judge the labels.",
    )
    counts = data.label_issues.groupby(["split", "kind"]).size()
    kinds = Table(
        "label-issues-table",
        "Label issues by split and kind",
        (
            text_column("split", "none: images of the archives that no split has"),
            number_column("rows"),
            *(number_column(kind, _KINDS[kind]) for kind in KINDS),
        ),
        [
            (
                text_cell(name),
                count(int((data.label_issues["split"] == name).sum())),
                *(count(int(counts.get((name, kind), 0))) for kind in KINDS),
            )
            for name in (*SPLITS, "none")
        ],
    )
    return Section(
        "labels",
        "Labels",
        "Each label was judged by a model that was fitted on images of other fonts and on no duplicate. No label is"
        " changed and no row is removed because of it. The asset labels/issues lists all rows, least likely labels"
        " first.",
        (
            Summary(issues_summary(data.label_issues["kind"], data.label_rates, NO_ISSUE, LEAST_QUALITY)),
            rates,
            _first_issues(data),
            Folded(kinds.caption, (kinds,)),
        ),
        gallery="issues",
    )


def _first_issues(data: ReportData) -> Pictures:
    issues = data.label_issues
    shown = issues[(issues["kind"] != NO_ISSUE) & issues["split"].isin(SPLITS)].head(_PICTURES)
    exhibits = [
        Exhibit(
            f"{row.letter}, likely {row.likely}: {row.split} {row.row}", data.splits[row.split].images[row.row][None]
        )
        for row in rows_of(shown)
    ]
    return Pictures(
        "The least likely labels of the splits",
        "The letter of the label, the most probable letter by the image, split and row.",
        [exhibit_picture(exhibit, "An image with a likely wrong label") for exhibit in exhibits],
    )
