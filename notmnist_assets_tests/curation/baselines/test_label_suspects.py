"""The ranking of doubted labels: what it finds of planted errors, and by whose judgement."""

import base64
import io
import tarfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image, UnidentifiedImageError
from sklearn.linear_model import LogisticRegression

from notmnist_assets.curation.baselines.evaluation import BaselineModel, pixel_rows
from notmnist_assets.curation.baselines.label_suspects import (
    SUSPECT_COLUMNS,
    judging_models,
    label_suspects,
    suspect_exhibits,
)
from notmnist_assets.curation.baselines.models import DEFAULT_MODEL, MODELS
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import Split
from notmnist_assets.sources.sample import FILES, SampleSource
from notmnist_assets_tests.curation.letter_problems import letter_split

SIZES = (20, 60)


def fitted(train: Split, sizes: Sequence[int], train_on: str = "raw") -> list[BaselineModel]:
    def fit(size: int) -> Any:
        return MODELS[DEFAULT_MODEL].create().fit(pixel_rows(train.images[:size]), train.labels[:size])

    return [BaselineModel(DEFAULT_MODEL, train_on, str(size), size, fit(size), {}) for size in sizes]


@pytest.fixture(scope="module")
def train() -> Split:
    return letter_split(400, archive="large")


@pytest.fixture(scope="module")
def models(train: Split) -> list[BaselineModel]:
    return fitted(train, SIZES)


@pytest.fixture(scope="module")
def sample() -> tuple[Split, npt.NDArray[np.object_]]:
    """Rows of the sample's large archive in a random order, and what those with a wrong letter show.

    That is empty for a right letter, and "?" for a character beyond A to J.
    """
    images, sources = [], []
    with tarfile.open(SampleSource().fetch("large").uri) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is None:
                continue
            try:
                with Image.open(io.BytesIO(file.read())) as picture:
                    images.append(np.asarray(picture))
            except UnidentifiedImageError:
                continue
            _, letter, name = member.name.split("/")
            sources.append(("large", letter, name, base64.b64decode(name.removesuffix(".png")).decode()))
    order = np.random.default_rng(0).permutation(len(images))
    table = pd.DataFrame([sources[row] for row in order], columns=["set", "letter", "name", "font"])
    labels = table["letter"].map(LETTERS.index).to_numpy().astype(np.int32)
    truth = pd.read_parquet(Path(str(FILES)) / "ground_truth.parquet").query("kind == 'wrong_label'")
    keys = ["set", "letter", "name"]
    shows = truth.set_index(keys)["of_letter"].fillna("?")
    shown = shows.reindex(pd.MultiIndex.from_frame(table[keys])).fillna("").to_numpy()
    return Split(np.stack(images)[order], labels, table), shown


def test_suspects_of_the_sample_are_truly_wrong_far_more_often_than_other_rows(
    sample: tuple[Split, npt.NDArray[np.object_]],
) -> None:
    split, shows = sample
    wrong = shows != ""
    sizes = (50, 100, 1000)
    suspects = label_suspects(split, fitted(split, sizes))
    by_chance = wrong[max(sizes) :].mean()
    assert 0.04 < by_chance < 0.1
    truly = wrong[suspects["row"]]
    assert truly[:30].mean() > 6 * by_chance
    assert truly[-30:].mean() < 3 * by_chance, "those doubted least are hardly worse than any"
    shown = shows[suspects["row"]][:30]
    named = np.isin(shown, list(LETTERS))
    assert (suspects["likely"].to_numpy()[:30] == shown)[named].mean() > 0.8, "and what they show is named"


def test_margins_are_those_of_the_mean_of_scikit_learns_probabilities(
    train: Split, models: list[BaselineModel]
) -> None:
    flat = (train.images.reshape(len(train), -1) - 127.5) / 255
    judged = range(max(SIZES), len(train))
    mean = np.zeros((len(judged), 10))
    for size in SIZES:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = LogisticRegression(max_iter=20_000, tol=1e-8).fit(flat[:size], train.labels[:size])
        mean[:, model.classes_] += model.predict_proba(flat[judged.start :]) / len(SIZES)
    expected = {}
    for row, by_letter in zip(judged, mean, strict=True):
        best = max(range(10), key=by_letter.__getitem__)
        if best != train.labels[row]:
            expected[row] = (LETTERS[best], by_letter[best] - by_letter[train.labels[row]])
    suspects = label_suspects(train, models)
    assert len(suspects) > 20
    assert set(suspects["row"]) == set(expected)
    assert suspects["likely"].tolist() == [expected[row][0] for row in suspects["row"]]
    np.testing.assert_allclose(suspects["margin"], [expected[row][1] for row in suspects["row"]], atol=5e-3)


