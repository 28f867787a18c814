"""The section about baselines shows accuracies, learning curves, and recall and confusion by letter."""

import re

import numpy as np
import numpy.typing as npt
import pytest

from notmnist_assets.curation.report.page import report_page
from notmnist_assets_tests.curation.report.pages import charts_of, read_page, rows_of
from notmnist_assets_tests.curation.report.report_values import (
    leakage,
    metrics,
    mistakes,
    reference,
    report_data,
)


def confusion(rows: int = 400, right: int = 349) -> npt.NDArray[np.int64]:
    """Return a confusion matrix with `right` correct predictions of A, and H predicted as I in the other rows."""
    counts = np.zeros((10, 10), np.int64)
    counts[0, 0], counts[7, 8] = right, rows - right
    return counts


def test_accuracies_are_those_of_the_values() -> None:
    page = read_page(report_page(report_data()))
    assert {row[6] for row in page.tables["baselines-table"]} == {"0.87312345"}


def test_recall_precision_and_confusion_are_shown_by_letter() -> None:
    matrices = {"raw": confusion(), "sanitized": confusion()}
    html = report_page(report_data(baselines=metrics(349 / 400), confusions=matrices))
    page = read_page(html)
    assert page.problems == []
    assert rows_of(page, "scores-by-letter")["A"] == ["349", *["1.0"] * 4]
    assert rows_of(page, "scores-by-letter")["B"] == ["0", *["-"] * 4]
    assert rows_of(page, "scores-by-letter")["I"] == ["0", "-", "0.0", "-", "0.0"]
    for train_on in ("raw", "sanitized"):
        rows = rows_of(page, f"confusion-{train_on}")
        assert list(rows) == list("ABCDEFGHIJ")
        assert rows["H"] == ["0"] * 8 + ["51", "0"]
    assert html.count('class="numeric shaded" style="--depth: 1.000"') == 4
    assert html.count('class="numeric shaded" style="--depth: 0.000"') == 196


def test_rows_of_the_baselines_show_groups_and_the_spread_over_samples() -> None:
    rows = read_page(report_page(report_data())).tables["baselines-table"]
    assert {(row[2], row[8], row[9]) for row in rows} == {("50", "390", "50.0 ± 2.0 %"), ("all", "390", "-")}


def test_leakage_is_shown_with_its_answer() -> None:
    html = report_page(report_data(leakage=leakage()))
    page = read_page(html)
    assert page.problems == []
    assert "have a twin in train; they are 30 duplicate groups, and each counts once." in html
    first, _, change, *_ = page.tables["leakage-table"]
    assert first[1:6] == ["rows with a twin", "with twins", "40", "30", "0.95"]
    assert change[7:] == ["6", "1", "0.125"]
    assert first[7:] == ["-", "-", "-"]
    none = report_page(report_data(leakage=leakage().head(0)))
    assert "leakage-table" not in none
    assert "nothing to compare" in none


def test_models_of_the_assignment_are_compared_only_on_the_published_split() -> None:
    page = read_page(report_page(report_data(reference=reference())))
    assert rows_of(page, "reference")["one_vs_rest_liblinear"][3] == "0.509"
    assert "published-accuracies-table" not in page.tables
    html = report_page(report_data(reference=reference(), originals=True, published_splits=True))
    rows = read_page(html).tables["published-accuracies-table"]
    assert "Published accuracies that agree: 1 of 1" in html
    assert [row[6] for row in rows].count("not compared") == len(rows) - 1
    assert rows[0][3:5] == ["0.509", "0.509"]


def test_the_most_confident_mistakes_are_pictures() -> None:
    html = report_page(report_data(mistakes=mistakes()))
    assert "The 2 most confident of 2 wrong predictions" in html
    assert "Most confident mistakes" not in report_page(report_data(mistakes=mistakes().head(0)))


@pytest.mark.parametrize(("rows", "right"), [(399, 349), (400, 350), (0, 0)])
def test_confusion_matrices_of_other_models_are_omitted(rows: int, right: int) -> None:
    html = report_page(report_data(baselines=metrics(349 / 400), confusions={"raw": confusion(rows, right)}))
    assert "scores-by-letter-table" not in html
    assert "confusion-raw-table" not in html


@pytest.mark.parametrize("trained", ["raw rows", "sanitized rows"])
def test_the_learning_curves_show_removed_all_and_clean_rows(trained: str) -> None:
    html = report_page(report_data())
    figure = html.split(f"<h3>Learning curve, trained on {trained}</h3>")[1].split("</figure>")[0]
    (chart,) = charts_of(figure)
    assert re.findall("<!-- (removed|all|clean) -->", chart) == ["removed", "all", "clean"]
