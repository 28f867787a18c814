"""Stored values that several assets and checks load by themselves, instead of as inputs of their step."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import pandas as pd
from pydantic import PrivateAttr

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import LetterImages
from notmnist_assets.curation.duplicates.pair_table import NearSearch
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.io_managers import LettersIOManager, NearSearchIOManager, TableIOManager
from notmnist_assets.storage.store import ValueStore


class StoredValues(dg.ConfigurableResource[Any]):
    """Loads stored values by asset key."""

    settings: dg.ResourceDependency[SettingsResource]
    _indexes: dict[tuple[str, ...], RowIndex] = PrivateAttr(default_factory=dict)

    def letters(self, set_name: str) -> dict[str, LetterImages]:
        """Return the letters of a set, their images memory-mapped.

        As inputs of a step, twenty letters would cost forty events of the instance, which take longer than loading.
        """
        return {letter: self.letter(["letters", set_name, letter]) for letter in LETTERS}

    def letter(self, path: Sequence[str]) -> LetterImages:
        """Return one letter."""
        with as_dagster_failure():
            value: LetterImages = LettersIOManager.load(self._store(), path)
            return value

    def table(self, path: Sequence[str]) -> pd.DataFrame:
        """Return a table."""
        with as_dagster_failure():
            value: pd.DataFrame = TableIOManager.load(self._store(), path)
            return value

    def row_index(self) -> RowIndex:
        """Return the index of all split rows, built once in a run for the stored `hashes/*`."""
        store = self._store()
        with as_dagster_failure():
            stored = tuple(store.require(["hashes", name]).version for name in SPLITS)
        if stored not in self._indexes:
            self._indexes.clear()
            self._indexes[stored] = RowIndex({name: self.table(["hashes", name]) for name in SPLITS})
        return self._indexes[stored]

    def previous_search(self, path: Sequence[str]) -> NearSearch | None:
        """Return the stored near search, None if there is none or it is damaged."""
        return NearSearchIOManager.load_search(self._store(), path)

    def _store(self) -> ValueStore:
        return self.settings.store()
