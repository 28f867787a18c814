"""Selections of a few rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from notmnist_assets.curation.core.sampling import evenly_spaced


@given(count=st.integers(0, 500), wanted=st.integers(0, 60))
def test_evenly_spaced_rows_ascend_exist_and_reach_both_ends(count: int, wanted: int) -> None:
    rows = evenly_spaced(count, wanted).tolist()
    assert len(rows) == min(count, wanted)
    assert rows == sorted(set(rows))
    assert all(0 <= row < count for row in rows)
    if len(rows) > 1:
        assert (rows[0], rows[-1]) == (0, count - 1)
        steps = np.diff(rows)
        assert steps.max() - steps.min() <= 1
