"""Numbers and file names in sentences."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notmnist_assets.curation.core.wording import counted, printable


def test_numbers_have_the_noun_that_fits() -> None:
    assert [counted(n, "image") for n in (0, 1, 2000)] == ["0 images", "1 image", "2,000 images"]
    assert counted(3, "mouse", "mice") == "3 mice"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ärger é中.png", "Ärger é中.png"),
        ("new\nline\ttab.png", r"new\nline\ttab.png"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("a\u2028b\u200fc", r"a\u2028b\u200fc"),
        ("\udcff", r"\udcff"),
    ],
)
def test_names_are_shown_on_one_line_with_invisible_characters_escaped(name: str, shown: str) -> None:
    assert printable(name) == shown


@given(st.text())
def test_no_control_format_or_line_character_is_left_in_a_name(name: str) -> None:
    shown = printable(name)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Zl", "Zp", "Cs"}
    assert printable(shown) == shown
