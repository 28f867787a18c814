"""The report on a phone and on a large screen: what the browser lays out."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from notmnist_assets.curation.report.data import ReportSetting
from notmnist_assets.curation.report.page import report_page
from notmnist_assets_tests.curation.report.report_values import report_data

WIDTH = 420
_SETTING = ReportSetting("NOTMNIST_SANITIZE_CONFLICTS", "taken from the data", "whether evaluation duplicates stay")


@pytest.fixture
def narrow(browser: Browser) -> Iterator[Page]:
    """The report on a phone, with all details shown."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 900})
    page.set_content(report_page(report_data(settings=(_SETTING,))))
    unfold(page, True)
    yield page
    page.close()


def unfold(page: Page, shown: bool) -> None:
    page.locator("details").evaluate_all("(all, shown) => all.forEach(one => { one.open = shown })", shown)


def test_the_page_itself_is_not_wider_than_the_screen(narrow: Page) -> None:
    assert narrow.evaluate("document.documentElement.scrollWidth") <= WIDTH


def test_no_word_is_broken(narrow: Page) -> None:
    broken = narrow.locator("th:not(.anywhere), td:not(.anywhere)").evaluate_all(
        """cells => cells.flatMap(cell => {
            const found = [], texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
            while (texts.nextNode()) {
                for (const match of texts.currentNode.data.matchAll(/[A-Za-z0-9]+/g)) {
                    const word = new Range();
                    word.setStart(texts.currentNode, match.index);
                    word.setEnd(texts.currentNode, match.index + match[0].length);
                    if (new Set([...word.getClientRects()].map(place => place.top)).size > 1) found.push(match[0]);
                }
            }
            return found;
        })"""
    )
    assert broken == []


def test_names_of_settings_end_lines_after_underscores(narrow: Page) -> None:
    name = narrow.locator("#settings-table tbody th").first
    assert name.inner_text() == _SETTING.name
    assert name.locator("wbr").count() == _SETTING.name.count("_")


def test_a_wide_table_scrolls_and_shows_that_there_is_more(narrow: Page) -> None:
    region = narrow.locator(".wide", has=narrow.locator("#overlap-table"))
    assert region.evaluate("region => region.scrollWidth > region.clientWidth")
    assert "gradient" in region.evaluate("region => getComputedStyle(region).backgroundImage")


def test_charts_stay_large_enough_to_be_read(narrow: Page) -> None:
    widths = narrow.locator(".chart img").evaluate_all("charts => charts.map(chart => chart.clientWidth)")
    assert widths
    assert min(widths) > WIDTH


def test_a_large_screen_shows_ten_screens_at_most_and_a_click_shows_details_and_enlarges_pictures(
    narrow: Page,
) -> None:
    unfold(narrow, False)
    narrow.set_viewport_size({"width": 1600, "height": 1000})
    assert narrow.evaluate("document.documentElement.scrollHeight") <= 10 * 1000
    details = narrow.locator("details", has=narrow.locator("#baselines-table"))
    details.locator("summary").click()
    expect(details.locator("table")).to_be_visible()
    picture = narrow.locator(".pictures img").first
    width = picture.evaluate("picture => picture.clientWidth")
    picture.click()
    assert picture.evaluate("picture => picture.clientWidth") > 2 * width
    picture.click()
    assert picture.evaluate("picture => picture.clientWidth") == width
