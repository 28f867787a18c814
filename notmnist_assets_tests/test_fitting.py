"""Tables that are wider than the terminal: every word and number stays whole."""

import io
import re

import pytest
from rich.console import Console
from rich.text import Text

from notmnist_assets.fitting import ShownColumn, fitted


def column(head: str, *cells: str, numeric: bool = False) -> ShownColumn:
    return ShownColumn(head, [Text(cell) for cell in cells], numeric)


def printed(columns: list[ShownColumn], width: int) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width)
    console.print(*fitted("a title", columns, width), sep="\n")
    assert all(len(line) <= width for line in out.getvalue().splitlines())
    return out.getvalue()


def words(text: str) -> list[str]:
    return re.findall(r"[^\s│┃┏┓┡┩└┘━─┳╇┴]+", text)


def test_a_table_that_fits_is_one_table_with_all_its_columns() -> None:
    text = printed([column("kind", "a", "a"), column("rows", "10", "20", numeric=True)], 80)
    assert words(text) == ["a", "title", "kind", "rows", "a", "10", "a", "20"]


def test_what_is_the_same_in_all_rows_is_told_above_when_there_is_no_room() -> None:
    columns = [column("model", "linear", "linear"), column("name", "a" * 30, "b" * 30), column("n", "1", "2")]
    text = printed(columns, 40)
    assert text.splitlines()[0] == "a title, in all these rows: model linear"
    assert words(text).count("linear") == 1
    assert "│ linear" in printed(columns, 60)


def test_too_many_columns_become_blocks_that_each_say_what_the_rows_are() -> None:
    numbers = [column(f"number_{place}", "0.12345", "0.6789", numeric=True) for place in range(7)]
    text = printed([column("split", "train", "test"), *numbers], 60)
    assert words(text).count("train") == words(text).count("test") == text.count("a title") > 1
    assert words(text).count("0.12345") == words(text).count("0.6789") == 7
    assert [block.count("number_") for block in text.split("a title")[1:]] == [4, 3]


def test_rows_are_numbered_where_their_texts_take_the_room() -> None:
    digests = [column(f"image_{place}", "ab" * 16, "ab" * 16, "cd" * 16) for place in range(2)]
    text = printed([*digests, *(column(f"number_{place}", "1", "2", "3", numeric=True) for place in range(9))], 80)
    assert words(text).count("ab" * 16) == 4
    assert words(text).count("#") == text.count("a title") > 1


def test_long_texts_wrap_between_words() -> None:
    sentence = "a sentence of words that is longer than the terminal is wide"
    text = printed([column("reason", sentence, "short"), column("rows", "1,000", "2", numeric=True)], 30)
    assert set(sentence.split()) <= set(words(text))
    assert "1,000" in words(text)


@pytest.mark.parametrize("rows", [0, 1])
def test_little_can_be_shown_too(rows: int) -> None:
    columns = [column(f"column_{place}", *["value"] * rows, numeric=place > 1) for place in range(12)]
    text = printed(columns, 40)
    assert text.count("column_") >= 12, "every column has its head"
    assert words(text).count("value") >= 12 * rows


def test_a_word_longer_than_the_terminal_is_folded() -> None:
    assert "".join(words(printed([column("digest", "ab" * 32)], 40))[-2:]) == "ab" * 32


def test_a_table_of_equal_rows_is_told_in_a_line() -> None:
    columns = [column(f"number_{place}", "0.12345", "0.12345", numeric=True) for place in range(9)]
    text = printed(columns, 40)
    assert "┏" not in text
    assert words(text).count("0.12345,") == 8


def test_blocks_are_numbered_and_begin_with_the_first_column_where_it_tells_rows_apart() -> None:
    texts = [column(head, f"{head}-one-{'x' * 20}", f"{head}-two-{'x' * 20}") for head in ("b", "c")]
    text = printed([column("name", "apple", "pear"), *texts], 60)
    assert "a title (1 of 2)" in text
    assert "a title (2 of 2)" in text
    assert words(text).count("apple") == words(text).count("pear") == 2
    assert "#" not in text


def test_one_row_that_does_not_fit_is_told_line_by_line() -> None:
    text = printed([column(f"column_{place}", f"value-{place}") for place in range(12)], 40)
    assert text.splitlines()[-2].split() == ["│", "column_11", "│", "value-11", "│"]
    assert text.count("a title") == 1
