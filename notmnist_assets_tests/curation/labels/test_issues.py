"""The table of label issues: turned labels first, kinds, places in splits, and the same table from a cluster."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.labels.issues import (
    BLANK,
    CONFLICT,
    ISSUE_COLUMNS,
    KINDS,
    LEAST_QUALITY,
    NO_ISSUE,
    LabelIssues,
    issue_exhibits,
    label_issues,
    label_qualities,
    pool_sources,
    without_issues,
)
from notmnist_assets.curation.labels.prediction import pool_images
from notmnist_assets.curation.sanitizing.grouping import Pool, group_images
from notmnist_assets_tests.curation.labels.small_pools import letter_pool, pool_of
from notmnist_assets_tests.remote import remote_map


@pytest.fixture(scope="module")
def pool() -> Pool:
    return letter_pool(60, turned=6)[0]


@pytest.fixture(scope="module")
def turned() -> list[str]:
    return letter_pool(60, turned=6)[1]


def split_from(pool: Pool, rows: np.ndarray) -> Split:
    sources = pool_sources(pool).take(rows).reset_index(drop=True)
    return Split(pool_images(pool, rows), pool.label[rows], sources)


@pytest.fixture(scope="module")
def splits(pool: Pool) -> dict[str, Split]:
    order = np.random.default_rng(1).permutation(len(pool.label))
    return {"train": split_from(pool, order[:200]), "test": split_from(pool, order[200:300])}


@pytest.fixture(scope="module")
def found(pool: Pool, splits: dict[str, Split]) -> LabelIssues:
    return label_issues(pool, group_images(pool, 0.0, by_font=False), splits)


def test_every_image_is_listed_once_with_its_place_and_rank(
    pool: Pool, splits: dict[str, Split], found: LabelIssues
) -> None:
    table = found.table
    assert tuple(table.columns) == ISSUE_COLUMNS
    assert table["rank"].tolist() == list(range(1, len(pool.label) + 1))
    assert not table[["set", "letter", "name"]].duplicated().any()
    for name, split in splits.items():
        listed = table[table["split"] == name].sort_values("row")
        assert listed["row"].tolist() == list(range(len(split)))
        assert listed["name"].tolist() == split.sources["name"].tolist()
        assert listed["letter"].tolist() == [LETTERS[label] for label in split.labels]
    assert (table.loc[table["split"] == "none", "row"] == -1).all()
    assert (table["split"] == "none").sum() == len(pool.label) - 300


def test_turned_labels_come_first_and_their_letter_is_likely(turned: list[str], found: LabelIssues) -> None:
    table = found.table
    wrong = (table["set"] == "large") & (table["letter"] == "A") & table["font"].isin(turned)
    assert wrong.sum() == 6
    assert table.loc[wrong, "rank"].median() <= 6
    assert (table.loc[wrong, "likely"] == "B").mean() > 0.8
    issues = table["kind"] != NO_ISSUE
    assert issues.is_monotonic_decreasing
    assert table.loc[issues, "label_quality"].is_monotonic_increasing
    assert table.loc[~issues, "label_quality"].is_monotonic_increasing
    assert (table.loc[issues & ~table["kind"].isin([CONFLICT, BLANK]), "label_quality"] < LEAST_QUALITY).all()


def test_qualities_are_the_probability_after_image_and_label() -> None:
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.full(10, 0.2), 30)
    labels, rate = random.integers(0, 10, 30).astype(np.int32), random.uniform(0.01, 0.3, 30)
    evidence, quality = label_qualities(probabilities, labels, rate)
    for row in range(30):
        by_letter = [
            probabilities[row, letter] * (1 - rate[row] if letter == labels[row] else rate[row] / 9)
            for letter in range(10)
        ]
        expected = by_letter[labels[row]] / sum(by_letter)
        assert quality[row] == pytest.approx(expected, abs=1e-6)
        assert evidence[row] == pytest.approx(np.log(expected / (1 - expected)), abs=1e-3)


def test_minorities_of_duplicate_groups_are_conflicts_and_images_without_contrast_are_blank() -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8)
    images[[0, 11, 22, 33]] = images[0]
    images[[1, 12]] = images[1]
    images[5] = 200
    images[6, 3, 3], images[6] = 31, np.arange(28) % 3
    labels = [row % 10 for row in range(40)]
    labels[0] = labels[11] = labels[22] = 4
    pool = pool_of(images, labels, [0] * 20 + [1] * 20, [f"font {row}" for row in range(40)])
    table = label_issues(pool, group_images(pool, 0.0, by_font=False), {}).table
    kinds = table.set_index("font")["kind"]
    assert set(kinds[kinds == CONFLICT].index) == {"font 33", "font 1", "font 12"}
    assert set(kinds[kinds == BLANK].index) == {"font 5", "font 6"}
    assert set(table["kind"]) <= {*KINDS, NO_ISSUE}


def test_rows_that_no_model_can_judge_have_no_quality_and_come_last() -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 28, 28), np.uint8)
    labels = [row % 10 for row in range(30)]
    for fonts in (["one font"] * 30, [f"font {row // 10}" for row in range(30)]):
        pool = pool_of(
            images, labels, [0] * 30, [f"{font} {row}" if "one" not in font else font for row, font in enumerate(fonts)]
        )
        found = label_issues(pool, np.zeros(30, np.int64), {})
        assert found.table["label_quality"].isna().all()
        assert found.rates.empty
        assert not found.table["fitted"].any()
    alone = pool_of(images, [3] * 15 + [4] * 14 + [7], [0] * 30, [f"font {row}" for row in range(30)])
    table = label_issues(alone, np.arange(30), {}).table
    assert table.loc[table["label_quality"].isna(), "letter"].tolist() == ["H"]
    assert table["letter"].iloc[-1] == "H"


def test_an_empty_pool_has_an_empty_table() -> None:
    pool = pool_of(np.zeros((0, 28, 28), np.uint8), [], [], [])
    found = label_issues(pool, np.zeros(0, np.int64), {})
    assert found.table.empty
    assert tuple(found.table.columns) == ISSUE_COLUMNS


def test_the_table_is_the_same_from_pieces_in_other_processes(
    pool: Pool, splits: dict[str, Split], found: LabelIssues, tmp_path: Path
) -> None:
    again = label_issues(pool, group_images(pool, 0.0, by_font=False), splits, remote_map(tmp_path, seed=1))
    assert fingerprint(again.table) == fingerprint(found.table)
    pd.testing.assert_frame_equal(again.rates, found.rates)


def test_rows_with_an_issue_are_left_out_and_pictured(pool: Pool, splits: dict[str, Split], found: LabelIssues) -> None:
    train, table = splits["train"], found.table
    kept = without_issues(train, table)
    issues = table[(table["split"] == "train") & (table["kind"] != NO_ISSUE)]
    assert len(kept) == len(train) - len(issues) < len(train)
    assert set(kept.sources["font"] + kept.sources["letter"].astype("str")).isdisjoint(
        issues["font"] + issues["letter"]
    )
    groups = np.arange(len(pool.label))
    for exhibit, row in zip(issue_exhibits(pool, issues, groups, 10_000), issues.to_dict("records"), strict=True):
        assert exhibit.caption == f"{row['rank']}: {row['letter']}, likely {row['likely']}"
        np.testing.assert_array_equal(exhibit.images, train.images[row["row"]][None])
