"""Results of checks in a copy of the page: counted, listed with failures first, escaped."""

from notmnist_assets.curation.report.checks import CheckLine, with_checks
from notmnist_assets.curation.report.page import report_page
from notmnist_assets_tests.curation.report.pages import read_page
from notmnist_assets_tests.curation.report.report_values import SCRIPT, report_data

LINES = [
    CheckLine("splits/test", "one", "passed", "1", "1"),
    CheckLine("overlap/report", "two", "warned", SCRIPT, "0"),
    CheckLine("splits/test", "three", "not compared", "", ""),
]


def test_checks_are_counted_and_listed_with_warnings_first() -> None:
    html = with_checks(report_page(report_data()).encode(), LINES).decode()
    page = read_page(html)
    assert page.problems == []
    assert page.tables["checks-table"] == [list(LINES[1]), list(LINES[0]), list(LINES[2])]
    assert "3 checks, when this page was copied: 1 passed, 1 warned, 1 not compared." in html
    assert "Failed or warned: overlap/report two." in html
    assert "<script" not in html
