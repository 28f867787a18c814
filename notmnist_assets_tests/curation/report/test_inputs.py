"""The sections about the input show archives without private parts, files and sample images."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from notmnist_assets.curation.core.values import Archive, OtherFiles
from notmnist_assets.curation.reading.files import files_table
from notmnist_assets.curation.report.page import report_page
from notmnist_assets_tests.curation.report.pages import read_page, rows_of
from notmnist_assets_tests.curation.report.report_values import SCRIPT, letters, report_data, shared_splits


@pytest.mark.parametrize(
    ("origin", "public"),
    [
        (
            "https://user:secret@example.org/a/notMNIST_large.tar.gz?token=x",
            "https://example.org/a/notMNIST_large.tar.gz",
        ),
        ("shipped with notmnist_assets", "shipped with notmnist_assets"),
        ("/home/anna/private/notMNIST_large.tar.gz", "notMNIST_large.tar.gz"),
        (r"C:\Users\anna\private\notMNIST_large.tar.gz", "notMNIST_large.tar.gz"),
        (f"https://example.org/{SCRIPT}", f"https://example.org/{SCRIPT}"),
    ],
)
def test_an_origin_is_shown_without_private_parts(origin: str, public: str) -> None:
    page = read_page(report_page(report_data(archives={"large": Archive("x", 5, "ab" * 32, origin)})))
    assert page.problems == []
    assert rows_of(page, "archives")["large"] == [public, "5", "ab" * 32]


def test_files_are_counted_by_letter_and_set() -> None:
    page = read_page(report_page(report_data()))
    assert rows_of(page, "members")["A"] == ["4", "3", "1", "3", "3", "0"]
    assert rows_of(page, "members")["all"] == ["31", "30", "1", "30", "30", "0"]


def test_files_outside_the_letters_are_counted_in_the_title_and_listed() -> None:
    data = report_data()
    found = letters("bad.png", "empty file")
    outside = OtherFiles(480, ("notMNIST_small/K/0.png", "notMNIST_small/K/1.png"))
    found["small"] = {
        letter: replace(value, outside=outside, ignored=OtherFiles(2)) for letter, value in found["small"].items()
    }
    html = report_page(replace(data, files=files_table(found)))
    page = read_page(html)
    assert "541 files: 60 images, 1 rejected, 480 outside A-J" in html
    assert "2 files that macOS added" in html
    assert rows_of(page, "members")["outside A-J"] == ["0", "", "", "480", "", ""]
    assert rows_of(page, "members")["all"] == ["31", "30", "1", "510", "30", "0"]
    assert [row[1:] for row in page.tables["outside-table"]] == [
        ["1", "notMNIST_small/K/0.png"],
        ["1", "notMNIST_small/K/1.png"],
        ["478", "more"],
    ]


def test_a_long_list_of_rejected_files_is_cut_and_the_omitted_rows_are_counted() -> None:
    data = report_data()
    rejected = pd.DataFrame({"name": [f"{row}.png" for row in range(130)], "bytes": 0, "reason": "empty file"})
    found = letters("bad.png", "empty file")
    found["large"]["B"] = replace(found["large"]["B"], rejected=rejected)
    html = report_page(replace(data, files=files_table(found)))
    assert len(read_page(html).tables["rejected-table"]) == 100
    assert "31 more rows are not shown here." in html


def test_pictures_show_the_images_of_the_splits() -> None:
    changed = shared_splits()
    changed["train"].images[2:] = np.roll(changed["train"].images[2:], 3)
    assert report_page(report_data(changed)) != report_page(report_data())
