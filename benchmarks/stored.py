"""Stores and loads what the stages of `ours` exchange: splits, hash tables, and tables."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from benchmarks.place import Place
from notmnist_assets.curation.core.mapped_tables import read_table
from notmnist_assets.curation.core.npy import write_npy
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.buckets import COLUMNS, HashBuckets, rows_of_buckets
from notmnist_assets.curation.splitting.splits import SPLITS


def store_splits(place: Place, group: str, merged: Mapping[str, Split]) -> None:
    """Store splits in a folder of this name, to be read by `load_splits`."""
    folder = place.folder(group)
    for name, split in merged.items():
        save_array(folder / f"{name}_images.npy", split.images)
        save_array(folder / f"{name}_labels.npy", split.labels)
        split.sources.to_parquet(folder / f"{name}_sources.parquet")


def save_array(path: Path, values: npt.NDArray[Any]) -> None:
    """Write an array as `.npy`, as the IO managers do."""
    with path.open("wb") as file:
        write_npy(values, file)


def load_splits(place: Place, group: str = "splits") -> dict[str, Split]:
    """Return the splits that a stage stored, with memory-mapped images."""
    folder = place.folder(group)
    return {
        name: Split(
            np.load(folder / f"{name}_images.npy", mmap_mode="r"),
            np.load(folder / f"{name}_labels.npy"),
            load_table(folder / f"{name}_sources.parquet"),
        )
        for name in SPLITS
    }


def store_hashes(place: Place, name: str, table: pd.DataFrame) -> None:
    """Store the hash table of a split in buckets, to be read by `load_hashes`."""
    for digest, columns in COLUMNS.items():
        for number, rows in enumerate(rows_of_buckets(table[digest])):
            path = place.folder("hashes") / f"{name}-{digest}-{number:05}.parquet"
            table[list(columns)].iloc[rows].to_parquet(path, index=False)


def load_hashes(place: Place) -> dict[str, HashBuckets]:
    """Return the hash tables that a stage stored, whose buckets are read when they are needed."""
    folder = place.folder("hashes")
    return {
        name: HashBuckets(
            len(np.load(place.folder("splits") / f"{name}_labels.npy", mmap_mode="r")),
            {
                digest: [partial(_columns_of, path) for path in sorted(folder.glob(f"{name}-{digest}-*.parquet"))]
                for digest in COLUMNS
            },
        )
        for name in SPLITS
    }


def _columns_of(path: Path, columns: Sequence[str]) -> Any:
    return pq.read_table(path, columns=list(columns))


def load_table(path: Path) -> pd.DataFrame:
    """Return a Parquet file as a table, as the IO managers do."""
    with path.open("rb") as file:
        return read_table(file)
