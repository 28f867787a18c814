"""The check of the report parses the stored page and compares it with the values."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from upath import UPath

from notmnist_assets.checks.report import report_check
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.report.page import report_page
from notmnist_assets_tests.checks.results import shown
from notmnist_assets_tests.curation.report.report_values import empty_splits, metrics, report_data, separate_splits


def check_page(folder: Path, html: str, data: ReportData, **other: Any) -> dg.AssetCheckResult:
    """Return the result of the check of a page."""
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    values = {**data.sanitized, "overlap_report": data.overlap, "metrics": data.baselines, **other}
    return run_check(UPath(path), values)


def run_check(page: UPath, values: dict[str, Any]) -> dg.AssetCheckResult:
    """Run the check with an empty history, which records no settings."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = report_check(dg.build_asset_check_context(instance=instance), page, **values)
    assert isinstance(result, dg.AssetCheckResult)
    return result


@pytest.mark.parametrize("data", [report_data(), report_data(empty_splits())], ids=["shared", "no rows"])
def test_a_written_page_passes(tmp_path: Path, data: ReportData) -> None:
    result = check_page(tmp_path, report_page(data), data)
    assert result.passed
    assert shown(result) == (0, 0)


def test_a_different_accuracy_fails(tmp_path: Path) -> None:
    data = report_data()
    result = check_page(tmp_path, report_page(data), data, metrics=metrics(accuracy=0.87312346))
    assert not result.passed
    assert "0.87312346" in str(result.metadata["problems"].value)


def test_a_report_of_different_rows_fails(tmp_path: Path) -> None:
    data = report_data()
    result = check_page(tmp_path, report_page(data), data, test=data.splits["test"])
    assert not result.passed
    assert "balance-table shows" in str(result.metadata["problems"].value)


def test_a_different_overlap_fails(tmp_path: Path) -> None:
    data = report_data()
    assert not check_page(
        tmp_path, report_page(data), data, overlap_report=report_data(separate_splits()).overlap
    ).passed


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (('<section id="certificate">', '<section id="other">'), "the section certificate is missing"),
        (('id="baselines-table"', 'id="lost-table"'), "baselines-table shows None"),
        (("<main>", '<main><img src="https://example.org/x.png">'), "the page refers to https://example.org/x.png"),
        (("</style>", "p { background: url(x.png) }</style>"), "the page refers to x.png"),
    ],
)
def test_a_changed_page_fails(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    data = report_data()
    html = report_page(data)
    assert change[0] in html
    result = check_page(tmp_path, html.replace(*change), data)
    assert not result.passed
    assert problem in str(result.metadata["problems"].value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00"], ids=["empty", "not text"])
def test_a_damaged_file_fails_and_does_not_raise(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "report.html").write_bytes(content)
    data = report_data()
    values = {**data.sanitized, "overlap_report": data.overlap, "metrics": data.baselines}
    assert not run_check(UPath(tmp_path / "report.html"), values).passed
