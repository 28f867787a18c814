"""Metadata of `baselines/metrics`: confusion and recall by letter, compared with fits of the test."""

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from notmnist_assets.assets import baselines
from notmnist_assets.assets.baselines import recorded_confusions
from notmnist_assets.curation.baselines.evaluation import pixel_rows
from notmnist_assets.curation.baselines.models import DEFAULT_MODEL, MODELS
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets_tests.workspace import Workspace


def test_the_confusion_matrices_are_those_of_models_of_all_rows_on_clean_test_rows(finished: Workspace) -> None:
    splits = finished.load_all(["splits/train", "sanitized/train", "sanitized/test"])
    test = splits["sanitized/test"]
    with finished.instance() as instance:
        recorded = recorded_confusions(instance)
    assert list(recorded) == ["raw", "sanitized"]
    for train_on, group in (("raw", "splits"), ("sanitized", "sanitized")):
        train = splits[f"{group}/train"]
        fit = MODELS[DEFAULT_MODEL].create().fit(pixel_rows(train.images), train.labels)
        predicted = fit.predict(pixel_rows(test.images))
        expected = np.zeros((10, 10), np.int64)
        for given, read in zip(test.labels, predicted, strict=True):
            expected[given, read] += 1
        np.testing.assert_array_equal(recorded[train_on], expected)


def test_without_recorded_confusion_matrices_there_are_none(finished: Workspace) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert recorded_confusions(instance) == {}
        instance.report_runless_asset_event(dg.AssetMaterialization(baselines.metrics.key, metadata={"rows": 60}))
        assert recorded_confusions(instance) == {}


def test_the_recall_of_each_letter_is_shown_with_its_rows(finished: Workspace) -> None:
    shown = finished.metadata("baselines/metrics")["recall_by_letter"]
    assert isinstance(shown, dg.TableMetadataValue)
    test = finished.load("sanitized/test")
    rows = {record.data["letter"]: record.data["rows"] for record in shown.records}
    assert rows == {letter: int((test.labels == label).sum()) for label, letter in enumerate(LETTERS)}
    metrics = finished.load("baselines/metrics").query("train_rows == 'all' and eval_on == 'test'")
    for train_on in ("raw", "sanitized"):
        recalls = pd.Series({record.data["letter"]: record.data[train_on] for record in shown.records}, dtype=float)
        right = (recalls * pd.Series(rows)).sum()
        clean = metrics.query("train_on == @train_on and eval_rows == 'clean'").iloc[0]
        assert right == pytest.approx(clean["accuracy"] * clean["rows"], abs=0.05)


def test_the_data_version_leaves_out_the_duration_of_the_fit(finished: Workspace) -> None:
    metrics = finished.load("baselines/metrics")
    with finished.instance() as instance:
        event = instance.get_latest_materialization_event(baselines.metrics.key)
    assert event is not None
    assert event.asset_materialization is not None
    version = (event.asset_materialization.tags or {})["dagster/data_version"]
    assert version == fingerprint(metrics, leave_out=("seconds",))
