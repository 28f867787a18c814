"""Buckets of hash tables and their joins, compared with dictionaries over all rows."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.duplicates.buckets import (
    COLUMNS,
    HashBuckets,
    bucket_count,
    bucket_numbers,
    distinct_digests,
    rows_of_buckets,
)
from notmnist_assets.curation.duplicates.hashes import hash_table
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets_tests.builders import random_split
from notmnist_assets_tests.remote import remote_map

DIGESTS = [f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128:032x}" for number in range(40)]

pool = st.integers(0, len(DIGESTS) - 1)
rows = st.lists(st.tuples(pool, pool, st.integers(0, 9)), max_size=60)


def table_of(found: list[tuple[int, int, int]]) -> pd.DataFrame:
    exact, cells, label = (list(column) for column in zip(*found, strict=True)) if found else ([], [], [])
    return pd.DataFrame(
        {
            "row": np.arange(len(found), dtype=np.int32),
            "label": np.array(label, np.int32),
            "exact": pd.Series([DIGESTS[number] for number in exact], dtype="str"),
            # Equal images have equal cells.
            "cells": pd.Series([DIGESTS[number % 7] for number in exact], dtype="str"),
            "ink": np.array(cells, np.float64),
        }
    )


def select(table: pd.DataFrame, columns: Sequence[str]) -> pa.Table:
    return pa.Table.from_pandas(table[list(columns)], preserve_index=False)


def buckets_of(table: pd.DataFrame, largest: int) -> HashBuckets:
    loads = {
        digest: [partial(select, table.iloc[rows]) for rows in rows_of_buckets(table[digest], largest)]
        for digest in COLUMNS
    }
    return HashBuckets(len(table), loads)


@given(tables=st.tuples(rows, rows, rows), largest=st.tuples(*[st.sampled_from([1, 3, 8, 100])] * 3))
@settings(max_examples=30, deadline=None)
def test_any_number_of_buckets_gives_the_index_of_dictionaries(
    tables: tuple[list[tuple[int, int, int]], ...], largest: tuple[int, ...]
) -> None:
    whole = {name: table_of(found) for name, found in zip(SPLITS, tables, strict=True)}
    cut_up = {name: buckets_of(whole[name], most) for name, most in zip(SPLITS, largest, strict=True)}
    index = RowIndex(cut_up, run=remote_map(Path(), len(tables[0])).run)
    every = pd.concat(list(whole.values()), ignore_index=True)
    images = {digest: number for number, digest in enumerate(dict.fromkeys(every["exact"]))}
    cells = {digest: number for number, digest in enumerate(dict.fromkeys(every["cells"]))}
    assert index.image.tolist() == [images[digest] for digest in every["exact"]]
    assert index.label.tolist() == every["label"].tolist()
    assert list(index.digests) == list(images)
    assert index.cell_of_image[index.image].tolist() == [cells[digest] for digest in every["cells"]]
    assert index.row.tolist() == every["row"].tolist()


@given(found=rows, largest=st.sampled_from([1, 3, 8, 100]))
@settings(max_examples=30, deadline=None)
def test_the_buckets_of_a_table_are_the_table(found: list[tuple[int, int, int]], largest: int) -> None:
    table = table_of(found)
    cut_up = buckets_of(table, largest)
    pd.testing.assert_frame_equal(cut_up.table(), table)
    for digest, columns in COLUMNS.items():
        seen = [load(columns).to_pandas() for load in cut_up.loads[digest]]
        assert len(seen) == bucket_count(len(table), largest)
        assert sum(map(len, seen)) == len(table)
        for number, bucket in enumerate(seen):
            assert bucket["row"].is_monotonic_increasing
            # The first four hexadecimal digits, as a share of all that four digits can say.
            assert all(int(one[:4], 16) * len(seen) // 0x10000 == number for one in bucket[digest])


@pytest.mark.parametrize(
    ("rows", "buckets"), [(0, 1), (1 << 17, 1), ((1 << 17) + 1, 2), (500_000, 4), (5_000_000, 64), (10**12, 65_536)]
)
def test_the_number_of_buckets_is_the_least_power_of_two(rows: int, buckets: int) -> None:
    assert bucket_count(rows) == buckets


def test_images_fill_all_buckets_about_equally() -> None:
    digests = hash_table(random_split(4000, seed=2))["exact"]
    sizes = np.bincount(bucket_numbers(digests, 8), minlength=8)
    assert sizes.sum() == 4000
    assert sizes.min() > 400
    assert sizes.max() < 600


@given(found=rows, largest=st.sampled_from([1, 3, 100]))
def test_distinct_digests_are_those_of_a_set(found: list[tuple[int, int, int]], largest: int) -> None:
    digests = table_of(found)["exact"]
    assert distinct_digests(digests, largest) == len(set(digests))
