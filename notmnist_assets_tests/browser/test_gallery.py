"""The gallery as people use it: filters, sorts, pages, zooms, shows rows, selects and downloads, from a local file."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from notmnist_assets.curation.core.file_names import file_paths
from notmnist_assets.curation.report.gallery.page import gallery_page
from notmnist_assets.curation.sanitizing.decision import Policy, sanitize
from notmnist_assets.curation.sanitizing.overrides import find_overridden_rows, read_overrides
from notmnist_assets_tests.curation.report.gallery.gallery_values import gallery_data, label_issues, mistakes

DATA = gallery_data(issues=label_issues(), mistakes=mistakes())
MADE = gallery_page(DATA)
KINDS = ("pairs", "removed", "groups", "conflicts", "issues", "mistakes", "rejected")


@pytest.fixture(scope="module")
def opened(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page, opened once from a file, with what it asked for and what went wrong."""
    path = tmp_path_factory.mktemp("gallery") / "gallery.html"
    path.write_bytes(MADE.page)
    context = browser.new_context(viewport={"width": 1600, "height": 1000}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    problems: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    expect(page.locator("body[data-decoded]")).to_be_attached()
    yield page
    assert problems == []
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [path.as_uri()]
    context.close()


@pytest.fixture
def page(opened: Page) -> Page:
    """The page without filters and selection."""
    show(opened, "pairs")
    if opened.locator("#tray").is_visible():
        opened.get_by_role("button", name="Clear selection").click()
    return opened


def show(page: Page, fragment: str) -> None:
    """Follow a link to a part of the page."""
    page.evaluate("fragment => { location.hash = 'none'; location.hash = fragment }", fragment)
    page.evaluate("() => new Promise(requestAnimationFrame)")
    expect(page.locator("#kinds [aria-current]")).to_have_attribute("value", fragment.split("&")[0])


def field(page: Page, name: str) -> Locator:
    return page.locator(f"#filters [name={name}]")


def cards(page: Page) -> Locator:
    return page.locator(".card")


def leads(page: Page) -> list[str]:
    return page.locator(".card .lead").all_inner_texts()


def status(page: Page) -> str:
    return page.locator("#status").inner_text()


def test_each_kind_shows_all_its_items(page: Page) -> None:
    for kind in KINDS:
        page.locator(f"#kinds [value={kind}]").click()
        assert f"of {MADE.contents.total[kind]}" in status(page)
        assert cards(page).count() == min(60, MADE.contents.total[kind])


def test_filters_by_split_letter_reason_method_distance_and_font(page: Page) -> None:
    removed = DATA.removed
    show(page, "removed")
    field(page, "reason").select_option("conflicting letters")
    count = int((removed["reason"] == "conflicting letters").sum())
    assert f"of {count} that match" in status(page)
    field(page, "split").select_option("test")
    of_test = removed[(removed["reason"] == "conflicting letters") & (removed["split"] == "test")]
    assert cards(page).count() == len(of_test)
    labels = DATA.splits["test"].labels[of_test["row"]]
    field(page, "letter").select_option("A")
    assert cards(page).count() == int((labels == 0).sum())
    page.get_by_role("button", name="Reset").click()
    assert f"of {len(removed)}" in status(page)
    field(page, "method").select_option("exact")
    assert f"of {int((removed['distance'] == 0).sum())} that match" in status(page)
    page.get_by_role("button", name="Reset").click()
    field(page, "from").fill("0.1")
    assert f"of {int((removed['distance'] >= 0.1).sum())} that match" in status(page)
    page.get_by_role("button", name="Reset").click()
    field(page, "font").fill("</SCRIPT>")
    fonts = [
        DATA.splits[one["split"]].sources.loc[one["row"], ["font", "name"]].tolist()
        for one in removed.to_dict("records")
    ]
    assert f"of {sum('</script>' in ' '.join(texts) for texts in fonts)} that match" in status(page)


def test_sorts_by_distance_size_and_letter_in_both_orders(page: Page) -> None:
    show(page, "groups&per=240&sort=size")
    sizes = [
        int(text.split(" row")[0].split(", ")[1]) for text in page.locator(".card .lead + .quiet").all_inner_texts()
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) > 2
    field(page, "order").select_option("reversed")
    assert [
        int(text.split(" row")[0].split(", ")[1]) for text in page.locator(".card .lead + .quiet").all_inner_texts()
    ] == sizes[::-1]
    show(page, "removed&sort=letter")
    letters = [text.split(":")[0][-1] for text in leads(page)]
    assert letters == sorted(letters)


def test_pages_hold_all_items_once(page: Page) -> None:
    show(page, "removed&per=30")
    found = leads(page)
    while page.get_by_role("button", name="Next").is_enabled():
        page.get_by_role("button", name="Next").click()
        assert cards(page).count() <= 30
        found += leads(page)
    assert len(found) == len(DATA.removed)
    assert page.get_by_label("Page", exact=True).input_value() == str(-(-len(found) // 30))
    page.get_by_label("Page", exact=True).fill("1")
    page.get_by_label("Page", exact=True).press("Enter")
    assert status(page).startswith("1 to 30 ")


def test_zoom_enlarges_the_pictures(page: Page) -> None:
    first = page.locator(".card canvas").first
    widths = []
    for zoom in ("2", "4"):
        field(page, "zoom").fill(zoom)
        widths.append(first.evaluate("canvas => canvas.getBoundingClientRect().width"))
    assert widths[1] == pytest.approx(2 * widths[0])


def test_pictures_have_the_pixels_of_the_rows(page: Page) -> None:
    show(page, "removed&sort=distance")
    first = DATA.removed.sort_values("distance", ascending=False, kind="stable").iloc[0]
    pixels = page.locator(".card canvas").first.evaluate(
        "canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, 28, 28).data)"
    )
    shown = np.array(pixels, np.uint8).reshape(28, 28, 4)[:, :, 0]
    np.testing.assert_array_equal(shown, DATA.splits[first["split"]].images[first["row"]])


def test_a_click_shows_the_row_with_its_neighbours_and_copies_its_key(page: Page) -> None:
    show(page, "removed&reason=conflicting+letters")
    lead = leads(page)[0]
    page.locator(".card .open").first.click()
    detail = page.get_by_role("complementary", name="Details")
    expect(detail.locator("h2")).to_be_focused()
    assert "conflicting letters: " in detail.locator("dl").inner_text()
    assert lead.split(":")[0] in detail.locator("h2").inner_text()
    assert detail.locator("h3", has_text="Nearest rows").count() == 1
    detail.get_by_role("button", name="Copy").click()
    expect(detail.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    paths = {name: file_paths(split.sources) for name, split in DATA.splits.items()}
    row = detail.locator("dd").nth(1).inner_text().split()
    assert copied == paths[row[0]][int(row[1])]
    page.keyboard.press("Escape")
    expect(page.locator(".card .open").first).to_be_focused()


def test_the_address_names_what_is_shown(page: Page) -> None:
    show(page, "removed&letter=B&split=train&sort=letter")
    assert field(page, "letter").input_value() == "B"
    assert {text.split(":")[0] for text in leads(page)} <= {"train B"}
    field(page, "letter").select_option("C")
    assert page.url.endswith("#removed&split=train&letter=C&sort=letter")


def test_the_keyboard_reaches_opens_and_selects(page: Page) -> None:
    page.locator(".card .open").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".card .open").nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator(".card .open").last).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator(".card").first).to_have_class("card selected")
    expect(page.locator("#chosen")).to_contain_text("2 rows selected")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#detail h2")).to_be_focused()


def test_everything_that_can_be_used_has_a_name(page: Page) -> None:
    for kind in KINDS:
        show(page, kind)
        unnamed = page.locator("button, input, select").evaluate_all(
            """all => all.filter(one => one.checkVisibility() && !(one.ariaLabel || one.innerText.trim()
                || [...one.labels ?? []].some(label => label.innerText.trim()))).map(one => one.outerHTML)"""
        )
        assert unnamed == []
    assert page.locator("[role=status]").count() == 2


def test_a_selection_downloads_as_csv_and_as_overrides_that_sanitizing_applies(page: Page, tmp_path: Path) -> None:
    show(page, "removed&reason=repeat")
    page.locator(".card input").first.check()
    show(page, "conflicts")
    page.locator(".card .open").first.click()
    page.get_by_label("Override").select_option("relabel J")
    page.locator("#detail .thumbs button").nth(1).click()
    page.get_by_label("Override").select_option("drop")
    expect(page.locator("#chosen")).to_have_text("3 rows selected: keep 1, relabel J 1, drop 1")
    files = {}
    for name in ("Download rows as CSV", "Download override list"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        files[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[name])
    with files["Download rows as CSV"].open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["action"] for row in rows] == ["keep", "relabel J", "drop"]
    assert all(not row["font"].startswith("=") for row in rows)
    overrides = read_overrides(str(files["Download override list"]))
    assert [one.key for one in overrides.entries] == [row["key"] for row in rows]
    found = find_overridden_rows(overrides, DATA.splits)
    again = sanitize(DATA.index, Policy(), found)
    removed = {(row["split"], row["row"]): row["reason"] for row in again.removed.to_dict("records")}
    kept, relabelled, dropped = ((row["split"], int(row["row"])) for row in rows)
    assert removed[dropped] == "override"
    assert kept not in removed
    assert found.relabel(DATA.splits)[relabelled[0]].labels[relabelled[1]] == 9


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_page_without_scrolling_sideways(page: Page, scheme: str) -> None:
    page.set_viewport_size({"width": 420, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    try:
        for kind in KINDS:
            show(page, kind)
            page.locator(".card .open").first.click()
            assert page.evaluate("document.documentElement.scrollWidth") <= 420, kind
            page.keyboard.press("Escape")
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}[scheme]
    finally:
        page.set_viewport_size({"width": 1600, "height": 1000})
        page.emulate_media(color_scheme="light")
