"""The search in blocks, compared with the search of the whole table."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core import images as images_module
from notmnist_assets.curation.core.images import new_images
from notmnist_assets.curation.core.npy import map_npy
from notmnist_assets.curation.core.prefetch import WorkMap, one_by_one
from notmnist_assets.curation.core.row_blocks import RowBlock, read_rows, row_blocks
from notmnist_assets.curation.core.values import SOURCE_COLUMNS, Split
from notmnist_assets.curation.duplicates.hashes import hash_table
from notmnist_assets.curation.duplicates.near import near_pairs
from notmnist_assets.curation.duplicates.near.blocks import near_pairs_in_blocks
from notmnist_assets_tests.curation.duplicates.near.tables import noisy_copies, sparse_changes, triples


@given(
    n=st.integers(0, 150),
    seed=st.integers(0, 2**32),
    radius=st.one_of(st.sampled_from([0.0, 7 / 255, 16 / 255, 784.0]), st.floats(0, 40)),
    size=st.integers(20, 80),
    sparse=st.booleans(),
)
@settings(max_examples=12, deadline=None)
def test_pairs_do_not_depend_on_the_blocks(
    tmp_path_factory: pytest.TempPathFactory, n: int, seed: int, radius: float, size: int, sparse: bool
) -> None:
    images = (sparse_changes if sparse else noisy_copies)(n, seed)
    cluster = WorkMap(one_by_one, tmp_path_factory.mktemp("blocks"))
    found = near_pairs_in_blocks(len(images), lambda rows: images[rows], radius, cluster, size=size)
    assert triples(found) == triples(near_pairs(images, radius))
    assert not list(cluster.folder.iterdir())


def test_hash_tables_do_not_depend_on_the_blocks(tmp_path: Path) -> None:
    images = noisy_copies(200, seed=1).reshape(-1, 28, 28)
    np.save(tmp_path / "images.npy", images)
    sources = pd.DataFrame({name: ["x"] * len(images) for name in SOURCE_COLUMNS})
    labels = np.arange(len(images), dtype=np.int32) % 10
    expected = hash_table(Split(images, labels, sources))
    cluster = WorkMap(lambda function, items: one_by_one(function, items), tmp_path)
    for held in (images, map_npy(tmp_path / "images.npy"), images[:0]):
        found = hash_table(Split(held, labels[: len(held)], sources[: len(held)]), cluster)
        pd.testing.assert_frame_equal(found, expected[: len(held)])


def test_rows_of_a_temporary_file_are_passed_as_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_module, "_MOST_IN_MEMORY", 9)
    images = new_images(10)
    images[:] = noisy_copies(10, seed=2).reshape(-1, 28, 28)
    blocks = list(row_blocks(images, rows=4))
    np.testing.assert_array_equal(np.concatenate([read_rows(block) for block in blocks]), images)


def test_rows_of_a_mapped_file_are_named_by_their_place(tmp_path: Path) -> None:
    images = noisy_copies(10, seed=2).reshape(-1, 28, 28)
    np.save(tmp_path / "images.npy", images)
    mapped = map_npy(tmp_path / "images.npy")
    blocks = list(row_blocks(mapped, rows=4))
    assert all(isinstance(block, RowBlock) for block in blocks)
    np.testing.assert_array_equal(np.concatenate([read_rows(block) for block in blocks]), images)
    part = list(row_blocks(mapped[3:], rows=4))
    np.testing.assert_array_equal(np.concatenate([read_rows(block) for block in part]), images[3:])