def test_suspects_are_ranked_by_margin_and_named_as_their_rows_are(train: Split, models: list[BaselineModel]) -> None:
    suspects = label_suspects(train, models)
    assert tuple(suspects.columns) == SUSPECT_COLUMNS
    assert suspects["margin"].is_monotonic_decreasing
    assert suspects["margin"].between(0, 1, inclusive="right").all()
    for suspect in suspects.to_dict("records"):
        source = train.sources.iloc[suspect["row"]]
        assert (suspect["given"], suspect["font"], suspect["name"]) == (
            source["letter"],
            source["font"],
            source["name"],
        )
        assert suspect["likely"] != suspect["given"]


def test_no_row_that_a_judging_model_was_fitted_on_is_ranked(train: Split, models: list[BaselineModel]) -> None:
    other = replace(train, labels=((train.labels + 1) % 10).astype(np.int32))
    assert label_suspects(other, models)["row"].min() == max(SIZES)
    assert label_suspects(other, models[:1])["row"].min() == min(SIZES)


def test_models_of_sanitized_rows_or_of_more_than_half_of_the_rows_do_not_judge(
    train: Split, models: list[BaselineModel]
) -> None:
    others = [*fitted(train, (200, 300, 400)), *fitted(train, SIZES, "sanitized")]
    judging = judging_models([*models, *others], train)
    assert [(one.train_on, one.fitted_rows) for one in judging] == [("raw", 20), ("raw", 60), ("raw", 200)]
    assert label_suspects(train, [*models, *others])["row"].min() >= 200


def test_a_letter_turned_into_another_comes_first_and_of_equal_images_the_first_row(
    train: Split, models: list[BaselineModel]
) -> None:
    turned = replace(train, labels=((train.labels + 5) % 10).astype(np.int32))
    first = label_suspects(turned, models).iloc[0]
    images, labels = train.images.copy(), train.labels.copy()
    rows = [300, 130, 250]
    images[rows], labels[rows] = train.images[first["row"]], turned.labels[first["row"]]
    found = label_suspects(replace(train, images=images, labels=labels), models)
    assert found["row"].head(3).tolist() == [130, 250, 300]
    assert found["likely"].head(3).tolist() == [first["likely"]] * 3


def test_a_letter_that_no_model_was_fitted_on_is_never_likely(train: Split) -> None:
    kept = np.flatnonzero((train.labels != 3) | (np.arange(400) >= 60))
    fewer = train.take(kept.astype(np.intp))
    suspects = label_suspects(fewer, fitted(fewer, (20, 40)))
    assert "D" in set(suspects["given"])
    assert "D" not in set(suspects["likely"])
    assert suspects["margin"].notna().all()


def test_the_ranking_repeats_for_any_order_of_models_and_number_of_threads(
    train: Split, models: list[BaselineModel]
) -> None:
    expected = label_suspects(train, models)
    for one in models:
        one.estimator.set_params(n_jobs=3)
    pd.testing.assert_frame_equal(label_suspects(train, models[::-1]), expected)


@pytest.mark.parametrize("rows", [0, 1, 39])
def test_without_a_judging_model_nothing_is_suspected(train: Split, models: list[BaselineModel], rows: int) -> None:
    few = train.take(np.arange(rows))
    suspects = label_suspects(few, models)
    assert tuple(suspects.columns) == SUSPECT_COLUMNS
    assert len(suspects) == 0
    assert suspect_exhibits(few, suspects, 24) == []


def test_pictures_are_of_the_first_suspects_with_both_letters(train: Split, models: list[BaselineModel]) -> None:
    suspects = label_suspects(train, models)
    shown = suspect_exhibits(train, suspects, 5)
    assert len(shown) == 5
    for exhibit, suspect in zip(shown, suspects.head(5).to_dict("records"), strict=True):
        assert exhibit.caption == f"{suspect['given']}, likely {suspect['likely']}"
        np.testing.assert_array_equal(exhibit.images, train.images[suspect["row"]][None])
