"""The section about labels shows estimates, counts by split and kind, and pictures of the least likely labels."""

from notmnist_assets.curation.report.page import report_page
from notmnist_assets_tests.curation.report.pages import read_page, rows_of
from notmnist_assets_tests.curation.report.report_values import rates, report_data


def test_the_section_shows_estimates_counts_and_pictures_of_issues() -> None:
    data = report_data()
    html = report_page(data)
    page = read_page(html)
    issues = int((data.label_issues["kind"] != "none").sum())
    assert issues == 2
    assert rows_of(page, "label-issues")["train"] == ["4", "2", "0", "0", "0"]
    assert rows_of(page, "label-issues")["none"] == ["0"] * 5
    assert list(rows_of(page, "rates")) == ["large", "small"]
    assert html.count("<figcaption>A, likely B: train") + html.count("<figcaption>B, likely B: train") == issues


def test_without_estimates_the_section_says_so() -> None:
    page = read_page(report_page(report_data(label_rates=rates().head(0))))
    assert page.problems == []
    assert page.tables["rates-table"] == [["No model could judge the labels."]]
