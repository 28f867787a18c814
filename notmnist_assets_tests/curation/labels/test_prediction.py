"""The prediction of a row depends on the rows that its model may be fitted on, and on no others."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.images import SETS
from notmnist_assets.curation.core.values import LetterImages
from notmnist_assets.curation.labels import prediction
from notmnist_assets.curation.labels.features import Features
from notmnist_assets.curation.labels.folds import Folds, assign_folds
from notmnist_assets.curation.labels.prediction import pool_features, predict_labels
from notmnist_assets.curation.sanitizing.grouping import Pool, pool_letters
from notmnist_assets_tests.curation.labels.small_pools import letter_pool
from notmnist_assets_tests.remote import remote_map


@pytest.fixture(scope="module")
def pool() -> Pool:
    return letter_pool(30)[0]


@pytest.fixture(scope="module")
def folds(pool: Pool) -> Folds:
    return assign_folds(pool.font, np.arange(len(pool.label)), most_rows=200)


@pytest.fixture(scope="module")
def features(pool: Pool) -> Features:
    return pool_features(pool)


def scores(pool: Pool, folds: Folds, original: Pool) -> tuple[npt.NDArray[np.float64], float]:
    """Return the differences of scores between each label and the first before calibration, and their rounding."""
    found = predict_labels(pool, folds, pool_features(original))
    logarithms = np.log(found.probabilities) * found.temperature
    return logarithms - logarithms[:, :1], 1e-3 * found.temperature


def difference(one: tuple[npt.NDArray[np.float64], float], other: tuple[npt.NDArray[np.float64], float]) -> Any:
    """Return by how many times the rounding the scores of each row differ."""
    return np.abs(one[0] - other[0]).max(axis=1) / (one[1] + other[1])


def with_inverted(pool: Pool, rows: npt.NDArray[np.intp]) -> Pool:
    """Return the pool with other pixels in some rows."""
    letters = {}
    first = 0
    for set_name in SETS:
        letters[set_name] = dict(pool.letters[set_name])
        for letter, found in pool.letters[set_name].items():
            here = rows[(rows >= first) & (rows < first + len(found))] - first
            images = np.array(found.images)
            images[here] = 255 - images[here]
            letters[set_name][letter] = LetterImages(images, found.names, found.rejected)
            first += len(found)
    return pool_letters(letters)


@pytest.mark.parametrize("fold", [0, 3])
def test_no_row_of_a_fold_changes_the_predictions_of_that_fold(pool: Pool, folds: Folds, fold: int) -> None:
    own = np.flatnonzero(folds.fold == fold)
    changed, kept = own[::2], own[1::2]
    before, after = scores(pool, folds, pool), scores(with_inverted(pool, changed), folds, pool)
    assert difference(before, after)[kept].max() <= 1
    assert difference(before, after)[folds.fold != fold].min() > 1


def test_rows_that_are_not_marked_as_fitted_change_no_other_prediction(pool: Pool, folds: Folds) -> None:
    left_out = np.flatnonzero(~folds.fitted)
    before, after = scores(pool, folds, pool), scores(with_inverted(pool, left_out), folds, pool)
    assert len(left_out) > 50
    assert difference(before, after)[folds.fitted].max() <= 1


@given(blocks=st.integers(1, 6), order=st.integers(0, 2**32))
@settings(max_examples=4, deadline=None)
def test_predictions_are_the_same_from_pieces_of_any_size_in_other_processes(
    tmp_path_factory: pytest.TempPathFactory, pool: Pool, folds: Folds, features: Features, blocks: int, order: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction, "_BLOCK_ROWS", 64)
        expected = predict_labels(pool, folds, features)
        patch.setattr(prediction, "_PIECE_ROWS", 64 * blocks)
        found = predict_labels(pool, folds, features, remote_map(tmp_path_factory.mktemp("pieces"), order))
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    assert found.temperature == expected.temperature
