"""The table of accuracies: which rows train, which are scored, and what is refused."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from notmnist_assets.curation.baselines.evaluation import (
    CURVE_COLUMNS,
    METRIC_COLUMNS,
    SAMPLES,
    baseline_metrics,
    fit_baselines,
    learning_curve,
    of_first_model,
)
from notmnist_assets.curation.baselines.fitting import pixel_rows
from notmnist_assets.curation.baselines.models import DEFAULT_MODEL, MODELS, Model
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.npy import map_npy
from notmnist_assets.curation.core.values import Split
from notmnist_assets_tests.curation.letter_problems import letter_split
from notmnist_assets_tests.remote import remote_map

RAW = {
    "train": letter_split(260, archive="large"),
    "valid": letter_split(90, archive="large", first=1000, seed=1),
    "test": letter_split(80, archive="small", seed=2),
}
KEPT = {
    "train": np.arange(0, 260, 2),
    "valid": np.random.default_rng(0).permutation(90)[:70],
    "test": np.arange(80),
}
SANITIZED = {name: RAW[name].take(rows.astype(np.intp)) for name, rows in KEPT.items()}


def fitted(train: Split, rows: int) -> Any:
    return MODELS[DEFAULT_MODEL].create().fit(pixel_rows(train.images[:rows]), train.labels[:rows])


@pytest.fixture(scope="module")
def metrics() -> pd.DataFrame:
    return baseline_metrics(RAW, SANITIZED, sizes=(60, 200, 1000))


def test_the_table_has_a_row_for_each_model_and_scored_part(metrics: pd.DataFrame) -> None:
    assert tuple(metrics.columns) == METRIC_COLUMNS
    keys = list(metrics[["train_on", "train_rows", "fitted_rows"]].drop_duplicates().itertuples(index=False, name=None))
    assert keys == [
        ("raw", "60", 60),
        ("raw", "200", 200),
        ("raw", "all", 260),
        ("sanitized", "60", 60),
        ("sanitized", "all", 130),
    ]
    parts = list(metrics.loc[:4, ["eval_on", "eval_rows", "rows"]].itertuples(index=False, name=None))
    assert parts == [
        ("valid", "raw", 90),
        ("valid", "clean", 70),
        ("valid", "removed", 20),
        ("test", "raw", 80),
        ("test", "clean", 80),
    ]
    assert len(metrics) == 5 * len(keys)
    assert metrics["converged"].all()


def test_accuracies_are_those_of_a_fit_on_the_first_rows(metrics: pd.DataFrame) -> None:
    for train_on, splits in (("raw", RAW), ("sanitized", SANITIZED)):
        fit = fitted(splits["train"], 60)
        chosen = metrics[(metrics["train_on"] == train_on) & (metrics["train_rows"] == "60")]
        accuracy = chosen.set_index(["eval_on", "eval_rows"])["accuracy"]
        for name in ("valid", "test"):
            for kind, split in (("raw", RAW[name]), ("clean", SANITIZED[name])):
                assert accuracy[name, kind] == np.mean(fit.predict(pixel_rows(split.images)) == split.labels)


def test_the_models_are_those_that_the_table_tells_of(metrics: pd.DataFrame) -> None:
    found = fit_baselines(RAW, SANITIZED, sizes=(60, 200, 1000))
    pd.testing.assert_frame_equal(found.metrics.drop(columns="seconds"), metrics.drop(columns="seconds"))
    for row in metrics.itertuples(index=False):
        model = found.models[DEFAULT_MODEL, row.train_on, row.train_rows]  # type: ignore[index]
        assert (model.train_on, model.train_rows, model.fitted_rows) == (row.train_on, row.train_rows, row.fitted_rows)
        clean = found.clean[str(row.eval_on)]
        chosen = {"raw": clean | ~clean, "clean": clean, "removed": ~clean}[str(row.eval_rows)]
        right = model.predicted[str(row.eval_on)][chosen] == RAW[str(row.eval_on)].labels[chosen]
        assert (len(right), right.mean()) == (row.rows, row.accuracy)
    estimator = found.models[DEFAULT_MODEL, "sanitized", "60"].estimator
    np.testing.assert_array_equal(estimator.coef_, fitted(SANITIZED["train"], 60).coef_)
    assert set(np.flatnonzero(found.clean["valid"])) == set(KEPT["valid"])


def test_clean_and_duplicate_rows_partition_the_raw_rows(metrics: pd.DataFrame) -> None:
    right = (metrics["accuracy"] * metrics["rows"]).round()
    keys = ["train_on", "train_rows", "eval_on"]
    for column in (metrics["rows"], right):
        whole = column[metrics["eval_rows"] == "raw"].groupby([metrics[key] for key in keys]).sum()
        parts = column[metrics["eval_rows"] != "raw"].groupby([metrics[key] for key in keys]).sum()
        pd.testing.assert_series_equal(whole, parts)


def test_intervals_are_those_of_the_groups_of_rows(metrics: pd.DataFrame) -> None:
    assert (metrics["groups"] == metrics["rows"]).all(), "all images differ"
    groups = {name: np.arange(len(RAW[name])) // 5 for name in ("valid", "test")}
    grouped = baseline_metrics(RAW, SANITIZED, sizes=(60, 200, 1000), groups=groups)
    np.testing.assert_array_equal(grouped["accuracy"], metrics["accuracy"])
    raw = grouped[grouped["eval_rows"] == "raw"]
    assert raw["groups"].tolist() == (raw["rows"] // 5).tolist()
    assert (metrics["ci_low"] < metrics["accuracy"]).all()
    assert not grouped["ci_low"].equals(metrics["ci_low"])


@pytest.mark.parametrize(("name", "sizes"), [(DEFAULT_MODEL, (50,)), ("sklearn_logistic_regression", ())])
def test_fits_are_the_same_in_other_processes(tmp_path: Path, name: str, sizes: tuple[int, ...]) -> None:
    train = RAW["train"]
    np.save(tmp_path / "train.npy", train.images)
    mapped = {**RAW, "train": Split(map_npy(tmp_path / "train.npy"), train.labels, train.sources)}
    expected = fit_baselines(RAW, SANITIZED, sizes=sizes, models=(name,))
    pieces = remote_map(tmp_path, seed=len(sizes))
    found = fit_baselines(mapped, SANITIZED, sizes=sizes, models=(name,), work_map=pieces)
    assert fingerprint(found.metrics, leave_out=("seconds",)) == fingerprint(expected.metrics, leave_out=("seconds",))
    for model, other in zip(found.models.values(), expected.models.values(), strict=True):
        for split in ("valid", "test"):
            np.testing.assert_array_equal(model.predicted[split], other.predicted[split])
        pixels = pixel_rows(RAW["test"].images)
        np.testing.assert_array_equal(model.estimator.predict_proba(pixels), other.estimator.predict_proba(pixels))


def test_small_sizes_are_also_fitted_on_random_samples() -> None:
    metrics = baseline_metrics(RAW, SANITIZED, sizes=(50,))
    small = metrics["train_rows"] == "50"
    assert (metrics.loc[small, "samples"] == SAMPLES).all()
    assert (metrics.loc[~small, "samples"] == 0).all()
    assert metrics.loc[~small, ["mean", "sd"]].isna().all(axis=None)
    accuracies = []
    for sample in range(SAMPLES):
        chosen = np.random.default_rng([50, sample]).choice(260, 50, replace=False)
        fit = fitted(RAW["train"].take(chosen.astype(np.intp)), 50)
        accuracies.append(np.mean(fit.predict(pixel_rows(RAW["test"].images)) == RAW["test"].labels))
    row = metrics[small].query("train_on == 'raw' and eval_on == 'test' and eval_rows == 'raw'").iloc[0]
    assert row["mean"] == pytest.approx(np.mean(accuracies))
    assert row["sd"] == pytest.approx(np.std(accuracies, ddof=1))


def test_the_table_repeats_for_any_number_of_processors(metrics: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    again = baseline_metrics(RAW, SANITIZED, sizes=(1000, 200, 60))
    pd.testing.assert_frame_equal(again.drop(columns="seconds"), metrics.drop(columns="seconds"))


def test_the_curve_is_sorted_by_rows_and_beats_chance(metrics: pd.DataFrame) -> None:
    curve = learning_curve(metrics.sample(frac=1, random_state=0))
    assert tuple(curve.columns) == CURVE_COLUMNS
    assert curve.equals(curve.sort_values(list(CURVE_COLUMNS[:4]), ignore_index=True))
    raw_test = curve[(curve["train_on"] == "raw") & (curve["eval_on"] == "test") & (curve["eval_rows"] == "raw")]
    assert raw_test["train_rows"].tolist() == [60, 200, 260]
    assert raw_test["accuracy"].iloc[-1] > raw_test["accuracy"].iloc[0]
    assert raw_test["ci_low"].iloc[-1] > 0.1


def test_a_size_that_is_the_whole_split_is_one_point_of_the_curve() -> None:
    curve = learning_curve(baseline_metrics(RAW, SANITIZED, sizes=(260,)))
    assert not curve.duplicated(list(CURVE_COLUMNS[:4])).any()


@pytest.mark.parametrize("name", ["valid", "test"])
def test_a_training_row_among_the_scored_rows_is_refused(name: str) -> None:
    leaking = Split(RAW[name].images, RAW[name].labels, pd.concat([RAW["train"].sources[3:4], RAW[name].sources[1:]]))
    raw, sanitized = {**RAW, name: leaking}, {**SANITIZED, name: leaking}
    with pytest.raises(CurationError, match=rf"raw {name}: 1 of its rows are rows of raw train too, such as large/"):
        baseline_metrics(raw, sanitized)


def test_a_scored_row_in_the_sanitized_training_rows_alone_is_refused() -> None:
    leaking = Split(RAW["train"].images[:1], RAW["train"].labels[:1], RAW["test"].sources[:1].reset_index(drop=True))
    with pytest.raises(CurationError, match="rows of sanitized train too"):
        baseline_metrics(RAW, {**SANITIZED, "train": leaking})


def test_the_same_name_in_another_letter_or_archive_is_another_row() -> None:
    train = letter_split(60, archive="small", seed=5)
    moved = train.sources.assign(letter=[chr(ord("A") + (ord(letter) - 64) % 10) for letter in train.sources["letter"]])
    other = Split(train.images, train.labels, moved)
    raw = {"train": train, "valid": letter_split(60, archive="large", seed=6), "test": other}
    assert len(baseline_metrics(raw, raw, sizes=())) == 8


def test_sanitized_rows_that_are_not_raw_rows_are_refused() -> None:
    with pytest.raises(CurationError, match="sanitized valid"):
        baseline_metrics(RAW, {**SANITIZED, "valid": SANITIZED["test"]})


def test_an_empty_training_split_is_refused() -> None:
    empty = RAW["train"].take(np.zeros(0, np.intp))
    with pytest.raises(CurationError, match="raw train: there are no rows to fit"):
        baseline_metrics({**RAW, "train": empty}, SANITIZED)
    with pytest.raises(CurationError, match=r"sanitized train: there are no rows to fit.*sanitized/removed"):
        baseline_metrics(RAW, {**SANITIZED, "train": empty})


def test_every_model_has_its_rows_and_the_first_is_shown(
    metrics: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = Model("majority", lambda: DummyClassifier(), "the most frequent letter")
    monkeypatch.setitem(MODELS, added.name, added)
    found = baseline_metrics(RAW, SANITIZED, sizes=(60, 200, 1000), models=(DEFAULT_MODEL, "majority"))
    assert found["model"].value_counts().to_dict() == {DEFAULT_MODEL: len(metrics), "majority": len(metrics)}
    first = of_first_model(found)
    pd.testing.assert_frame_equal(first.drop(columns="seconds"), metrics.drop(columns="seconds"))
    majority = found[found["model"] == "majority"]
    given = RAW["test"].labels
    expected = np.mean(given == np.bincount(RAW["train"].labels[:60]).argmax())
    assert majority.query("eval_on == 'test' and eval_rows == 'raw'")["accuracy"].iloc[0] == expected


def test_a_fit_that_warns_of_its_limit_of_steps_has_not_converged(monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = Model("hasty", lambda: LogisticRegression(max_iter=2), "for tests")
    monkeypatch.setitem(MODELS, hasty.name, hasty)
    assert not baseline_metrics(RAW, SANITIZED, sizes=(), models=("hasty",))["converged"].any()
    assert baseline_metrics(RAW, SANITIZED, sizes=(), models=("sklearn_logistic_regression",))["converged"].all()


def test_a_model_that_refuses_its_rows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    one_letter = RAW["train"].take(np.flatnonzero(RAW["train"].labels == 0))
    raw, sanitized = {**RAW, "train": one_letter}, {**SANITIZED, "train": one_letter}
    with pytest.raises(CurationError, match="model sklearn_logistic_regression: cannot be fitted to"):
        baseline_metrics(raw, sanitized, sizes=(), models=("sklearn_logistic_regression",))
    assert baseline_metrics(raw, sanitized, sizes=())["converged"].all(), "ours predicts the one letter"
