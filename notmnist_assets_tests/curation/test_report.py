"""The page: complete, self-contained, repeatable, and safe whatever is in the data."""

import base64
import re
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from notmnist_assets.curation.core.intervals import wilson_interval
from notmnist_assets.curation.core.published import READABLE
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.curation.duplicates.radius import choose_radius, label_noise, share_limit
from notmnist_assets.curation.reading.files import files_table
from notmnist_assets.curation.report.blocks import Table
from notmnist_assets.curation.report.page import SECTIONS, report_page
from notmnist_assets_tests.curation.pages import ReadPage, read_page
from notmnist_assets_tests.curation.report_values import (
    BREAKOUT,
    SCRIPT,
    empty_splits,
    letters,
    metrics,
    report_data,
    separate_splits,
    shared_splits,
)


def charts(html: str) -> list[str]:
    """Return the SVG of each chart."""
    found = re.findall('"data:image/svg[+]xml;base64,([^"]+)"', html)
    return [base64.b64decode(data).decode() for data in found]


def rows_of(page: ReadPage, table: str) -> dict[str, list[str]]:
    """Return a table's rows by their first cells."""
    return {row[0]: list(row[1:]) for row in page.tables[f"{table}-table"]}


def test_the_page_is_sound_and_has_every_section() -> None:
    page = read_page(report_page(report_data()))
    assert page.problems == []
    assert page.sections == list(SECTIONS)
    assert page.pictures > 20


def test_equal_values_give_equal_bytes() -> None:
    assert report_page(report_data()) == report_page(report_data())


def test_times_machines_and_folders_are_not_on_it() -> None:
    slow = report_data(baselines=metrics().assign(seconds=99.75))
    page = report_page(slow)
    assert page == report_page(report_data())
    assert "/private" not in page
    assert "large.tar.gz" in page


