"""The models of the assignment against scikit-learn's own one-vs-rest, and their comparison with published numbers."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from notmnist_assets.curation.baselines.fitting import Labels
from notmnist_assets.curation.baselines.reference import REFERENCE_COLUMNS, reference_table, unshared_rows
from notmnist_assets.curation.baselines.scoring import image_groups
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.images import Images, as_float32
from notmnist_assets.curation.core.published import ACCURACIES, LBFGS, LIBLINEAR, RAW, SAG, compare_accuracies
from notmnist_assets_tests.builders import ORDER, World, drawing, split_of
from notmnist_assets_tests.curation.letter_problems import letter_split
from notmnist_assets_tests.remote import remote_map

TRAIN = letter_split(120, archive="large")
TEST = letter_split(80, archive="small", seed=1)
UNSHARED = np.arange(80) % 4 > 0


def floats(images: Images) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return as_float32(images).reshape(len(images), -1)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return reference_table(TRAIN, TEST, UNSHARED, image_groups(TEST.images), sizes=(50, 5000), on_all=True)


def test_the_table_is_the_same_from_other_processes(table: pd.DataFrame, tmp_path: Path) -> None:
    found = reference_table(
        *(TRAIN, TEST, UNSHARED, image_groups(TEST.images)),
        sizes=(50, 5000),
        on_all=True,
        work_map=remote_map(tmp_path, seed=3),
    )
    assert fingerprint(found, leave_out=("seconds",)) == fingerprint(table, leave_out=("seconds",))


def test_each_model_has_its_rows(table: pd.DataFrame) -> None:
    assert tuple(table.columns) == REFERENCE_COLUMNS
    found = list(table[["model", "train_rows", "fitted_rows"]].drop_duplicates().itertuples(index=False, name=None))
    assert found == [(LIBLINEAR, "50", 50), (LBFGS, "50", 50), (LBFGS, "all", 120), (SAG, "all", 120)]
    parts = table.loc[:2, ["eval_rows", "rows"]].itertuples(index=False, name=None)
    assert list(parts) == [("raw", 80), ("unshared", 60), ("shared", 20)]


@pytest.mark.parametrize(
    ("model", "rows", "solver"), [(LIBLINEAR, 50, "liblinear"), (LBFGS, 50, "lbfgs"), (SAG, 120, "sag")]
)
def test_accuracies_are_those_of_scikit_learn(table: pd.DataFrame, model: str, rows: int, solver: str) -> None:
    estimator = LogisticRegression(solver=solver, random_state=0)
    fitted = estimator if model == LBFGS else OneVsRestClassifier(estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(floats(TRAIN.images[:rows]), TRAIN.labels[:rows])
    right = fitted.predict(floats(TEST.images)) == TEST.labels
    chosen = table[(table["model"] == model) & (table["fitted_rows"] == rows)].set_index("eval_rows")["accuracy"]
    assert chosen.to_dict() == {
        "raw": right.mean(),
        "unshared": right[UNSHARED].mean(),
        "shared": right[~UNSHARED].mean(),
    }


def test_a_single_letter_is_predicted() -> None:
    one: Labels = np.zeros(len(TRAIN), np.int32)
    table = reference_table(
        split_of(TRAIN.images, one.tolist()), TEST, np.ones(80, np.bool_), np.arange(80), sizes=(50,)
    )
    assert (table["accuracy"] == (TEST.labels == 0).mean()).all()
    assert set(table["eval_rows"]) == {"raw", "unshared"}, "no test row is shared"


def test_unshared_test_rows_are_neither_in_train_nor_in_valid() -> None:
    images = {
        "train": np.stack([drawing(0)]),
        "valid": np.stack([drawing(1)]),
        "test": np.stack([drawing(1), drawing(2), drawing(0), drawing(0, visible=1)]),
    }
    world = World({name: split_of(images[name], [0] * len(images[name]), name=name) for name in ORDER}, 0.2)
    assert unshared_rows(world.index()).tolist() == [False, True, False, True]


def published(shift: float) -> pd.DataFrame:
    """Return a table of found accuracies: those of liblinear, shifted."""
    rows = [(one.model, one.train_rows, one.eval_rows, one.accuracy + shift) for one in ACCURACIES]
    table = pd.DataFrame(rows, columns=["model", "train_rows", "eval_rows", "accuracy"])
    return table[table["model"] == LIBLINEAR]


@pytest.mark.parametrize(("shift", "agree"), [(0.0, 4), (0.0005, 4), (-0.0006, 0)])
def test_found_accuracies_agree_within_the_tolerance(shift: float, agree: int) -> None:
    compared = compare_accuracies(published(shift))
    assert len(compared) == len(ACCURACIES)
    assert compared["compared"].sum() == 4
    assert (compared["compared"] & compared["agrees"]).sum() == agree
    assert compared.loc[~compared["compared"], "agrees"].all(), "what is not compared does not disagree"
    assert (compared["source"].str.len() > 0).all()


def test_numbers_that_cannot_be_repeated_are_shown_and_not_compared() -> None:
    found = pd.DataFrame([(LBFGS, "5000", RAW, 0.85)], columns=["model", "train_rows", "eval_rows", "accuracy"])
    row = compare_accuracies(found).dropna(subset="found").iloc[0]
    assert (row["published"], row["found"], row["compared"]) == (0.777, 0.85, False)
    assert "cannot be repeated" in row["source"]
