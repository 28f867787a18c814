"""The report on paper: what the browser prints of it, read from its layout as A4 and from the PDF."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from notmnist_assets.curation.report.page import report_page
from notmnist_assets_tests.curation.report.report_values import report_data

MILLIMETRE = 96 / 25.4
TEXT_WIDTH = round(180 * MILLIMETRE)
"""A4 without the margins of the page, in pixels."""


@pytest.fixture
def printed(browser: Browser) -> Iterator[Page]:
    """The report as printed by a browser in dark mode."""
    page = browser.new_page(color_scheme="dark", viewport={"width": TEXT_WIDTH, "height": 1000})
    page.set_content(report_page(report_data()))
    page.emulate_media(media="print", color_scheme="dark")
    yield page
    page.close()


def styles(page: Page, selector: str, name: str) -> set[str]:
    """Return the values that a property of the style has in all elements of a kind, of which there are some."""
    found = page.locator(selector).evaluate_all(
        "(elements, name) => elements.map(element => getComputedStyle(element)[name])", name
    )
    assert found, selector
    return set(found)


def test_nothing_is_cut_at_the_right_edge(printed: Page) -> None:
    too_wide = printed.locator("table, img, svg, figure, p, dd").evaluate_all(
        "(elements, width) => elements.filter(e => e.getBoundingClientRect().right > width + 1).map(e => e.outerHTML)",
        TEXT_WIDTH,
    )
    assert too_wide == []


@pytest.mark.parametrize("selector", ["tr", "figure", ".legend", ".facts div", "h2 + p"])
def test_what_belongs_together_is_not_split_over_pages(printed: Page, selector: str) -> None:
    assert styles(printed, selector, "breakInside") == {"avoid"}


@pytest.mark.parametrize("selector", ["h2", "h3", "caption", "tbody tr:first-child"])
def test_a_title_stays_with_what_follows(printed: Page, selector: str) -> None:
    assert styles(printed, selector, "breakAfter") == {"avoid"}


def test_paper_is_white_and_links_are_as_dark_as_text(printed: Page) -> None:
    assert styles(printed, "body", "backgroundColor") == {"rgb(255, 255, 255)"}
    assert styles(printed, "body, nav a", "color") == {"rgb(0, 0, 0)"}
    assert styles(printed, "nav a", "textDecorationLine") == {"underline"}


def test_bars_and_boxes_keep_their_colours(printed: Page) -> None:
    for selector in (".bar", ".facts div", "nav", ".chart"):
        assert styles(printed, selector, "printColorAdjust") == {"exact"}


def test_words_of_the_first_column_are_never_broken(printed: Page) -> None:
    heights = printed.locator("#recall-table tbody th").evaluate_all("cells => cells.map(cell => cell.clientHeight)")
    assert heights
    assert len(set(heights)) == 1, "each name is on one line"


def test_the_page_can_be_made_a_pdf(printed: Page) -> None:
    pdf = printed.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") > 5
