"""Files and fonts of rows, compared with loops over all files."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notmnist_assets.curation.core.file_names import (
    file_paths,
    font_name,
    fonts_of,
    repeated_files,
    rows_by_file,
    source_table,
)
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets_tests.builders import random_split

Files = list[tuple[str, str, str]]

files = st.lists(
    st.tuples(st.sampled_from(SETS), st.sampled_from("ABC"), st.sampled_from(["x.png", "B/x.png", "A/B/x.png", "ü"])),
    max_size=8,
)


def sources(of: Files) -> pd.DataFrame:
    """Return a table of sources as splits have it: a category of set and letter, and a font."""
    return pd.DataFrame(
        {
            "set": pd.Categorical([row[0] for row in of], categories=list(SETS)),
            "letter": pd.Categorical([row[1] for row in of], categories=list(LETTERS)),
            "name": pd.Series([row[2] for row in of], dtype="str"),
            "font": pd.Series([str(number) for number in range(len(of))], dtype="str"),
        }
    )


@given(one=files, other=files)
def test_a_row_is_found_by_set_letter_and_name_and_the_first_of_several(one: Files, other: Files) -> None:
    expected = [next((row for row, file in enumerate(other) if file == wanted), -1) for wanted in one]
    found = rows_by_file(sources(one), sources(other))
    assert found.dtype == np.int64
    assert found.tolist() == expected


@given(tables=st.lists(files, min_size=1, max_size=3))
def test_rows_of_the_same_file_are_those_of_a_count(tables: list[Files]) -> None:
    every = [file for table in tables for file in table]
    found = repeated_files([sources(table) for table in tables])
    assert [mask.tolist() for mask in found] == [[every.count(file) > 1 for file in table] for table in tables]


@given(of=files)
def test_paths_are_equal_only_for_equal_files(of: Files) -> None:
    paths = file_paths(sources(of)).tolist()
    assert [[a == b for b in paths] for a in paths] == [[a == b for b in of] for a in of]


def test_a_path_is_set_letter_and_name_and_keeps_the_index() -> None:
    split = random_split(5)
    picked = split.sources.iloc[[4, 1, 1]]
    paths = file_paths(picked)
    assert paths.index.tolist() == [4, 1, 1]
    assert paths.tolist() == [f"large/{letter}/{name}" for letter, name in picked[["letter", "name"]].to_numpy()]


@pytest.mark.parametrize(
    ("file_name", "font"),
    [
        ("RnJlaWdodERpc3BCb29rSXRhbGljLnR0Zg==.png", "FreightDispBookItalic.ttf"),
        ("RnJlaWdodERpc3BCb29rSXRhbGljLnR0Zg.png", "FreightDispBookItalic.ttf"),
        ("w7zDvz8_.png", "üÿ??"),
        ("w7zDvz8/.png", "üÿ??"),
        ("plain name.png", "plain name"),
        ("/w==.png", "/w=="),
        ("AAAA.png", "AAAA"),
        (".png", ".png"),
        ("", ""),
        ("abc", "abc"),
    ],
)
def test_font_names_are_decoded_from_base64_or_kept(file_name: str, font: str) -> None:
    assert font_name(file_name) == font


@given(st.text())
def test_every_text_has_a_font_name(text: str) -> None:
    assert isinstance(font_name(text), str)


@given(names=st.lists(st.sampled_from(["QQ==.png", "QQ.png", "Qg==.png", "plain.png", ""]), max_size=12))
def test_the_fonts_of_names_are_those_of_each_name(names: list[str]) -> None:
    assert fonts_of(np.array(names, dtype=object)).tolist() == [font_name(name) for name in names]


@given(of=files)
def test_the_table_of_sources_has_set_letter_name_and_font_of_each_row(of: Files) -> None:
    table = source_table(
        SETS,
        np.array([SETS.index(row[0]) for row in of], np.int64),
        np.array([LETTERS.index(row[1]) for row in of], np.int32),
        np.array([row[2] for row in of], dtype=object),
    )
    expected = sources(of).assign(font=pd.Series([font_name(name) for _, _, name in of], dtype="str"))
    pd.testing.assert_frame_equal(table, expected)
