"""Assembles the sections of the report and renders them as HTML with `page.html` and `page.css`."""

from collections.abc import Callable, Sequence
from typing import Final

from notmnist_assets.curation.report import (
    duplicates,
    inputs,
    labels,
    radius,
    recall,
    removed,
    scores,
    summary,
    versions,
)
from notmnist_assets.curation.report.blocks import Section
from notmnist_assets.curation.report.certificate import certificate_section
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.report.gallery import page as gallery

FILE_NAME: Final = "report.html"

_BUILDERS: Final[dict[str, Callable[[ReportData], Section]]] = {
    "summary": summary.summary_section,
    "archives": inputs.archives_section,
    "members": inputs.members_section,
    "rejected": inputs.rejected_section,
    "letters": inputs.letters_section,
    "balance": removed.balance_section,
    "overlap": duplicates.overlap_section,
    "radius": radius.radius_section,
    "conflicts": duplicates.conflicts_section,
    "recall": recall.recall_section,
    "sanitizing": removed.sanitizing_section,
    "labels": labels.labels_section,
    "baselines": scores.baselines_section,
    "certificate": certificate_section,
    "versions": versions.versions_section,
}
SECTIONS: Final = tuple(_BUILDERS)
"""Ids of the sections of every page, in order."""


def report_page(data: ReportData) -> str:
    """Return the page as HTML that refers to no other file; equal data give equal text."""
    return render(data.title, [build(data) for build in _BUILDERS.values()])


def render(title: str, sections: Sequence[Section]) -> str:
    """Render sections as a page; all text in them is escaped."""
    # Imported here because only this function needs it and the import is slow.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("notmnist_assets.curation.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("page.html").render(title=title, sections=sections, gallery=gallery.FILE_NAME)
    return "\n".join(line for line in page.splitlines() if line.strip()) + "\n"
