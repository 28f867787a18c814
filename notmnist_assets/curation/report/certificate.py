"""Whether the results are the published ones.

Belongs here: the section that compares. Published numbers and the comparison are in `published`.
"""

from typing import Any

from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.published import certificate, count_unshared_test_rows
from notmnist_assets.curation.reading.files import distinct_images, readable_files, rejected_files
from notmnist_assets.curation.report.blocks import Paragraph, Section, Table, rows_of, word, words
from notmnist_assets.curation.report.data import ReportData

_TITLE = "Against published numbers"


def certificate_section(data: ReportData) -> Section:
    """Compare with what is published of the originals; other data have nothing to compare with."""
    if not data.originals:
        text = (
            "Published numbers are of the original notMNIST archives. These data are others, so there is nothing to"
            " compare: no number here agrees or disagrees with a published one."
        )
        return Section("certificate", _TITLE, text, ())
    rejected = rejected_files(data.files)
    given: dict[str, Any] = {
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
    if data.published_draw:
        given["distinct"] |= {name: int(table["exact"].nunique()) for name, table in data.hashes.items()}
        given["overlap_report"] = data.overlap
        given["unshared_test_rows"] = count_unshared_test_rows(data.hashes)
    else:
        blocks.append(
            Paragraph(
                "Published numbers of the splits are left out: these were drawn with another seed or in other sizes."
            )
        )
    compared = certificate(**given)
    agree = int(compared["agrees"].sum())
    table = Table(
        "certificate-table",
        f"Numbers that agree: {agree} of {len(compared)}",
        (
            words("quantity"),
            words("published", "what public runs of the assignment found"),
            words("found", "what was found here"),
            words("agrees"),
            words("evidence", "published: printed by public runs; inferred: worked out from rounded numbers"),
        ),
        [
            (
                word(row.quantity),
                word(row.published),
                word(row.found),
                word("yes" if row.agrees else "no"),
                word(row.evidence),
            )
            for row in rows_of(compared)
        ],
    )
    return Section(
        "certificate",
        _TITLE,
        "These are the original archives. Counts that public runs of the assignment printed are compared with what was"
        " found here; a number that is inferred may be off by a few.",
        (*blocks, table),
    )
