"""The metadata of `overlap/recall`."""

import dagster as dg
import numpy as np
import numpy.typing as npt
import pytest

from notmnist_assets.assets import recall
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.cluster import ClusterResource
from notmnist_assets.curation.duplicates.near import near_pairs
from notmnist_assets.curation.duplicates.recall import false_alarm_table
from notmnist_assets.metadata.display import table
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets_tests.workspace import Workspace


def test_false_alarms_are_counted_with_the_letters_of_the_sampled_images(
    finished: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recall, "_RECALL_IMAGES", 90)
    names = ("train", "valid", "test")
    splits = finished.load_all([f"splits/{name}" for name in names])
    radius = finished.load("overlap/radius").assign(chosen=lambda curve: curve["radius"] == 12.0)
    materialized = recall.recall(
        settings=SettingsResource(),
        values=ValueLoader(settings=SettingsResource()),
        cluster=ClusterResource(settings=SettingsResource()),
        near_pairs=finished.load("overlap/near_pairs"),
        radius=radius,
        **{name: splits[f"splits/{name}"] for name in names},
    )
    assert isinstance(materialized, dg.MaterializeResult)
    false_alarms = (materialized.metadata or {})["false_alarms"]
    assert isinstance(false_alarms, dg.TableMetadataValue)
    letters: dict[bytes, npt.NDArray[np.int64]] = {}
    for split in splits.values():
        for image, label in zip(split.images, split.labels, strict=True):
            letters.setdefault(image.tobytes(), np.zeros(10, np.int64))[label] += 1
    every = list(letters)
    sampled = [every[round(place)] for place in np.linspace(0, len(every) - 1, 90).tolist()]
    images = np.stack([np.frombuffer(image, np.uint8).reshape(28, 28) for image in sampled])
    alarms = false_alarm_table(images, np.stack([letters[image] for image in sampled]), near_pairs(images, 12.0))
    assert alarms["cross_letter"].sum() > 0
    shown = table(alarms, shares=("share",), intervals={"interval": ("ci_low", "ci_high")})
    assert false_alarms.records == shown.records
