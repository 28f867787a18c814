"""Counts, recall and precision by letter against scikit-learn's; mistakes and weights of models."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from notmnist_assets.curation.baselines.confusion import (
    Labels,
    confident_mistakes,
    confusion_counts,
    confusion_table,
    mistake_exhibits,
    scores_by_letter,
    weight_exhibits,
)
from notmnist_assets.curation.baselines.fitting import fit, pixel_rows
from notmnist_assets.curation.baselines.models import DEFAULT_MODEL, MODELS, SKLEARN_MODEL
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets_tests.curation.letter_problems import letter_split


def drawn(rows: int, letters: int = 10, seed: int = 0) -> tuple[Labels, Labels]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, letters, rows).astype(np.int32)
    predicted = np.where(random.random(rows) < 0.7, labels, random.integers(0, 10, rows)).astype(np.int32)
    return labels, predicted


@pytest.mark.parametrize("rows", [0, 1, 500])
def test_counts_are_those_of_scikit_learn(rows: int) -> None:
    labels, predicted = drawn(rows)
    counts = confusion_counts(labels, predicted)
    assert counts.dtype == np.int64
    expected = np.zeros((10, 10), int)
    if rows:
        expected = confusion_matrix(labels, predicted, labels=range(10))
    np.testing.assert_array_equal(counts, expected)


def test_a_table_row_is_a_given_letter() -> None:
    counts = confusion_counts(np.array([0, 0, 9], np.int32), np.array([1, 1, 0], np.int32))
    table = confusion_table(counts).set_index("letter")
    assert list(table.index) == list(table.columns) == list(LETTERS)
    assert (table.loc["A", "B"], table.loc["J", "A"], table.to_numpy().sum()) == (2, 1, 3)


def test_recall_and_precision_are_those_of_scikit_learn() -> None:
    labels, predicted = drawn(400, letters=9)
    scores = scores_by_letter(confusion_counts(labels, predicted)).set_index("letter")
    recall = recall_score(labels, predicted, labels=range(9), average=None)
    precision = precision_score(labels, predicted, labels=range(10), average=None)
    np.testing.assert_allclose(scores["recall"][:9], recall)
    np.testing.assert_allclose(scores["precision"], precision)
    assert scores["rows"].tolist() == np.bincount(labels, minlength=10).tolist()
    assert scores["predicted"].tolist() == np.bincount(predicted, minlength=10).tolist()
    right = int((predicted[labels == 3] == 3).sum())
    for share, rows in (("recall", int((labels == 3).sum())), ("precision", int((predicted == 3).sum()))):
        expected = binomtest(right, rows).proportion_ci(confidence_level=0.95, method="wilson")
        found = scores.loc["D", f"{share}_low"], scores.loc["D", f"{share}_high"]
        assert found == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert scores["recall"].isna().tolist() == [False] * 9 + [True], "no row has the letter J"
    assert (scores.loc["J", "recall_low"], scores.loc["J", "recall_high"]) == (0, 1)


def test_mistakes_are_the_wrong_predictions_with_the_most_confident_first() -> None:
    train = letter_split(150, archive="large")
    splits = {
        "valid": letter_split(60, archive="large", first=500, seed=1),
        "test": letter_split(80, archive="small", seed=2),
    }
    model, _ = fit(MODELS[DEFAULT_MODEL], train.images, train.labels)
    mistakes = confident_mistakes(splits, model)
    assert list(mistakes) == ["split", "row", "label", "predicted", "probability"]
    expected = set()
    for name, split in splits.items():
        for row, probabilities in enumerate(model.predict_proba(pixel_rows(split.images))):
            read = int(probabilities.argmax())
            if read != split.labels[row]:
                label = LETTERS[split.labels[row]]
                expected.add((name, row, label, LETTERS[read], round(float(probabilities[read]), 4)))
    assert set(mistakes.itertuples(index=False, name=None)) == expected
    assert len(mistakes) == len(expected) > 5
    assert mistakes["probability"].is_monotonic_decreasing
    first = mistakes.iloc[0]
    groups = {name: np.arange(len(split)) + 1_000 * place for place, (name, split) in enumerate(splits.items())}
    exhibit = mistake_exhibits(splits, mistakes, groups, 30)[0]
    assert exhibit.caption == f"{first['label']}, read as {first['predicted']}, {100 * first['probability']:.3g} %"
    assert exhibit.sources[1] == splits[first["split"]].sources["name"][first["row"]]
    np.testing.assert_array_equal(exhibit.images[0], splits[first["split"]].images[first["row"]])
    one_group = {name: np.zeros(len(split), np.int64) for name, split in splits.items()}
    assert len(mistake_exhibits(splits, mistakes, one_group, 30)) == 1


def test_a_perfect_model_and_empty_splits_have_no_mistakes() -> None:
    only_b = letter_split(40, archive="large").take(np.flatnonzero(letter_split(40, archive="large").labels == 1))
    model = DummyClassifier().fit(pixel_rows(only_b.images), only_b.labels)
    mistakes = confident_mistakes({"valid": only_b, "test": only_b.take(np.zeros(0, np.intp))}, model)
    assert mistakes.empty
    assert mistakes["row"].dtype == np.int64


@pytest.mark.parametrize("name", [DEFAULT_MODEL, SKLEARN_MODEL])
def test_weights_are_lighter_for_positive_and_darker_for_negative_ones(name: str) -> None:
    train = letter_split(150, archive="large")
    model, _ = fit(MODELS[name], train.images, train.labels)
    exhibits = weight_exhibits(model)
    assert [exhibit.caption for exhibit in exhibits] == list(LETTERS)
    weights = (model if name == DEFAULT_MODEL else model[-1]).coef_
    for exhibit, row in zip(exhibits, weights, strict=True):
        clear = np.abs(row) > 0.01 * np.abs(weights).max()
        assert ((exhibit.images[0].ravel() > 127)[clear] == (row > 0)[clear]).all()
    assert {0, 255} & {int(pixel) for exhibit in exhibits for pixel in (exhibit.images.min(), exhibit.images.max())}


def test_a_model_without_weights_has_no_pictures_of_them() -> None:
    train = letter_split(30, archive="large")
    assert weight_exhibits(DummyClassifier().fit(pixel_rows(train.images), train.labels)) == []
