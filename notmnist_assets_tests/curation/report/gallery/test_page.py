"""The page is one file within its budget that refers to nothing, escapes all text, and is the same for equal data."""

import base64
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from notmnist_assets.curation.report.gallery import sprites
from notmnist_assets.curation.report.gallery.page import gallery_page
from notmnist_assets.curation.report.gallery.sprites import COLUMNS, PER_SHEET, sprite_sheets
from notmnist_assets_tests.builders import rectangles, split_of
from notmnist_assets_tests.curation.report.gallery.gallery_values import HOSTILE, gallery_data, label_issues
from notmnist_assets_tests.remote import remote_map

PAGE = gallery_page(gallery_data(issues=label_issues()))
TEXT = PAGE.page.decode()


def facts_of(page: str) -> Any:
    return json.loads(page.split('id="data">')[1].split("</script>")[0])


def test_equal_data_give_equal_bytes() -> None:
    again = gallery_page(gallery_data(issues=label_issues()))
    assert again.page == PAGE.page
    assert again.version == PAGE.version
    assert gallery_page(gallery_data()).version != PAGE.version


def test_the_page_refers_to_nothing_outside_of_it() -> None:
    addresses = re.findall(r"""(?:src|href|action)\s*=\s*["']?([^"'>\s]{1,40})""", TEXT.split('id="data"')[0])
    assert addresses
    assert all(address.startswith("data:image/webp;base64,") for address in addresses)
    assert not re.search(r"https?://|url\(|@import|import\s*\(|fetch\(|XMLHttpRequest", TEXT)


def test_the_policy_allows_the_embedded_style_and_script_and_no_other() -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', TEXT)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data: blob:"
    for name, tag in (("style-src", "<style>"), ("script-src", '<script type="module">')):
        content = TEXT.split(tag, 1)[1].split("</")[0]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"


def test_hostile_names_are_data_and_end_no_element() -> None:
    assert len(re.findall(r"<script", TEXT)) == len(re.findall(r"</script>", TEXT)) == 2
    assert "<b>bold" not in TEXT
    facts = facts_of(TEXT)
    assert set(HOSTILE) <= set(facts["fonts"])
    assert any(name.endswith("line\nbreak.png") for name in facts["names"])
    page = gallery_page(gallery_data(title="</title><script>x")).page.decode()
    assert "<title>&lt;/title&gt;&lt;script&gt;x</title>" in page


def test_sheets_have_the_images_of_the_rows() -> None:
    data = gallery_data()
    facts = facts_of(TEXT)
    found = re.findall(r'src="data:image/webp;base64,([^"]+)"', TEXT)
    assert facts["perSheet"] == PER_SHEET
    (sheet,) = (np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("L")) for one in found)
    rows = facts["rows"]
    shown = 0
    for split, row, image in zip(rows["split"], rows["row"], rows["image"], strict=True):
        if split >= 0:
            top, left = image // COLUMNS * 28, image % COLUMNS * 28
            expected = data.splits[facts["splits"][split]].images[row]
            np.testing.assert_array_equal(sheet[top : top + 28, left : left + 28], expected)
            shown += 1
    assert shown > 80


def test_more_images_than_one_sheet_has_continue_on_the_next() -> None:
    images = rectangles(PER_SHEET + 3)
    sizes = [Image.open(io.BytesIO(sheet)).size for sheet in sprite_sheets(images)]
    assert sizes == [(COLUMNS * 28, COLUMNS * 28), (COLUMNS * 28, 28)]
    assert list(sprite_sheets(images[:0])) == []


def test_the_page_is_the_same_from_sheets_of_other_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sprites, "PER_SHEET", COLUMNS)
    data = gallery_data(issues=label_issues())
    assert gallery_page(data, work_map=remote_map(tmp_path, seed=5)).page == gallery_page(data).page


def test_a_budget_selects_items_and_says_so() -> None:
    small = gallery_page(gallery_data(), budget=len(PAGE.page) - 8_000)
    assert len(small.page) <= len(PAGE.page) - 8_000
    facts = facts_of(small.page.decode())["items"]
    assert any(len(items["sizes"]) < items["total"] for items in facts.values())
    assert {kind: items["total"] for kind, items in facts.items()} == small.contents.total
    assert small.contents.total["removed"] == PAGE.contents.total["removed"]


@pytest.mark.parametrize("rows", [0, 2])
def test_splits_without_rows_or_duplicates_make_a_page(rows: int) -> None:
    images = rectangles(rows)
    splits = {
        name: split_of(images[:rows] if name == "train" else images[:0], [0] * rows if name == "train" else [])
        for name in ("train", "valid", "test")
    }
    shown = gallery_page(gallery_data(splits)).contents.shown
    assert {kind: count for kind, count in shown.items() if count} == {"rejected": 1}
