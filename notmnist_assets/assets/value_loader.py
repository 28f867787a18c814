"""The resource with which assets and checks load stored values that are not inputs of their step."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import pandas as pd
from pydantic import PrivateAttr

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.prefetch import WorkMap, prefetch_map
from notmnist_assets.curation.core.values import LetterImages
from notmnist_assets.curation.duplicates.pair_table import NearSearch, chosen_radius
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.curation.sanitizing.grouping import Pool, index_pool, pool_letters
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.io_managers import (
    HashTableIOManager,
    LettersIOManager,
    NearSearchIOManager,
    TableIOManager,
)
from notmnist_assets.storage.store import Manifest, StorageUnusableError
from notmnist_assets.storage.value_io import ValueIOManager, open_store


class ValueLoader(dg.ConfigurableResource[Any]):
    """Loads stored values by asset key, for steps that need only some of many values or decide at run time which."""

    settings: dg.ResourceDependency[SettingsResource]
    _indexes: dict[tuple[str, ...], RowIndex] = PrivateAttr(default_factory=dict)
    _pools: dict[tuple[Any, ...], tuple[Pool, RowIndex]] = PrivateAttr(default_factory=dict)

    def letters(self, set_name: str) -> dict[str, LetterImages]:
        """Return the letters A to J of a set, images memory-mapped if the storage is local.

        As inputs of a step, twenty letters would add forty events to the instance, which take longer than loading.

        Raises:
            dagster.Failure: a letter is not stored, or it is damaged.
        """
        return {letter: self.letter(["letters", set_name, letter]) for letter in LETTERS}

    def letter(self, path: Sequence[str]) -> LetterImages:
        """Return one letter.

        Raises:
            dagster.Failure: it is not stored, or it is damaged.
        """
        value: LetterImages = self._load(LettersIOManager, path)
        return value

    def table(self, path: Sequence[str]) -> pd.DataFrame:
        """Return a table.

        Raises:
            dagster.Failure: it is not stored, or it is damaged.
        """
        value: pd.DataFrame = self._load(TableIOManager, path)
        return value

    def hash_table(self, path: Sequence[str]) -> pd.DataFrame:
        """Return the hash table of a split.

        Raises:
            dagster.Failure: it is not stored, or it is damaged.
        """
        value: pd.DataFrame = self._load(HashTableIOManager, path)
        return value

    def archive_sha256(self, path: Sequence[str]) -> str | None:
        """Return the SHA-256 of a stored archive, None if there is none or it is damaged.

        Raises:
            dagster.Failure: the storage cannot be read.
        """
        with as_dagster_failure():
            try:
                stored = open_store(self.settings).find(path)
            except StorageUnusableError:
                raise
            except CurationError:
                return None
            return None if stored is None else str(stored.facts["sha256"])

    def row_index(self, work_map: WorkMap | None = None) -> RowIndex:
        """Return the index of all split rows, built once per run unless `hashes/*` changes.

        Args:
            work_map: joins the buckets of the tables; threads of this process by default.

        Raises:
            dagster.Failure: a table of `hashes/*` is not stored, or it is damaged.
        """
        store = open_store(self.settings)
        with as_dagster_failure():
            versions = tuple(store.require(["hashes", name]).version for name in SPLITS)
        if versions not in self._indexes:
            self._indexes.clear()
            run = prefetch_map if work_map is None else work_map.run
            with as_dagster_failure():
                tables = {name: HashTableIOManager.load_buckets(store, ["hashes", name]) for name in SPLITS}
                self._indexes[versions] = RowIndex(tables, run=run)
        return self._indexes[versions]

    def near_index(self, near_pairs: pd.DataFrame, radius: pd.DataFrame) -> RowIndex:
        """Return the index of all split rows with the near pairs within the chosen radius.

        Args:
            near_pairs: the value of `overlap/near_pairs`.
            radius: the value of `overlap/radius`.

        Raises:
            dagster.Failure: a table of `hashes/*` is not stored, or it is damaged.
        """
        return self.row_index().with_pairs(near_pairs, chosen_radius(radius))

    def pool(self, radius: float, work_map: WorkMap | None = None) -> tuple[Pool, RowIndex]:
        """Return all images of both sets and their index, built once per run unless letters or settings change.

        Args:
            radius: largest distance of near images, in units of 255.
            work_map: hashes and searches the images; this process by default.

        Raises:
            dagster.Failure: a letter is not stored, or it is damaged.
        """
        store, shifts = open_store(self.settings), self.settings.read().near_shifts
        with as_dagster_failure():
            paths = [["letters", set_name, letter] for set_name in SETS for letter in LETTERS]
            key = (radius, shifts, *(store.require(path).version for path in paths))
        if key not in self._pools:
            self._pools.clear()
            pool = pool_letters({set_name: self.letters(set_name) for set_name in SETS})
            self._pools[key] = pool, index_pool(pool, radius, shifts=shifts, work_map=work_map)
        return self._pools[key]

    def previous_search(self, path: Sequence[str]) -> NearSearch | None:
        """Return the stored near search, None if there is none or it is damaged."""
        return NearSearchIOManager.load_search(open_store(self.settings), path)

    def complete_radius(self, path: Sequence[str]) -> float:
        """Return the radius up to which a stored near search misses no pair.

        Raises:
            dagster.Failure: it is not stored, or it is damaged.
        """
        with as_dagster_failure():
            return NearSearchIOManager.complete_radius(open_store(self.settings).require(path))

    def compare_with_digests(self, path: Sequence[str]) -> tuple[Manifest, str]:
        """Read all files of a value and compare them with the digests that were recorded when they were written.

        Returns:
            What is stored, and what is wrong with its files: empty if they are unchanged.

        Raises:
            dagster.Failure: nothing is stored, its manifest is damaged, or the storage cannot be read.
        """
        store = open_store(self.settings)
        with as_dagster_failure():
            stored = store.require(path)
            try:
                store.verify(path, stored)
            except StorageUnusableError:
                raise
            except CurationError as error:
                return stored, error.problem
            return stored, ""

    def _load(self, manager: type[ValueIOManager], path: Sequence[str]) -> Any:
        with as_dagster_failure():
            return manager.load(open_store(self.settings), path)
