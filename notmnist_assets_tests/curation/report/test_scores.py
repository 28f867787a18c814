"""The section about baselines shows accuracies, learning curves, and recall and confusion by letter."""

import re

import numpy as np
import numpy.typing as npt
import pytest

from notmnist_assets.curation.core.intervals import wilson_interval
from notmnist_assets.curation.report.page import report_page
from notmnist_assets_tests.curation.report.pages import charts_of, read_page, rows_of
from notmnist_assets_tests.curation.report.report_values import metrics, report_data


def confusion(rows: int = 400, right: int = 349) -> npt.NDArray[np.int64]:
    """Return a confusion matrix with `right` correct predictions of A, and H predicted as I in the other rows."""
    counts = np.zeros((10, 10), np.int64)
    counts[0, 0], counts[7, 8] = right, rows - right
    return counts


def test_accuracies_are_those_of_the_values() -> None:
    page = read_page(report_page(report_data()))
    assert {row[6] for row in page.tables["baselines-table"]} == {"0.87312345"}


def test_recall_and_confusion_are_shown_by_letter() -> None:
    matrices = {"raw": confusion(), "sanitized": confusion()}
    page = read_page(report_page(report_data(baselines=metrics(349 / 400), confusions=matrices)))
    assert page.problems == []
    low, high = wilson_interval(349, 349)
    ends = f"{100 * float(low):.1f} to {100 * float(high):.1f} %"
    assert rows_of(page, "recall-by-letter")["A"] == ["349", "1.0", ends, "1.0", ends]
    assert rows_of(page, "recall-by-letter")["B"] == ["0", "-", "0.0 to 100.0 %", "-", "0.0 to 100.0 %"]
    for train_on in ("raw", "sanitized"):
        rows = rows_of(page, f"confusion-{train_on}")
        assert list(rows) == list("ABCDEFGHIJ")
        assert rows["H"] == ["0"] * 8 + ["51", "0"]


@pytest.mark.parametrize(("rows", "right"), [(399, 349), (400, 350), (0, 0)])
def test_confusion_matrices_of_other_models_are_omitted(rows: int, right: int) -> None:
    html = report_page(report_data(baselines=metrics(349 / 400), confusions={"raw": confusion(rows, right)}))
    assert "recall-by-letter-table" not in html
    assert "confusion-raw-table" not in html


@pytest.mark.parametrize("trained", ["raw rows", "sanitized rows"])
def test_the_learning_curves_show_removed_all_and_clean_rows(trained: str) -> None:
    html = report_page(report_data())
    figure = html.split(f"<h3>Learning curve, trained on {trained}</h3>")[1].split("</figure>")[0]
    (chart,) = charts_of(figure)
    assert re.findall("<!-- (removed|all|clean) -->", chart) == ["removed", "all", "clean"]
