"""Summaries as Markdown: few short lines, numbers in words, and no effect of names that come from outside."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notmnist_assets.curation.summaries.text import (
    LONGEST,
    MOST_LINES,
    Span,
    asset_link,
    bold,
    outside_text,
    percent,
    rounded,
    spans,
    summary,
)
from notmnist_assets_tests.plain import plain_lines


def test_a_summary_is_a_list_without_empty_lines() -> None:
    assert summary("first", "", "second") == "- first\n- second"


def test_the_last_lines_are_left_out_where_a_summary_would_need_a_click() -> None:
    text = summary("answer", "x" * 600, "y" * 600)
    assert text == f"- answer\n- {'x' * 600}"
    assert plain_lines(text) == ["answer", "x" * 600]
    assert len(text) < LONGEST


def test_lines_are_broken_between_words_and_read_as_they_were() -> None:
    words = " ".join(f"{bold('five words')} `of code` {asset_link('splits/test')} and text" for _ in range(4))
    text = summary(words)
    assert max(len("".join(plain_lines(part.strip()))) for part in text.splitlines()) <= 55 + len("- ")
    assert len(text.splitlines()) == 4
    (line,) = plain_lines(text)
    assert line == " ".join(["five words of code splits/test and text"] * 4)


def test_a_percent_sign_stays_on_the_line_of_its_number() -> None:
    assert summary("x" * 50 + " (0.37 %) of all") == "- " + "x" * 50 + "  \n  (0.37 %) of all"
    assert summary("x" * 50 + outside_text(" (95 % each)")) == "- " + "x" * 50 + "  \n  \\(95 \\% each\\)"


@pytest.mark.parametrize("lines", [(), ("",), ("line",) * (MOST_LINES + 1)])
def test_a_summary_has_one_to_five_lines(lines: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="lines"):
        summary(*lines)


def test_lines_are_read_as_spans_of_text() -> None:
    text = summary(f"{bold('4.62 %')} of {asset_link('splits/test')} leak: `notmnist show` lists 2 \\* 3")
    assert list(spans(text)) == [
        [
            Span("4.62 %", "bold"),
            Span(" of "),
            Span("splits/test", "link"),
            Span(" leak: "),
            Span("notmnist show", "code"),
            Span(" lists 2 * 3"),
        ]
    ]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_text_from_outside_is_shown_as_it_is(text: str) -> None:
    line = f"a {outside_text(text)} b"
    assert plain_lines(line) == [f"a {text} b"]
    assert [span.style for span in next(spans(line))] == [""]


def test_long_text_from_outside_is_shortened_in_the_middle() -> None:
    shown = outside_text("a" * 100 + "b" * 100)
    assert len(shown) < 100
    assert plain_lines(shown)[0].startswith("aaa")
    assert shown.endswith("bbb")


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.046234, "4.62 %"),
        (0.5, "50 %"),
        (0.99996, "99.996 %"),
        (2e-9, "less than 0.001 %"),
        (math.nan, "-"),
    ],
)
def test_shares_are_percentages_with_three_digits(share: float, text: str) -> None:
    assert percent(share) == text


@given(st.floats(-1e9, 1e9))
def test_rounded_numbers_differ_by_less_than_half_a_percent(number: float) -> None:
    assert rounded(number) == pytest.approx(number, rel=0.006, abs=1e-12)
    assert rounded(rounded(number)) == rounded(number)
