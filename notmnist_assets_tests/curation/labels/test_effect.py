"""The effect of leaving out label issues, compared with fits and counts of the test."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from notmnist_assets.curation.baselines.fitting import pixel_rows
from notmnist_assets.curation.baselines.models import DEFAULT_MODEL, MODELS
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.labels.effect import EFFECT_COLUMNS, effect_of_leaving_out
from notmnist_assets.curation.labels.issues import NO_ISSUE, WRONG_LABEL
from notmnist_assets_tests.curation.letter_problems import letter_split
from notmnist_assets_tests.remote import remote_map


@pytest.fixture(scope="module")
def splits() -> dict[str, Split]:
    train = letter_split(300, archive="large")
    labels = train.labels.copy()
    labels[:60] = (labels[:60] + 1) % 10
    return {
        "train": Split(train.images, labels, train.sources),
        "valid": letter_split(100, archive="large", first=1000, seed=1),
        "test": letter_split(200, archive="small", seed=2),
    }


def table(splits: dict[str, Split], issues: dict[str, int]) -> pd.DataFrame:
    parts = []
    for name, split in splits.items():
        found = np.arange(len(split)) < issues.get(name, 0)
        parts.append(split.sources.assign(kind=np.where(found, WRONG_LABEL, NO_ISSUE)))
    return pd.concat(parts, ignore_index=True)


def test_accuracies_and_test_are_those_of_the_two_models(splits: dict[str, Split], tmp_path: Path) -> None:
    issues = table(splits, {"train": 60, "test": 20})
    found = effect_of_leaving_out(splits, issues)
    pd.testing.assert_frame_equal(effect_of_leaving_out(splits, issues, remote_map(tmp_path, seed=4)), found)
    assert tuple(found.columns) == EFFECT_COLUMNS
    assert found[["eval_on", "eval_rows", "rows"]].to_numpy().tolist() == [
        ["valid", "all", 100],
        ["valid", "no issue", 100],
        ["test", "all", 200],
        ["test", "no issue", 180],
    ]
    train, test = splits["train"], splits["test"]
    right = []
    for first in (0, 60):
        model = MODELS[DEFAULT_MODEL].create().fit(pixel_rows(train.images[first:]), train.labels[first:])
        right.append((model.predict(pixel_rows(test.images)) == test.labels)[20:])
    row = found.iloc[3]
    assert (row["all_rows"], row["without_issues"]) == (right[0].mean(), right[1].mean())
    only = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    assert (row["only_all_right"], row["only_without_right"]) == only
    assert row["p_value"] == binomtest(only[0], sum(only)).pvalue


def test_without_issues_nothing_changes_and_without_other_rows_there_is_no_table(splits: dict[str, Split]) -> None:
    same = effect_of_leaving_out(splits, table(splits, {}))
    assert (same["p_value"] == 1).all()
    assert same["all_rows"].tolist() == same["without_issues"].tolist()
    assert effect_of_leaving_out(splits, table(splits, {"train": 300})).empty
