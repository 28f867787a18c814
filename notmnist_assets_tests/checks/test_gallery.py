"""The check of the gallery parses the stored page and compares it with the values."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from upath import UPath

from notmnist_assets.checks.gallery import gallery_check
from notmnist_assets.curation.report.gallery.page import gallery_page
from notmnist_assets_tests.curation.report.gallery.gallery_values import gallery_data

DATA = gallery_data()
PAGE = gallery_page(DATA).page


def check(folder: Path, page: bytes, **changes: Any) -> dg.AssetCheckResult:
    path = folder / "gallery.html"
    path.write_bytes(page)
    result = gallery_check(UPath(path), **{"removed": DATA.removed, "files": DATA.files, **changes})
    assert isinstance(result, dg.AssetCheckResult)
    return result


def test_a_written_page_passes(tmp_path: Path) -> None:
    assert check(tmp_path, PAGE).passed
    assert check(tmp_path, gallery_page(DATA, most_rows=20).page).passed, "a selection is faithful, too"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"removed": DATA.removed.iloc[1:]}, "the page counts"),
        ({"removed": DATA.removed.assign(reason="repeat")}, "for another reason"),
        ({"files": DATA.files.assign(outcome="image")}, "items of rejected, expected 0"),
    ],
)
def test_a_gallery_of_other_values_fails(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    result = check(tmp_path, PAGE, **change)
    assert not result.passed
    assert problem in str(result.metadata["problems"].value)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b"<main>", b'<main><img src="https://example.org/x.png">', "refers to https://example.org/x.png"),
        (b'id="data"', b"", "cannot be parsed: it has no data"),
        (b'id="data">{', b'id="data">', "cannot be parsed"),
        (b"<main>", b"<main>\xff", "cannot be parsed"),
    ],
)
def test_a_damaged_page_fails(tmp_path: Path, old: bytes, new: bytes, problem: str) -> None:
    assert old in PAGE
    result = check(tmp_path, PAGE.replace(old, new))
    assert not result.passed
    assert problem in str(result.metadata["problems"].value)
