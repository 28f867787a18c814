"""Selections of a few rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from notmnist_assets.curation.core.sampling import evenly_spaced, mixed_rows


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


@given(rows=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=40), count=st.integers(0, 12))
def test_mixed_rows_are_the_first_of_their_groups_with_as_many_of_each_letter(
    rows: list[tuple[int, int]], count: int
) -> None:
    groups, letters = np.array(rows, np.int64).reshape(-1, 2).T
    first = [place for place, group in enumerate(groups.tolist()) if group not in groups[:place]]
    for spread in (False, True):
        chosen = mixed_rows(groups, letters, count, spread=spread).tolist()
        assert chosen == sorted(set(chosen) & set(first))
        assert len(chosen) == min(count, len(first))
        available, shown = (np.bincount(letters[list(places)], minlength=4) for places in (first, chosen))
        assert shown.max() - shown[shown < available].min(initial=shown.max()) <= 1


def test_the_first_rows_of_each_letter_are_chosen_unless_they_are_spread() -> None:
    groups, letters = np.arange(10), np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    assert mixed_rows(groups, letters, 4).tolist() == [0, 1, 5, 6]
    assert mixed_rows(groups, letters, 4, spread=True).tolist() == [0, 4, 5, 9]
