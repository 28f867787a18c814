"""The sections about duplicates show overlaps, the choice of the radius, and label conflicts."""

import numpy as np
import pandas as pd

from notmnist_assets.curation.core.intervals import wilson_interval
from notmnist_assets.curation.duplicates.radius import choose_radius, label_noise, share_limit
from notmnist_assets.curation.report.page import report_page
from notmnist_assets_tests.curation.report.pages import charts_of, read_page
from notmnist_assets_tests.curation.report.report_values import report_data, shared_splits


def test_the_overlap_is_that_of_the_values() -> None:
    data = report_data()
    page = read_page(report_page(data))
    exact = data.overlap.query("method == 'exact' and rows_of == 'test' and found_in == 'train'")
    (row,) = (row for row in page.tables["overlap-table"] if row[:2] == ["test", "train"])
    assert row[2:5] == [str(exact[column].iloc[0]) for column in ("rows", "share", "distinct")]


def test_the_curve_the_limit_and_an_overridden_choice_of_the_radius_are_shown() -> None:
    counts = {1.0: (100, 3.0), 2.0: (2000, 2.0), 3.0: (2500, 8.0), 4.0: (3000, 90.0)}
    pairs, crossing = zip(*counts.values(), strict=True)
    low, high = wilson_interval(np.array(crossing), np.array(pairs))
    shares = np.array(crossing) / np.array(pairs)
    curve = pd.DataFrame({"radius": list(counts), "pairs": pairs, "cross_letter": crossing, "share": shares})
    curve = curve.assign(ci_low=low, ci_high=high)
    curve["chosen"] = curve["radius"] == choose_radius(curve).radius
    html = report_page(report_data(radius=curve))
    notes = {row[0]: row[-1] for row in read_page(html).tables["radius-curve-table"]}
    assert notes == {"1.0": "few pairs", "2.0": "", "3.0": "in use", "4.0": ""}
    assert f'<data value="{label_noise(curve)}">' in html
    assert f'<data value="{share_limit(curve)}">' in html
    (chart,) = charts_of(html.split('id="radius"')[1].split("</section>")[0])
    assert chart.split('id="PathCollection_1"')[1].split("</defs>")[1].split('id="line2d')[0].count("<use ") == 1
    assert "overrides it" not in html
    fixed = report_page(report_data(radius=curve.assign(chosen=curve["radius"] == 2.0)))
    assert "The rule chooses 3: the data reject larger ones; 0.32 %" in fixed
    assert "The setting near_radius overrides it with 2." in fixed


def test_suspects_are_the_rows_without_the_most_frequent_letter() -> None:
    splits = shared_splits()
    conflicts = read_page(report_page(report_data(splits))).tables["conflicts-table"]
    assert conflicts[0] == ["exact", "1", "3", "B 2, C 1", "train 3 C, a font.ttf"]
    splits["test"] = splits["test"].take(np.arange(1, 4))
    tied = read_page(report_page(report_data(splits))).tables["conflicts-table"]
    assert tied[0] == ["exact", "1", "2", "B 1, C 1", "train 2 B, a font.ttf; train 3 C, a font.ttf"]


def test_near_groups_are_listed_only_if_they_have_several_images() -> None:
    splits = shared_splits()
    splits["valid"].labels[0] = 5
    data = report_data(splits)
    rows = read_page(report_page(data)).tables["conflicts-table"]
    repeated = data.conflicts[(data.conflicts["method"] == "near") & (data.conflicts["images"] == 1)]
    assert len(repeated)
    assert [row[:2] for row in rows] == [["exact", "1"], ["near", "3"]]
