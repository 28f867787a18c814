"""The verification of a stored table finds what is missing, repeated, misplaced or judged by its twin."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.labels.issues import label_issues
from notmnist_assets.curation.labels.verification import keys_across_folds, pixel_digests, unlisted_files
from notmnist_assets.curation.sanitizing.grouping import Pool, group_images
from notmnist_assets_tests.curation.labels.small_pools import letter_pool
from notmnist_assets_tests.curation.labels.test_issues import split_from


@pytest.fixture(scope="module")
def pool() -> Pool:
    return letter_pool(6)[0]


@pytest.fixture(scope="module")
def splits(pool: Pool) -> dict[str, Split]:
    return {"train": split_from(pool, np.arange(0, 40)), "test": split_from(pool, np.arange(45, 50))}


@pytest.fixture(scope="module")
def table(pool: Pool, splits: dict[str, Split]) -> pd.DataFrame:
    return label_issues(pool, group_images(pool, 0.0, by_font=False), splits).table


def test_a_whole_table_has_no_problem(pool: Pool, splits: dict[str, Split], table: pd.DataFrame) -> None:
    assert unlisted_files(table, pool.letters, splits).empty


def test_each_kind_of_problem_is_found(pool: Pool, splits: dict[str, Split], table: pd.DataFrame) -> None:
    def problems(changed: pd.DataFrame) -> list[str]:
        return unlisted_files(changed, pool.letters, splits)["problem"].tolist()

    assert problems(table.iloc[1:]) == ["missing"]
    assert problems(pd.concat([table, table.iloc[3:4]])) == ["repeated"]
    assert problems(table.assign(name=table["name"].where(table.index > 0, "other.png"))) == [
        "missing",
        "no such image",
    ]
    in_train = table.index[table["split"] == "train"][:2]
    moved = table.copy()
    moved.loc[in_train, "row"] = table.loc[in_train[::-1], "row"].to_numpy()
    assert problems(moved) == ["wrong split or row"] * 2
    assert problems(table.assign(split="none", row=-1)) == ["wrong split or row"] * 45
    assert problems(table.head(0)) == ["missing"] * len(table)


def test_equal_pixels_have_equal_digests(pool: Pool) -> None:
    digests = pixel_digests(pool.letters)
    assert len(digests) == len(pool.label)
    images = {(set_name, letter): value.images for set_name, of in pool.letters.items() for letter, value in of.items()}
    seen: dict[bytes, bytes] = {}
    for path, digest in digests.items():
        set_name, letter, name = str(path).split("/")
        row = pool.letters[set_name][letter].names.tolist().index(name)
        assert seen.setdefault(images[set_name, letter][row].tobytes(), digest) == digest
    assert len(seen) == digests.nunique()


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=12))
def test_keys_across_folds_are_those_of_loops_over_pairs(rows: list[tuple[int, int, bool]]) -> None:
    expected = {
        key
        for key, fold, fitted in rows
        for other, other_fold, _ in rows
        if fitted and key == other and fold != other_fold
    }
    keys, fold = (np.array([row[place] for row in rows], np.int64) for place in range(2))
    fitted = np.array([row[2] for row in rows], np.bool_)
    assert set(keys_across_folds(keys, fold, fitted).tolist()) == expected
