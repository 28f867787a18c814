"""Builds the section about code versions and content hashes."""

from notmnist_assets.curation.report.blocks import Folded, Section, Table, code_cell, text_cell, text_column
from notmnist_assets.curation.report.data import ReportData


def versions_section(data: ReportData) -> Section:
    """List the versions of the code and the hash of every value on the page."""
    programs = Table(
        "code-versions-table",
        "Code versions",
        (
            text_column("part"),
            text_column(
                "version", "version of the package, and code versions of the assets of each stage, joined by +"
            ),
        ),
        [
            (text_cell("notmnist_assets"), text_cell(data.package_version)),
            *((text_cell(stage), text_cell(version)) for stage, version in data.code_versions.items()),
        ],
    )
    contents = Table(
        "contents-table",
        "Content hashes of the values on this page",
        (
            text_column("asset"),
            text_column(
                "SHA-256",
                "hash of the content: two values are equal exactly if their hashes are equal. The hash of"
                " baselines/metrics ignores the seconds of each fit, and that of overlap/near_pairs covers the pairs"
                " without the list of searched images, so these two differ from the stored versions",
            ),
        ),
        [(text_cell(key), code_cell(digest)) for key, digest in data.contents.items()],
    )
    return Section(
        "versions",
        "Versions and hashes",
        "The same archives, settings and versions give the same hashes and the same page, byte for byte. Results of"
        " checks are at the end of the summary in copies by notmnist report, and not in the stored page, since some"
        " checks run after it is written.",
        (Folded("Code versions and content hashes", (programs, contents)),),
    )
