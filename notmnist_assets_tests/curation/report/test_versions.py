"""The section about versions lists code versions and content hashes."""

from notmnist_assets.curation.report.page import report_page
from notmnist_assets_tests.curation.report.pages import read_page
from notmnist_assets_tests.curation.report.report_values import report_data


def test_versions_and_hashes_are_those_of_the_values() -> None:
    page = read_page(report_page(report_data()))
    assert page.tables["code-versions-table"] == [["notmnist_assets", "0.1.0"], ["archives", "1"]]
    assert page.tables["contents-table"] == [["splits/test", "cd" * 32]]
