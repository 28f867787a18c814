"""The near search in the graph, on archives with near and moved copies."""

import io
from dataclasses import replace

import dagster as dg
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image

from notmnist_assets.assets import near_pairs
from notmnist_assets.runs.lock import OneRun
from notmnist_assets.settings.model import read_settings
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.io_managers import NearSearchIOManager, io_managers
from notmnist_assets.storage.store import ValueStore
from notmnist_assets.storage.types import NearSearchType
from notmnist_assets_tests.archives import png, tiny_members, write_archive
from notmnist_assets_tests.workspace import Workspace, keys_of

PAIRS = ["overlap", "near_pairs"]
PLANTED = 5
"""Number of near copies of each letter in the small archive, and of moved copies."""


def pixels(data: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image)


@pytest.fixture
def planted(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with copies of large letters among the small ones: 40 gray levels away, or moved by one pixel.

    The radius is larger than the first distance and smaller than that of a moved copy without shifts. No asset is
    materialized.
    """
    large, small = tiny_members().values()
    for letter, files in small.items():
        originals = [pixels(data) for data in list(large[letter].values())[: 5 * PLANTED : 5]]
        for place, name in enumerate(list(files)[: 2 * PLANTED]):
            image = originals[place % PLANTED].copy()
            if place < PLANTED:
                image[0, 0] ^= 40
            else:
                image = np.roll(image, 1, axis=1)
            files[name] = png(image)
    write_archive(workspace.archives, "small", small)
    monkeypatch.setenv("NOTMNIST_NEAR_RADIUS", "1")
    return workspace


def store_incomplete_search(*, code_version: str | None = None) -> pd.DataFrame:
    """Store the search without most of its pairs, with the same or another code version; return all pairs."""
    search = NearSearchIOManager.load_search(ValueStore(read_settings().storage_root), PAIRS)
    assert search is not None
    wrong = replace(
        search, pairs=search.pairs[::7].reset_index(drop=True), code_version=code_version or search.code_version
    )

    @dg.asset(key=PAIRS, io_manager_key="near_io", dagster_type=NearSearchType)
    def stored() -> object:
        return wrong

    dg.materialize([stored], resources=io_managers(SettingsResource(), OneRun()))
    return search.pairs


@pytest.mark.extended
def test_materializing_again_repeats_the_search_and_another_code_version_never_extends_it(
    planted: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = planted.definitions.resolve_asset_graph()
    wanted = dg.AssetSelection.assets(dg.AssetKey(PAIRS)).upstream().resolve(graph) & graph.materializable_asset_keys
    assert planted.run(sorted(keys_of(list(wanted)))).success
    for code_version in (None, "another"):
        pairs = store_incomplete_search(code_version=code_version)
        assert len(planted.load("overlap/near_pairs")) < len(pairs)
        assert planted.notmnist("run", "overlap/near_pairs").code == 0
        pd.testing.assert_frame_equal(planted.load("overlap/near_pairs"), pairs)
        assert planted.metadata("overlap/near_pairs")["images_seen_before"].value == 0
    store_incomplete_search()
    monkeypatch.setattr(near_pairs, "_SEARCH_VERSION", "raised")
    fewer_images = {"resources": {"settings": {"config": {"train_size": 150}}}}
    keys = [f"{group}/{name}" for group in ("splits", "hashes") for name in ("train", "valid", "test")]
    assert planted.run([*keys, "overlap/near_pairs"], fewer_images).success
    assert planted.metadata("overlap/near_pairs")["images_seen_before"].value == 0


def by_digest(workspace: Workspace, group: str) -> dict[str, set[bytes]]:
    names = ("train", "valid", "test")
    splits = workspace.load_all([f"{group}/{name}" for name in names])
    return {name: {image.tobytes() for image in splits[f"{group}/{name}"].images} for name in names}


def moved_copies(images: set[bytes]) -> set[bytes]:
    """Return the images moved right and left by one pixel, as the planted copies and their originals are."""
    squares = [np.frombuffer(image, np.uint8).reshape(28, 28) for image in images]
    return {np.roll(square, step, axis=1).tobytes() for square in squares for step in (-1, 1)}


@pytest.mark.extended
def test_with_shifts_moved_copies_are_found_removed_and_grouped_and_recall_is_measured(
    planted: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert planted.notmnist("run").code == 0
    clean = by_digest(planted, "sanitized")
    assert clean["test"] & moved_copies(clean["train"])
    by_group = by_digest(planted, "grouped")
    assert by_group["test"] & moved_copies(by_group["train"])
    monkeypatch.setenv("NOTMNIST_NEAR_SHIFTS", "true")
    ended = planted.notmnist("run")
    assert ended.code == 0, ended.err
    assert (planted.load("overlap/near_pairs")["distance"] == 0).sum() > PLANTED
    recall = planted.load("overlap/recall").set_index(["perturbation", "strength", "method"])["recall"]
    assert recall["shift", 1, "near"] > 0.95
    for group in ("sanitized", "grouped"):
        images = by_digest(planted, group)
        assert all(images.values())
        for one, other in (("valid", "train"), ("test", "train"), ("test", "valid")):
            assert not images[one] & moved_copies(images[other])
