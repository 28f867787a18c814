"""Comparisons with published numbers, and that those numbers agree with each other."""

import pandas as pd
import pytest

from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.file_names import font_name
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.published import compare_numbers, count_unshared_test_rows
from notmnist_assets.curation.splitting.splits import SPLITS

READABLE = {set_name: dict(zip(LETTERS, published.READABLE[set_name], strict=True)) for set_name in SETS}
REJECTED = {
    set_name: {letter: list(published.REJECTED[set_name].get(letter, ())) for letter in LETTERS} for set_name in SETS
}


def report(rows: dict[tuple[str, str], int], distinct: dict[tuple[str, str], int]) -> pd.DataFrame:
    """Return an overlap report with these exact counts; the other methods count nothing."""
    return pd.DataFrame(
        [
            (method, a, b, rows.get((a, b), 0) if method == "exact" else 0, distinct.get((a, b), 0), 0.0)
            for method in ("cells", "exact", "near")
            for a in SPLITS
            for b in SPLITS
        ],
        columns=["method", "rows_of", "found_in", "rows", "distinct", "share"],
    )


def test_published_numbers_pass_their_own_certificate() -> None:
    table = compare_numbers(
        readable=READABLE,
        rejected=REJECTED,
        distinct={name: count for name, (count, _) in published.DISTINCT.items()},
        overlap_report=report(published.SHARED_ROWS, published.SHARED_IMAGES),
        unshared_test_rows=published.UNSHARED_TEST_ROWS,
    )
    assert list(table.columns) == ["quantity", "published", "found", "agrees", "evidence", "source"]
    assert len(table) == 20 + 20 + 4 + 4 + 3 + 1
    assert table["agrees"].all()
    assert not table["quantity"].duplicated().any()
    assert set(table["evidence"]) == {published.PUBLISHED, published.INFERRED}
    sources = table.set_index("quantity")["source"]
    assert sources["rows of test in train"] == "five public runs of the assignment"
    assert sources["distinct images, train"].startswith("percentages")
    assert (sources.str.len() > 0).all()


def test_published_counts_agree_with_each_other() -> None:
    assert {set_name: sum(counts) for set_name, counts in published.READABLE.items()} == {
        "large": 529_114,
        "small": 18_724,
    }
    files = {
        set_name: sum(published.READABLE[set_name]) + sum(map(len, published.REJECTED[set_name].values()))
        for set_name in SETS
    }
    assert files == {"large": 529_119, "small": 18_726}
    rows = published.SHARED_ROWS
    for (rows_of, found_in), images in published.SHARED_IMAGES.items():
        assert images <= rows[rows_of, found_in]
    left = published.UNSHARED_TEST_ROWS
    test = published.SIZES["test"]
    assert test - rows["test", "train"] - rows["test", "valid"] <= left <= test - rows["test", "train"]


def test_rejected_names_are_the_base64_of_font_names() -> None:
    names = [name for letters in published.REJECTED.values() for found in letters.values() for name in found]
    assert len(set(names)) == 7
    assert all(font_name(name).endswith((".ttf", ".otf", ".pfb")) for name in names)


@pytest.mark.parametrize("quantity", ["readable files, small C", "rejected files, small A", "distinct images, test"])
def test_a_difference_is_shown_with_both_values(quantity: str) -> None:
    table = compare_numbers(
        readable={"small": {**READABLE["small"], "C": 1_800}},
        rejected={"small": {**REJECTED["small"], "A": []}},
        distinct={"test": 9_787},
    ).set_index("quantity")
    assert table.index[~table["agrees"]].tolist() == [
        "readable files, small C",
        "rejected files, small A",
        "distinct images, test",
    ]
    found = {"readable files, small C": "1800", "rejected files, small A": "none", "distinct images, test": "9787"}
    assert table.loc[quantity, "found"] == found[quantity]
    assert table.loc[quantity, "published"] != found[quantity]


def test_direction_of_overlap_matters() -> None:
    swapped = {(b, a): count for (a, b), count in published.SHARED_ROWS.items()}
    table = compare_numbers(overlap_report=report(swapped, published.SHARED_IMAGES))
    assert set(table.loc[~table["agrees"], "quantity"]) == {
        f"rows of {a} in {b}" for a, b in published.SHARED_ROWS if swapped.get((a, b)) != published.SHARED_ROWS[a, b]
    }
    assert (~table["agrees"]).sum() == 4


def test_results_that_are_not_given_are_left_out() -> None:
    assert compare_numbers().empty
    assert compare_numbers(distinct={"valid": 9_872})["quantity"].tolist() == ["distinct images, valid"]


def test_unshared_test_rows_are_those_in_no_other_split() -> None:
    hashes = {
        "train": pd.DataFrame({"exact": ["a", "b", "b"]}),
        "valid": pd.DataFrame({"exact": ["b", "c"]}),
        "test": pd.DataFrame({"exact": ["a", "c", "d", "d", "e"]}),
    }
    assert count_unshared_test_rows(hashes) == 3