@pytest.mark.parametrize(
    ("origin", "shown"),
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
def test_an_origin_is_shown_without_what_is_private(origin: str, shown: str) -> None:
    page = read_page(report_page(report_data(archives={"large": Archive("x", 5, "ab" * 32, origin)})))
    assert page.problems == []
    assert rows_of(page, "archives")["large"] == [shown, "5", "ab" * 32]


@pytest.mark.parametrize("hostile", [SCRIPT, BREAKOUT, "</style><script>", "{{ 7 * 7 }}", "&lt;b&gt; ü \u202e"])
def test_hostile_text_from_the_data_stays_text(hostile: str) -> None:
    html = report_page(report_data(shared_splits(font=hostile), title=hostile, letters=letters(hostile, hostile)))
    page = read_page(html)
    assert page.problems == []
    assert page.sections == list(SECTIONS)
    assert "<script" not in html
    assert page.tables["rejected-table"] == [["large/A", hostile, "7", hostile]]
    assert any(hostile in row[-1] for row in page.tables["conflicts-table"])


def test_numbers_are_those_of_the_values() -> None:
    data = report_data()
    page = read_page(report_page(data))
    assert rows_of(page, "members")["A"] == ["4", "3", "1", "3", "3", "0"]
    assert rows_of(page, "members")["all"] == ["31", "30", "1", "30", "30", "0"]
    kept = [str(len(data.sanitized[name])) for name in data.splits]
    assert rows_of(page, "balance")["all"] == ["4", "3", "4", *kept]
    assert rows_of(page, "removed")["test"][0] == "4"
    assert sum(int(rows_of(page, "removed")[name][-2]) for name in data.splits) == sum(map(int, kept))
    exact = data.overlap.query("method == 'exact' and rows_of == 'test' and found_in == 'train'")
    (shown,) = (row for row in page.tables["overlap-table"] if row[:2] == ["test", "train"])
    assert shown[2:5] == [str(exact[column].iloc[0]) for column in ("rows", "share", "distinct")]
    assert {row[6] for row in page.tables["baselines-table"]} == {"0.87312345"}
    assert page.tables["contents-table"] == [["splits/test", "cd" * 32]]


def test_why_the_radius_is_the_one_in_use_can_be_seen() -> None:
    counts = {1.0: (100, 3.0), 2.0: (2000, 2.0), 3.0: (2500, 8.0), 4.0: (3000, 90.0)}
    pairs, crossing = zip(*counts.values(), strict=True)
    low, high = wilson_interval(np.array(crossing), np.array(pairs))
    shares = np.array(crossing) / np.array(pairs)
    curve = pd.DataFrame({"radius": list(counts), "pairs": pairs, "cross_letter": crossing, "share": shares})
    curve = curve.assign(ci_low=low, ci_high=high)
    curve["chosen"] = curve["radius"] == choose_radius(curve)
    html = report_page(report_data(radius=curve))
    told = {row[0]: row[-1] for row in read_page(html).tables["radius-curve-table"]}
    assert told == {"1.0": "few pairs", "2.0": "", "3.0": "in use", "4.0": ""}
    assert f'<data value="{label_noise(curve)}">' in html
    assert f'<data value="{share_limit(curve)}">' in html
    (chart,) = charts(html.split('id="radius"')[1].split("</section>")[0])
    assert chart.split('id="PathCollection_1"')[1].split("</defs>")[1].split('id="line2d')[0].count("<use ") == 1
    assert "It would choose" not in html
    fixed = report_page(report_data(radius=curve.assign(chosen=curve["radius"] == 2.0)))
    assert "It would choose 3; a setting fixed 2." in fixed


def counts(rows: int = 400, right: int = 349) -> npt.NDArray[np.int64]:
    """Return counts by letter of so many rows, of which so many were read right: those of A, and H taken for I."""
    made = np.zeros((10, 10), np.int64)
    made[0, 0], made[7, 8] = right, rows - right
    return made


def test_letters_are_told_with_their_recalls_and_mistakes() -> None:
    accuracy = 349 / 400
    html = report_page(report_data(baselines=metrics(accuracy), confusions={"raw": counts(), "sanitized": counts()}))
    page = read_page(html)
    assert page.problems == []
    low, high = wilson_interval(349, 349)
    ends = f"{100 * float(low):.1f} to {100 * float(high):.1f} %"
    assert rows_of(page, "recall-by-letter")["A"] == ["349", "1.0", ends, "1.0", ends]
    assert rows_of(page, "recall-by-letter")["B"] == ["0", "-", "0.0 to 100.0 %", "-", "0.0 to 100.0 %"]
    for train_on in ("raw", "sanitized"):
        shown = rows_of(page, f"confusion-{train_on}")
        assert list(shown) == list("ABCDEFGHIJ")
        assert shown["H"] == ["0"] * 8 + ["51", "0"]


@pytest.mark.parametrize(("rows", "right"), [(399, 349), (400, 350), (0, 0)])
def test_letters_of_other_accuracies_than_those_on_the_page_are_left_out(rows: int, right: int) -> None:
    html = report_page(report_data(baselines=metrics(349 / 400), confusions={"raw": counts(rows, right)}))
    assert "recall-by-letter-table" not in html
    assert "confusion-raw-table" not in html


def test_the_curves_show_removed_rows_too_for_both_kinds_of_training_rows() -> None:
    html = report_page(report_data())
    for trained in ("rows as drawn", "sanitized rows"):
        figure = html.split(f"<h3>Learning curve, trained on {trained}</h3>")[1].split("</figure>")[0]
        (chart,) = charts(figure)
        assert re.findall("<!-- (removed|as drawn|clean) -->", chart) == ["removed", "as drawn", "clean"]


def test_suspects_are_the_rows_that_disagree_with_most() -> None:
    splits = shared_splits()
    conflicts = read_page(report_page(report_data(splits))).tables["conflicts-table"]
    assert conflicts[0] == ["exact", "1", "3", "B 2, C 1", "train 3 C, a font.ttf"]
    splits["test"] = splits["test"].take(np.arange(1, 4))
    tied = read_page(report_page(report_data(splits))).tables["conflicts-table"]
    assert tied[0] == ["exact", "1", "2", "B 1, C 1", "train 2 B, a font.ttf; train 3 C, a font.ttf"]


def test_near_groups_are_told_where_they_add_images() -> None:
    splits = shared_splits()
    splits["valid"].labels[0] = 5
    data = report_data(splits)
    rows = read_page(report_page(data)).tables["conflicts-table"]
    repeated = data.conflicts[(data.conflicts["method"] == "near") & (data.conflicts["images"] == 1)]
    assert len(repeated)
    assert [row[:2] for row in rows] == [["exact", "1"], ["near", "3"]]


@pytest.mark.parametrize("splits", [separate_splits(), empty_splits()], ids=["nothing shared", "no rows"])
def test_what_is_not_there_is_said(splits: dict[str, object]) -> None:
    data = report_data(splits)  # type: ignore[arg-type]
    assert len(data.removed) == len(data.conflicts) == 0
    html = report_page(data)
    page = read_page(html)
    assert page.problems == []
    assert page.sections == list(SECTIONS)
    assert page.tables["conflicts-table"] == [["No image carries two letters."]]
    assert "Removed: repeat" not in html


def test_long_tables_end_and_say_how_much_is_left_out() -> None:
    data = report_data()
    rejected = pd.DataFrame({"name": [f"{row}.png" for row in range(130)], "bytes": 0, "reason": "empty file"})
    found = letters("bad.png", "empty file")
    found["large"]["B"] = replace(found["large"]["B"], rejected=rejected)
    html = report_page(replace(data, files=files_table(found)))
    assert len(read_page(html).tables["rejected-table"]) == 100
    assert "31 more rows are not shown here." in html


def test_one_of_something_is_told_in_the_singular() -> None:
    splits = shared_splits()
    keep = np.append(np.flatnonzero(splits["test"].labels == 9)[:1], np.flatnonzero(splits["test"].labels != 9))
    html = report_page(report_data({**splits, "test": splits["test"].take(keep)}))
    assert "J: 1 row<" in html
    assert "; 1 image, diameter" in html
    assert not re.search(r"(?<![\d.,(])1 (more |planted )?(images|rows|copies|pairs|groups|files|numbers)\b", html)
    assert Table("t", "c", [], [], hidden=1).hidden_in_words == "1 more row is not shown here."


def test_published_numbers_are_compared_for_the_originals_only() -> None:
    html = report_page(report_data())
    assert "certificate-table" not in read_page(html).tables
    assert "nothing to compare" in html.replace("\n", " ")
    original = read_page(report_page(report_data(originals=True)))
    compared = rows_of(original, "certificate")
    assert compared["readable files, large A"] == [str(READABLE["large"][0]), "3", "no", "published"]
    assert compared["rejected files, large C"][2] == "yes"
    assert not any("of test in" in quantity for quantity in compared)
    drawn = read_page(report_page(report_data(originals=True, published_draw=True)))
    assert any("of test in train" in quantity for quantity in rows_of(drawn, "certificate"))


def test_pictures_show_the_images_of_the_splits() -> None:
    changed = shared_splits()
    changed["train"].images[2:] = np.roll(changed["train"].images[2:], 3)
    assert report_page(report_data(changed)) != report_page(report_data())


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (("</main>", "</div>"), "closes nothing"),
        (("<main>", "<main><div>"), "closes nothing"),
        (("<main>", "<main><script></script>"), "<script>"),
        (("<main>", '<main><img alt="x" src="http://example.org/x.png">'), "refers to http://example.org"),
        (("<main>", '<main><img src="data:image/png;base64,AA">'), "no words"),
        (("<main>", '<main><p onclick="x()"></p>'), "no place"),
        (("<main>", '<main><a href="#nowhere">x</a>'), "leads nowhere"),
        (("<main>", '<main id="summary">'), "id summary is there twice"),
        (("<main>", '<main lang="en" lang="de">'), "attribute twice"),
        (("</style>", "@import 'x';</style>"), "style sheet"),
        (("<main>", '<main><p style="background: url(x)"></p>'), "style of <p>"),
        (("<!DOCTYPE html>", ""), "does not start"),
    ],
)
def test_reading_tells_what_is_wrong_with_a_page(harm: tuple[str, str], told: str) -> None:
    html = report_page(report_data())
    assert harm[0] in html
    assert any(told in problem for problem in read_page(html.replace(*harm, 1)).problems)
