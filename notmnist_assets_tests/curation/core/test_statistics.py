"""Statistics of one value against NumPy in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.statistics import label_balance, label_counts, pixel_moments, shuffle_score


@given(rows=st.integers(1, 200), seed=st.integers(0, 2**32), low=st.integers(0, 255))
@settings(max_examples=40)
def test_moments_are_those_of_numpy_in_float64(rows: int, seed: int, low: int) -> None:
    images = np.random.default_rng(seed).integers(low, 256, (rows, 28, 28), dtype=np.uint8)
    scaled = (images.astype(np.float64) - 127.5) / 255
    moments = pixel_moments(images)
    assert moments.mean == pytest.approx(scaled.mean(), rel=1e-12, abs=1e-13)
    assert moments.deviation == pytest.approx(scaled.std(), rel=1e-10, abs=1e-9)


@pytest.mark.parametrize(("value", "mean"), [(0, -0.5), (255, 0.5)])
def test_images_of_one_value_have_no_deviation(value: int, mean: float) -> None:
    assert pixel_moments(np.full((3000, 28, 28), value, np.uint8)) == (mean, 0.0)


def test_moments_of_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="no images"):
        pixel_moments(np.empty((0, 28, 28), np.uint8))


def test_letters_without_rows_are_counted_as_zero() -> None:
    assert label_counts(np.array([0, 9, 9, 3], np.int32)).tolist() == [1, 0, 0, 1, 0, 0, 0, 0, 0, 2]
    assert label_counts(np.array([], np.int32)).tolist() == [0] * 10


@pytest.mark.parametrize(("counts", "ratio"), [([4] * 10, 1), ([5, *[2] * 9], 2.5), ([0, *[2] * 9], np.inf)])
def test_the_imbalance_is_the_most_over_the_fewest_rows_of_a_letter(counts: list[int], ratio: float) -> None:
    assert label_balance(np.array(counts, np.int64)).ratio == ratio


def test_shuffled_labels_score_within_four_standard_errors() -> None:
    labels = np.repeat(np.arange(10, dtype=np.int32), 300)
    random = np.random.default_rng(0)
    scores = [shuffle_score(random.permutation(labels)) for _ in range(200)]
    assert max(abs(score) for score in scores) < 5
    assert np.std(scores) == pytest.approx(1, abs=0.2)
    assert np.mean(scores) == pytest.approx(0, abs=0.3)


def test_sorted_labels_score_high_and_strictly_alternating_ones_low() -> None:
    labels = np.repeat(np.arange(10, dtype=np.int32), 300)
    assert shuffle_score(labels) > 100
    assert shuffle_score(np.tile(np.arange(10, dtype=np.int32), 300)) < -15


@pytest.mark.parametrize("labels", [[], [3], [3, 3, 3], list(range(10))])
def test_the_score_is_zero_if_the_order_has_no_information(labels: list[int]) -> None:
    assert shuffle_score(np.array(labels, np.int32)) == 0


@pytest.mark.parametrize(
    ("counts", "ratio", "words"),
    [
        ([1_200] * 10, 1.0, "1: 1,200 of each letter"),
        ([109, *[120] * 8, 130], 130 / 109, "1.193: most J 130, fewest A 109"),
        ([7] * 9 + [0], np.inf, "J has no rows"),
        ([7] * 8 + [0, 0], np.inf, "I, J have no rows"),
    ],
)
def test_the_balance_of_letters_names_the_most_and_least_frequent_letters(
    counts: list[int], ratio: float, words: str
) -> None:
    assert label_balance(np.array(counts)) == (ratio, words)
