"""Planted duplicates, recall and false alarms of each method, and the perceptual hash."""

import itertools
from collections.abc import Callable

import imagehash
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from notmnist_assets.curation.core.intervals import wilson_interval
from notmnist_assets.curation.duplicates import recall
from notmnist_assets.curation.duplicates.hashes import cell_maxima
from notmnist_assets.curation.duplicates.near import near_pairs
from notmnist_assets.curation.duplicates.perturbations import PERTURBATIONS
from notmnist_assets.curation.duplicates.recall import (
    METHODS,
    false_alarm_table,
    hamming,
    perceptual_hashes,
    recall_by_method,
    recall_table,
)
from notmnist_assets_tests.builders import rectangles
from notmnist_assets_tests.remote import remote_map


def one_letter(letters: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.eye(10, dtype=np.int64)[letters]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return recall_table(rectangles(60), 6.0, sample=40, seed=1)


def test_the_table_has_a_row_for_each_perturbation_strength_and_method(table: pd.DataFrame) -> None:
    wanted = [(p.name, s, m) for p in PERTURBATIONS for s in p.strengths for m in METHODS]
    rows = table[["perturbation", "strength", "method"]]
    assert list(rows.itertuples(index=False, name=None)) == wanted
    assert (table["planted"] == 40).all()


def test_recall_lies_in_its_wilson_interval(table: pd.DataFrame) -> None:
    low, high = wilson_interval(table["found"], table["planted"])
    np.testing.assert_array_equal(table["recall"], table["found"] / 40)
    np.testing.assert_array_equal(table["ci_low"], low)
    np.testing.assert_array_equal(table["ci_high"], high)


def test_a_looser_method_finds_all_that_a_stricter_one_finds(table: pd.DataFrame) -> None:
    found = table.pivot_table(index=["perturbation", "strength"], columns="method", values="found")
    for strict, loose in [("exact", "cells"), ("exact", "near"), ("exact", "phash_0"), ("phash_0", "phash_10")]:
        assert (found[strict] <= found[loose]).all()


def test_near_finds_all_copies_within_the_radius_and_none_beyond(table: pd.DataFrame) -> None:
    near = table[table["method"] == "near"]
    weak = near[(near["perturbation"] == "changed pixels") & (near["strength"] <= 4)]
    assert (weak["recall"] == 1).all()
    assert near.loc[near["median_distance"] > 6, "recall"].max() <= 0.5
    assert near.loc[near["median_distance"] <= 6, "recall"].min() >= 0.5


def test_the_table_by_method_contains_the_same_numbers(table: pd.DataFrame) -> None:
    wide = recall_by_method(table)
    assert wide.columns.tolist() == ["perturbation", "strength", *METHODS, "median_distance", "planted"]
    expected = []
    for perturbation in PERTURBATIONS:
        for strength in perturbation.strengths:
            here = table[(table["perturbation"] == perturbation.name) & (table["strength"] == strength)]
            recalls = [here.loc[here["method"] == method, "recall"].item() for method in METHODS]
            expected.append([perturbation.name, strength, *recalls, here["median_distance"].iloc[0], 40])
    assert wide.to_numpy(object).tolist() == expected


def test_the_recall_table_is_the_same_each_time(table: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(table, recall_table(rectangles(60), 6.0, sample=40, seed=1))
    assert not table.equals(recall_table(rectangles(60), 6.0, sample=40, seed=2))


def test_perceptual_hashes_have_the_distances_of_imagehash() -> None:
    images = rectangles(25)
    reference = [imagehash.phash(Image.fromarray(image)) for image in images]
    hashes = perceptual_hashes(images)
    for one, other in itertools.combinations(range(25), 2):
        assert hamming(hashes[one], hashes[other]) == reference[one] - reference[other]
    assert len(perceptual_hashes(images[:0])) == 0


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_the_hamming_distance_counts_different_bits(a: int, b: int) -> None:
    assert hamming(np.array([a], np.uint64), np.array([b], np.uint64)).tolist() == [(a ^ b).bit_count()]


@given(st.integers(0, 2**32))
@settings(max_examples=15)
def test_false_alarms_are_those_that_a_loop_over_all_pairs_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = np.unique(
        rectangles(25, seed)[rng.integers(0, 6, 25)] ^ rng.integers(0, 3, (25, 28, 28), np.uint8), axis=0
    )
    letters = one_letter(rng.integers(0, 3, len(images)))
    letters[0, 3] += 1
    pairs = near_pairs(images, 6.0)
    table = false_alarm_table(images, letters, pairs).set_index("method")
    maxima, hashes, shares = cell_maxima(images), perceptual_hashes(images), letters / letters.sum(1)[:, None]
    distance = np.abs(images[:, None].astype(np.int64) - images).sum(axis=(2, 3))
    bits = hamming(hashes[:, None], hashes)
    calls: dict[str, Callable[[int, int], bool]] = {
        "cells": lambda i, j: bool((maxima[i] == maxima[j]).all()),
        "near": lambda i, j: bool(distance[i, j] <= 6 * 255),
        "phash_0": lambda i, j: bool(bits[i, j] == 0),
        "phash_10": lambda i, j: bool(bits[i, j] <= 10),
    }
    for method, same in calls.items():
        called = [(i, j) for i in range(len(images)) for j in range(i + 1, len(images)) if same(i, j)]
        assert table.loc[method, "pairs"] == len(called)
        crossing = sum(1 - float(shares[i] @ shares[j]) for i, j in called)
        assert table.loc[method, "cross_letter"] == pytest.approx(crossing, abs=1e-6)


@given(count=st.integers(0, 40), chunk=st.integers(1, 40), order=st.integers(0, 2**32))
@settings(max_examples=4, deadline=None)
def test_tables_are_the_same_from_pieces_in_other_processes(
    tmp_path_factory: pytest.TempPathFactory, count: int, chunk: int, order: int
) -> None:
    images = np.unique(rectangles(count, order % 3), axis=0)
    letters = one_letter(np.arange(len(images)) % 10)
    pairs = near_pairs(images, 6.0)
    pieces = remote_map(tmp_path_factory.mktemp("pieces"), order)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recall, "_PHASH_CHUNK", chunk)
        pd.testing.assert_frame_equal(
            recall_table(images, 6.0, sample=20, work_map=pieces),
            recall_table(images, 6.0, sample=20),
            check_exact=True,
        )
        pd.testing.assert_frame_equal(
            false_alarm_table(images, letters, pairs, pieces),
            false_alarm_table(images, letters, pairs),
            check_exact=True,
        )


def test_a_copy_near_another_image_but_not_near_its_original_is_not_found() -> None:
    """Each image is the next one moved by one pixel: moved copies equal another image, not their original."""
    bar = np.zeros((28, 28), np.uint8)
    bar[5:20, 2] = 255
    images = np.stack([np.roll(bar, step, axis=1) for step in range(20)])
    table = recall_table(images, 1.0, sample=20).set_index(["perturbation", "strength", "method"])
    assert table.loc[("shift", 1, "near"), "found"] == 0
    moved = recall_table(images, 1.0, sample=20, shifts=True).set_index(["perturbation", "strength", "method"])
    assert moved.loc[("shift", 1, "near"), "found"] == 20


def test_shifts_find_copies_moved_by_one_pixel_and_not_by_two(table: pd.DataFrame) -> None:
    def near(found: pd.DataFrame) -> "pd.Series[float]":
        return found[found["method"] == "near"].set_index(["perturbation", "strength"])["recall"]

    with_shifts = near(recall_table(rectangles(60), 6.0, shifts=True, sample=40, seed=1))
    assert with_shifts["shift", 1] == 1
    assert near(table)["shift", 1] < 0.1
    assert with_shifts["shift", 2] < 0.5
    assert (with_shifts >= near(table)).all()


def test_without_images_nothing_is_found() -> None:
    nothing = np.empty((0, 28, 28), np.uint8)
    assert (recall_table(nothing, 5.0)["found"] == 0).all()
    alarms = false_alarm_table(nothing, np.empty((0, 10), np.int64), near_pairs(nothing, 5.0))
    assert (alarms["pairs"] == 0).all()
