"""Builds the section that compares the results with published numbers."""

from typing import Any

from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.published import compare_numbers, count_unshared_test_rows
from notmnist_assets.curation.reading.files import distinct_images, readable_files, rejected_files
from notmnist_assets.curation.report.blocks import Folded, Paragraph, Section, Table, rows_of, text_cell, text_column
from notmnist_assets.curation.report.data import ReportData

_TITLE = "Agreement with published numbers"


def certificate_section(data: ReportData) -> Section:
    """Compare counts of the original archives with published numbers; other archives are not compared."""
    if not data.originals:
        text = (
            "The published numbers describe the original notMNIST archives. This report was made from other archives,"
            " so nothing is compared."
        )
        return Section("certificate", _TITLE, text, ())
    rejected = rejected_files(data.files)
    counts: dict[str, Any] = {
        "readable": {
            set_name: dict(zip(LETTERS, readable_files(data.files, set_name), strict=True)) for set_name in SETS
        },
        "rejected": {
            set_name: {
                letter: rejected.loc[(rejected["set"] == set_name) & (rejected["letter"] == letter), "name"].tolist()
                for letter in LETTERS
            }
            for set_name in SETS
        },
        "distinct": {"small": distinct_images(data.files, "small")},
    }
    blocks = []
    if data.published_splits:
        counts["distinct"] |= {name: int(table["exact"].nunique()) for name, table in data.hashes.items()}
        counts["overlap_report"] = data.overlap
        counts["unshared_test_rows"] = count_unshared_test_rows(data.hashes)
    else:
        blocks.append(
            Paragraph("Published numbers of the splits are omitted: these splits have another seed or other sizes.")
        )
    compared = compare_numbers(**counts)
    agree = int(compared["agrees"].sum())
    table = Table(
        "certificate-table",
        f"Numbers that agree: {agree} of {len(compared)}",
        (
            text_column("quantity"),
            text_column("published", "number from public runs of the assignment"),
            text_column("found", "number from these archives"),
            text_column("agrees"),
            text_column("evidence", "published: printed by public runs; inferred: computed from rounded numbers"),
            text_column("source", "where the published number comes from"),
        ),
        [
            (
                text_cell(row.quantity),
                text_cell(row.published),
                text_cell(row.found),
                text_cell("yes" if row.agrees else "no"),
                text_cell(row.evidence),
                text_cell(row.source),
            )
            for row in rows_of(compared)
        ],
    )
    return Section(
        "certificate",
        _TITLE,
        "These are the original archives. Counts that public runs of the assignment printed are compared with the"
        " counts here; an inferred number may be off by a few.",
        (*blocks, Folded(table.caption, (table,))),
    )
