"""Plans depend only on seed, set, letter and font."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.images import LETTERS, SETS
from tools.render.planting import NO_FONT, Plan, small_for

PLAN = Plan({"large": 400, "small": 90}, 5)


@settings(max_examples=40)
@given(st.sampled_from(SETS), st.sampled_from(LETTERS), st.lists(st.integers(0, 89), min_size=1, unique=True))
def test_a_plan_does_not_depend_on_earlier_calls(set_name: str, letter: str, fonts: list[int]) -> None:
    rows = np.array(fonts)
    everything = PLAN.contents(set_name, letter, np.arange(PLAN.fonts[set_name]))
    some = PLAN.contents(set_name, letter, rows)
    for field, values in vars(some).items():
        np.testing.assert_array_equal(values, getattr(everything, field)[rows])


def test_the_order_of_a_letter_has_every_font_once() -> None:
    for set_name in SETS:
        for letter in LETTERS:
            order = PLAN.order(set_name, letter)
            np.testing.assert_array_equal(np.sort(order), np.arange(PLAN.fonts[set_name]))


def test_sources_of_copies_are_no_copies() -> None:
    for set_name in SETS:
        contents = PLAN.contents(set_name, "C", np.arange(PLAN.fonts[set_name]))
        copies = np.flatnonzero((contents.source_fonts != NO_FONT) & (contents.relations != "label_conflict"))
        assert len(copies) > 0
        for source_set in SETS:
            rows = copies[contents.source_sets[copies] == source_set]
            sources = PLAN.contents(source_set, "C", contents.source_fonts[rows])
            assert (sources.source_fonts == NO_FONT).all()
            assert (sources.faults == "").all()
            np.testing.assert_array_equal(sources.characters, contents.characters[rows])
            np.testing.assert_array_equal(sources.styles, contents.styles[rows])


@pytest.mark.parametrize(("large", "small"), [(52_912, 1_873), (13_228, 468), (1_600, 57), (20, 20)])
def test_the_small_set_has_the_proportion_of_the_original(large: int, small: int) -> None:
    assert small_for(large) == small
