"""The sections about sanitizing show the rows before and after and the rules."""

from dataclasses import replace
from itertools import pairwise
from typing import get_args

import pytest

from notmnist_assets.curation.duplicates.row_index import Method
from notmnist_assets.curation.report.page import report_page
from notmnist_assets.curation.report.removed import sanitizing_section
from notmnist_assets.curation.sanitizing.decision import Conflicts, Policy, RemoveFrom, Repeats
from notmnist_assets_tests.curation.report.pages import read_page, rows_of
from notmnist_assets_tests.curation.report.report_values import report_data


def test_rows_before_and_after_sanitizing_are_those_of_the_values() -> None:
    data = report_data()
    page = read_page(report_page(data))
    kept = [str(len(data.sanitized[name])) for name in data.splits]
    assert rows_of(page, "balance")["all"] == ["4", "3", "4", *kept]
    assert rows_of(page, "removed")["test"][0] == "4"
    assert sum(int(rows_of(page, "removed")[name][-2]) for name in data.splits) == sum(map(int, kept))


@pytest.mark.parametrize("field", ["method", "remove_from", "conflicts", "repeats"])
def test_every_choice_of_a_policy_has_a_different_rule(field: str) -> None:
    choices = {"method": Method, "remove_from": RemoveFrom, "conflicts": Conflicts, "repeats": Repeats}[field]
    data = report_data()
    rules = [
        sanitizing_section(replace(data, policy=Policy(**{field: choice}))).blocks[-1] for choice in get_args(choices)
    ]
    assert all(first != second for first, second in pairwise(rules))
