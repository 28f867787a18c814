"""Cells show rounded numbers and keep exact values."""

import math

import pytest

from notmnist_assets.curation.report.blocks import Cell, Table, count, interval, measure, share


def test_a_count_has_thousands_separators_and_a_bar_of_its_share() -> None:
    assert count(12_345, of=24_690) == Cell("12,345", 12_345, 0.5)
    assert count(0, of=0) == Cell("0", 0)


def test_a_share_is_a_percentage_with_its_exact_value() -> None:
    assert share(0.12345, 2) == Cell("12.35 %", 0.12345)
    assert interval(0.1, 0.25) == Cell("10.0 to 25.0 %")


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_that_is_not_finite_is_a_dash(number: float) -> None:
    assert share(number) == measure(number) == Cell("-")


@pytest.mark.parametrize(("hidden", "sentence"), [(1, "1 more row is"), (2, "2 more rows are")])
def test_omitted_rows_are_counted(hidden: int, sentence: str) -> None:
    assert Table("t", "c", [], [], hidden=hidden).hidden_sentence == f"{sentence} not shown here."
