"""Who a row is, by loops over all files."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from notmnist_assets.curation.file_names import file_paths, rows_by_file
from notmnist_assets.curation.images import LETTERS, SETS
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


@given(of=files)
def test_paths_are_equal_only_where_files_are(of: Files) -> None:
    paths = file_paths(sources(of)).tolist()
    assert [[a == b for b in paths] for a in paths] == [[a == b for b in of] for a in of]


def test_a_path_is_set_letter_and_name_and_keeps_the_index() -> None:
    split = random_split(5)
    picked = split.sources.iloc[[4, 1, 1]]
    paths = file_paths(picked)
    assert paths.index.tolist() == [4, 1, 1]
    assert paths.tolist() == [f"large/{letter}/{name}" for letter, name in picked[["letter", "name"]].to_numpy()]
