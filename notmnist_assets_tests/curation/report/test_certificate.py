"""The section about published numbers compares only the originals."""

from notmnist_assets.curation.core.published import READABLE
from notmnist_assets.curation.report.page import report_page
from notmnist_assets_tests.curation.report.pages import read_page, rows_of
from notmnist_assets_tests.curation.report.report_values import report_data


def test_other_archives_are_not_compared() -> None:
    html = report_page(report_data())
    assert "certificate-table" not in read_page(html).tables
    assert "so nothing is compared" in html.replace("\n", " ")


def test_counts_of_the_original_archives_are_compared() -> None:
    compared = rows_of(read_page(report_page(report_data(originals=True))), "certificate")
    assert compared["readable files, large A"] == [
        str(READABLE["large"][0]),
        "3",
        "no",
        "published",
        "public runs of the assignment",
    ]
    assert compared["rejected files, large C"][2] == "yes"
    assert not any("of test in" in quantity for quantity in compared)


def test_numbers_of_the_splits_are_compared_only_with_the_published_seed_and_sizes() -> None:
    published = read_page(report_page(report_data(originals=True, published_splits=True)))
    assert any("of test in train" in quantity for quantity in rows_of(published, "certificate"))
