"""The page is complete, well-formed, self-contained, repeatable, and escapes all text of the data."""

import re

import pytest

from notmnist_assets.curation.core.wording import printable
from notmnist_assets.curation.reading.files import files_table
from notmnist_assets.curation.report.gallery.page import gallery_page
from notmnist_assets.curation.report.page import SECTIONS, report_page
from notmnist_assets_tests.curation.report.gallery.gallery_values import gallery_data, label_issues, mistakes
from notmnist_assets_tests.curation.report.pages import read_page
from notmnist_assets_tests.curation.report.report_values import (
    BREAKOUT,
    SCRIPT,
    empty_splits,
    letters,
    metrics,
    report_data,
    separate_splits,
    shared_splits,
)


def test_the_page_is_well_formed_and_has_every_section() -> None:
    page = read_page(report_page(report_data()))
    assert page.problems == []
    assert page.sections == list(SECTIONS)
    assert page.pictures > 20


def test_equal_values_give_equal_bytes() -> None:
    assert report_page(report_data()) == report_page(report_data())


def test_the_page_does_not_depend_on_times_and_folders() -> None:
    slow = report_data(baselines=metrics().assign(seconds=99.75))
    page = report_page(slow)
    assert page == report_page(report_data())
    assert "/private" not in page
    assert "large.tar.gz" in page


@pytest.mark.parametrize("hostile", [SCRIPT, BREAKOUT, "</style><script>", "{{ 7 * 7 }}", "&lt;b&gt; ü \u202e"])
def test_hostile_text_from_the_data_is_escaped(hostile: str) -> None:
    html = report_page(
        report_data(shared_splits(font=hostile), title=hostile, files=files_table(letters(hostile, hostile)))
    )
    page = read_page(html)
    assert page.problems == []
    assert page.sections == list(SECTIONS)
    assert "<script" not in html
    assert page.tables["rejected-table"] == [["large/A", printable(hostile), "7", hostile]]
    assert any(hostile in row[-1] for row in page.tables["conflicts-table"])


@pytest.mark.parametrize("splits", [separate_splits(), empty_splits()], ids=["nothing shared", "no rows"])
def test_empty_tables_and_galleries_are_well_formed(splits: dict[str, object]) -> None:
    data = report_data(splits)  # type: ignore[arg-type]
    assert len(data.removed) == len(data.conflicts) == 0
    html = report_page(data)
    page = read_page(html)
    assert page.problems == []
    assert page.sections == list(SECTIONS)
    assert page.tables["conflicts-table"] == [["No duplicates have different letters."]]
    assert "Removed: repeat" not in html


def test_counts_of_one_are_in_the_singular() -> None:
    html = report_page(report_data())
    assert "D: 1 row<" in html
    assert "; 1 image, diameter" in html
    assert not re.search(r"(?<![\d.,(])1 (more |planted )?(images|rows|copies|pairs|groups|files|numbers)\b", html)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("</main>", "</div>"), "has no start tag"),
        (("<main>", "<main><div>"), "has no start tag"),
        (("<main>", "<main><script></script>"), "<script>"),
        (("<main>", '<main><img alt="x" src="http://example.org/x.png">'), "refers to http://example.org"),
        (("<main>", '<main><img src="data:image/png;base64,AA">'), "no alternative text"),
        (("<main>", '<main><p onclick="x()"></p>'), "forbidden"),
        (("<main>", '<main><a href="#nowhere">x</a>'), "has no target"),
        (("<main>", '<main id="summary">'), "id summary is repeated"),
        (("<main>", '<main lang="en" lang="de">'), "repeated attribute"),
        (("</style>", "@import 'x';</style>"), "style sheet"),
        (("<main>", '<main><p style="background: url(x)"></p>'), "style of <p>"),
        (("<!DOCTYPE html>", ""), "does not start"),
    ],
)
def test_the_linter_of_these_tests_finds_defects(change: tuple[str, str], problem: str) -> None:
    html = report_page(report_data())
    assert change[0] in html
    assert any(problem in found for found in read_page(html.replace(*change, 1)).problems)


def test_sections_with_examples_link_to_all_of_them_in_the_gallery() -> None:
    html = report_page(report_data())
    targets = re.findall(r'href="gallery.html#(\w+)"', html)
    assert targets == ["rejected", "pairs", "conflicts", "removed", "issues", "mistakes"]
    data = gallery_data(issues=label_issues(), mistakes=mistakes())
    assert set(targets) <= set(gallery_page(data).contents.total)
