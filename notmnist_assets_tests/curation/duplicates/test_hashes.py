"""Digests of single images, compared with hashlib and plain NumPy."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.images import Images
from notmnist_assets.curation.duplicates.hashes import cell_digests, cell_maxima, exact_digests, hash_table, ink
from notmnist_assets_tests.builders import cells_of, distance_of, random_split

seeds = st.integers(0, 2**32)


def noise(rows: int, seed: int = 0) -> Images:
    return np.random.default_rng(seed).integers(0, 256, (rows, 28, 28), dtype=np.uint8)


def test_the_exact_digest_is_that_of_hashlib() -> None:
    images = noise(20)
    assert exact_digests(images).tolist() == [hashlib.sha256(image.tobytes()).hexdigest()[:32] for image in images]


@pytest.mark.parametrize("rows", [0, 1, 5000])
def test_cell_maxima_are_those_of_a_reshape(rows: int) -> None:
    images = noise(rows)
    expected = images.reshape(rows, 7, 4, 7, 4).max(axis=(2, 4))
    np.testing.assert_array_equal(cell_maxima(images), expected)
    assert cell_maxima(images).dtype == np.uint8


def test_the_cells_digest_is_that_of_the_49_maxima() -> None:
    images = noise(20)
    expected = [hashlib.sha256(bytes(cells_of(image))).hexdigest()[:32] for image in images]
    assert cell_digests(images).tolist() == expected


def test_images_that_are_not_contiguous_have_the_same_hashes() -> None:
    wide = noise(6)
    turned = wide[::2].transpose(0, 2, 1)
    copy = np.ascontiguousarray(turned)
    assert exact_digests(turned).tolist() == exact_digests(copy).tolist()
    assert cell_digests(turned).tolist() == cell_digests(copy).tolist()
    assert ink(turned).tolist() == ink(copy).tolist()


@given(seed=seeds, noisy=st.integers(0, 784))
@settings(max_examples=50)
def test_the_difference_of_ink_never_exceeds_the_distance(seed: int, noisy: int) -> None:
    random = np.random.default_rng(seed)
    one = random.integers(0, 256, (28, 28), dtype=np.uint8)
    other = one.copy()
    other.reshape(-1)[random.permutation(784)[:noisy]] = random.integers(0, 256, noisy)
    a, b = ink(np.stack([one, other])).tolist()
    assert a == pytest.approx(sum(one.reshape(-1).tolist()) / 255)
    assert abs(a - b) <= distance_of(one, other) + 1e-9


def test_the_hash_table_has_one_row_per_split_row_in_order() -> None:
    split = random_split(30)
    table = hash_table(split)
    assert table.columns.tolist() == ["row", "label", "exact", "cells", "ink"]
    assert table["row"].tolist() == list(range(30))
    assert table["label"].tolist() == split.labels.tolist()
    assert table["exact"].tolist() == exact_digests(split.images).tolist()
    assert table["cells"].tolist() == cell_digests(split.images).tolist()
    assert table["ink"].tolist() == ink(split.images).tolist()


def test_the_hash_table_of_no_rows_has_the_same_types() -> None:
    assert hash_table(random_split(0)).dtypes.to_dict() == hash_table(random_split(3)).dtypes.to_dict()
