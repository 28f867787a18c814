"""The rows that each letter loses, compared with a loop."""

from collections import Counter

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.sanitizing.thinning import most_thinned, rows_lost


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["", "repeat", "near repeat", "leak"])), max_size=40))
@settings(max_examples=50)
def test_rows_lost_are_those_of_a_loop(rows: list[tuple[int, str]]) -> None:
    removed = [(label, reason) for label, reason in rows if reason]
    table = rows_lost(
        np.array([label for label, _ in rows], np.int32),
        np.array([label for label, _ in removed], np.int32),
        pd.Series([reason for _, reason in removed], dtype="str"),
    )
    assert table["letter"].tolist() == list(LETTERS)
    for label, row in enumerate(table.to_dict("records")):
        reasons = Counter(reason for other, reason in sorted(removed) if other == label)
        main, by_main = reasons.most_common(1)[0] if reasons else ("", 0)
        before, lost = sum(other == label for other, _ in rows), sum(reasons.values())
        assert (row["before"], row["removed"]) == (before, lost)
        assert row["share"] == (lost / before if before else 0)
        assert (row["main_reason"], row["by_main_reason"]) == (main, by_main)


def test_the_letter_that_lost_the_largest_share_is_named_with_the_main_reason() -> None:
    labels = np.array([0] * 100 + [8] * 10, np.int32)
    removed = np.array([0] * 20 + [8] * 3, np.int32)
    reasons = pd.Series(["leak"] * 20 + ["leak", "repeat", "repeat"], dtype="str")
    assert most_thinned(rows_lost(labels, removed, reasons)) == 'I (30 %, mainly "repeat")'
    assert most_thinned(rows_lost(labels, removed[:0], reasons[:0])) == "none"
    assert most_thinned(rows_lost(labels[:0], removed[:0], reasons[:0])) == "none"
