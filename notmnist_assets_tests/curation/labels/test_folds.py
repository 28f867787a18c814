"""Folds keep fonts and duplicate groups apart, for any fonts and groups."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.labels.folds import FOLDS, assign_folds


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 15)), min_size=1, max_size=60))
def test_no_row_is_fitted_on_whose_font_or_group_has_rows_in_another_fold(rows: list[tuple[int, int]]) -> None:
    fonts, groups = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    folds = assign_folds(fonts, groups)
    assert folds.count == (min(FOLDS, len(set(fonts.tolist()))) if len(set(fonts.tolist())) > 1 else 0)
    for row, (font, group) in enumerate(rows):
        others = [other for other in range(len(rows)) if folds.fold[other] != folds.fold[row]]
        assert not any(fonts[other] == font for other in others)
        if folds.count:
            assert folds.fitted[row] == (not any(groups[other] == group for other in others))
        else:
            assert not folds.fitted.any()


def test_folds_have_equally_many_rows_and_fits_no_more_than_allowed() -> None:
    fonts = np.repeat(np.arange(100), 10)
    folds = assign_folds(fonts, np.arange(1000), most_rows=300)
    assert np.bincount(folds.fold).tolist() == [200] * 5
    assert folds.fitted.sum() == 300
    again = assign_folds(fonts, np.arange(1000), most_rows=300)
    np.testing.assert_array_equal(folds.fitted, again.fitted)
    assert set(np.bincount(folds.fold[folds.fitted]).tolist()) <= set(range(40, 81))
