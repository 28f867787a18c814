"""The first section shows the main numbers and warns of inconsistent values."""

from notmnist_assets.curation.report.page import report_page
from notmnist_assets_tests.curation.report.report_values import report_data


def test_the_main_numbers_come_first() -> None:
    data = report_data()
    summary = report_page(data).split('id="summary"')[1].split("</section>")[0]
    rows = sum(len(split) for split in data.sanitized.values())
    assert f'<dt>sanitized rows</dt><dd class="number"><data value="{rows}">{rows}</data></dd>' in summary


def test_inconsistent_values_are_a_warning() -> None:
    assert "Do not rely on this page" not in report_page(report_data())
    html = report_page(report_data(disagreements=("a was materialized from an older b",)))
    assert "Do not rely on this page" in html
    assert "<li>a was materialized from an older b</li>" in html
