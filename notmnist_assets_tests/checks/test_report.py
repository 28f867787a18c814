"""The check of the report reads the page back and compares it with the values."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from upath import UPath

from notmnist_assets.checks.report import report_check
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.report.page import report_page
from notmnist_assets_tests.checks.judging import shown
from notmnist_assets_tests.curation.report_values import empty_splits, metrics, report_data, separate_splits


def judge(folder: Path, html: str, data: ReportData, **other: Any) -> dg.AssetCheckResult:
    """Return what the check says of a page, given the values it should tell of."""
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    values = {**data.sanitized, "overlap_report": data.overlap, "metrics": data.baselines, **other}
    return called(UPath(path), values)


def called(page: UPath, values: dict[str, Any]) -> dg.AssetCheckResult:
    """Return what the check says where no history says with which settings the values were made."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = report_check(dg.build_asset_check_context(instance=instance), page, **values)
    assert isinstance(result, dg.AssetCheckResult)
    return result


@pytest.mark.parametrize("data", [report_data(), report_data(empty_splits())], ids=["shared", "no rows"])
def test_a_faithful_page_passes(tmp_path: Path, data: ReportData) -> None:
    result = judge(tmp_path, report_page(data), data)
    assert result.passed
    assert shown(result) == (0, 0)


def test_another_accuracy_fails(tmp_path: Path) -> None:
    data = report_data()
    result = judge(tmp_path, report_page(data), data, metrics=metrics(accuracy=0.87312346))
    assert not result.passed
    assert "0.87312346" in str(result.metadata["problems"].value)


def test_other_rows_fail(tmp_path: Path) -> None:
    data = report_data()
    result = judge(tmp_path, report_page(data), data, test=data.splits["test"])
    assert not result.passed
    assert "balance-table says" in str(result.metadata["problems"].value)


def test_another_overlap_fails(tmp_path: Path) -> None:
    data = report_data()
    assert not judge(tmp_path, report_page(data), data, overlap_report=report_data(separate_splits()).overlap).passed


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (('<section id="certificate">', '<section id="other">'), "the section certificate is missing"),
        (('id="baselines-table"', 'id="lost-table"'), "baselines-table says None"),
    ],
)
def test_a_harmed_page_fails(tmp_path: Path, harm: tuple[str, str], told: str) -> None:
    data = report_data()
    html = report_page(data)
    assert harm[0] in html
    result = judge(tmp_path, html.replace(*harm), data)
    assert not result.passed
    assert told in str(result.metadata["problems"].value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00"], ids=["empty", "not text"])
def test_a_damaged_file_fails_and_does_not_raise(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "report.html").write_bytes(content)
    data = report_data()
    values = {**data.sanitized, "overlap_report": data.overlap, "metrics": data.baselines}
    assert not called(UPath(tmp_path / "report.html"), values).passed
