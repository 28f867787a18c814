"""The reader of stored pages collects sections, tables and references that lead out of the page."""

import pytest

from notmnist_assets.curation.report.page import SECTIONS, report_page
from notmnist_assets.curation.report.reading import PageReader
from notmnist_assets_tests.curation.report.report_values import report_data


def read(html: str) -> PageReader:
    reader = PageReader()
    reader.feed(html)
    reader.close()
    return reader


def test_a_written_page_has_its_sections_and_no_references() -> None:
    page = read(report_page(report_data()))
    assert page.sections == list(SECTIONS)
    assert page.references == []


def test_a_number_is_read_with_its_exact_value_and_a_text_without_markup() -> None:
    head, cells = "<tr><th>x</th></tr>", '<th>a_<wbr>b</th><td><data value="0.123">12 %</data></td>'
    html = f'<table id="t"><thead>{head}</thead><tbody><tr>{cells}</tr></tbody></table>'
    assert read(html).tables == {"t": [["a_b", "0.123"]]}


@pytest.mark.parametrize(
    ("html", "address"),
    [
        ('<img src="https://example.org/x.png">', "https://example.org/x.png"),
        ('<img src="picture.png">', "picture.png"),
        ('<a href="/elsewhere">x</a>', "/elsewhere"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "//example.org/x.css"),
        ('<img srcset="x.png 2x">', "x.png 2x"),
        ("<style>p { background: url( 'x.png' ) }</style>", "x.png"),
        ("<style>@import 'x.css';</style>", "x.css"),
        ('<p style="background: URL(x.png)">x</p>', "x.png"),
    ],
)
def test_references_out_of_the_page_are_collected(html: str, address: str) -> None:
    assert read(html).references == [address]


@pytest.mark.parametrize(
    "html",
    ['<a href="#summary">x</a>', '<img src="data:image/png;base64,AA">', "<style>p { background: url(#x) }</style>"],
)
def test_references_within_the_page_are_not_collected(html: str) -> None:
    assert read(html).references == []
