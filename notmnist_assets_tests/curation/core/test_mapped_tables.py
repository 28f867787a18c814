"""Large tables in temporary files: equal to tables in memory, row by row, when stored, and in their fingerprint."""

import io
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core import mapped_tables
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.mapped_tables import map_table, read_table


def table_of(rows: int) -> pd.DataFrame:
    random = np.random.default_rng(rows)
    return pd.DataFrame(
        {
            "name": pd.Series([f"é{number}" * (number % 3) for number in range(rows)], dtype="str"),
            "letter": pd.Categorical.from_codes(random.integers(0, 2, rows), categories=pd.Index(["A", "B"])),
            "distance": random.random(rows),
            "row": np.arange(rows, dtype=np.int32),
            "kept": random.random(rows) < 0.5,
        }
    )


def stored(table: pd.DataFrame) -> io.BytesIO:
    file = io.BytesIO()
    table.to_parquet(file, engine="pyarrow", compression="zstd", index=False, row_group_size=mapped_tables.ROWS)
    file.seek(0)
    return file


@given(rows=st.integers(0, 30), cuts=st.lists(st.integers(0, 30), max_size=4), most=st.integers(1, 12))
@settings(max_examples=25, phases=[Phase.explicit, Phase.generate])
def test_a_table_in_parts_equals_the_whole_one_in_rows_stored_bytes_and_fingerprint(
    rows: int, cuts: list[int], most: int
) -> None:
    whole = table_of(rows)
    ends = sorted([0, rows, *(min(cut, rows) for cut in cuts)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapped_tables, "ROWS", most)
        mapped = map_table(whole.iloc[start:end] for start, end in pairwise(ends))
        pd.testing.assert_frame_equal(mapped, whole)
        assert stored(mapped).getvalue() == stored(whole).getvalue()
        assert fingerprint(mapped) == fingerprint(whole)
        pd.testing.assert_frame_equal(read_table(stored(whole)), pd.read_parquet(stored(whole)))


def test_numbers_of_a_large_table_are_not_copied_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped_tables, "ROWS", 4)
    mapped = map_table([table_of(9)])
    assert not mapped["distance"].to_numpy().flags.owndata
    assert not mapped["distance"].to_numpy().flags.writeable
