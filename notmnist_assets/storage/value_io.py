"""The base class of the IO managers and their file formats: NumPy for arrays, Parquet for tables, no pickle."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
import numpy.typing as npt
import pandas as pd
from pyarrow.lib import ArrowException

from notmnist_assets.curation.core.mapped_tables import ROWS, read_table
from notmnist_assets.curation.core.npy import map_npy, map_open_npy, read_npy, write_npy
from notmnist_assets.curation.summaries.text import outside_text, with_first_line
from notmnist_assets.metadata.display import SUMMARY
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.runs.lock import OneRun
from notmnist_assets.settings.recorded import MADE_WITH, own_settings, settings_to_record
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.settings.values import RUN_SETTINGS, in_words, run_settings, setting_values
from notmnist_assets.storage.filesystem import IN_MEMORY
from notmnist_assets.storage.store import Manifest, ValueStore, WriteFile, damage_error

if TYPE_CHECKING:
    import pyarrow as pa

UNREADABLE_FILE: Final = (ValueError, TypeError, LookupError, OSError, ArrowException)
"""Errors that NumPy, pyarrow and the value classes raise for files of another release."""


def open_store(settings: SettingsResource) -> ValueStore:
    """Return the store of the run's profile.

    Raises:
        dagster.Failure: a setting has a value that is not allowed, or its storage does not exist.
    """
    with as_dagster_failure():
        return ValueStore(settings.storage_root())


class ValueIOManager(dg.ConfigurableIOManager):
    """Stores one kind of value under the asset's key; each subclass defines its files, facts and metadata.

    Attributes:
        settings: the settings of the run, which include the storage.
        one_run: the lock that allows one run at a time to store values.
    """

    settings: dg.ResourceDependency[SettingsResource]
    one_run: dg.ResourceDependency[OneRun]

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Store the value atomically and record metadata about the stored files."""
        key = context.asset_key.path
        config = self.settings.read()
        store = open_store(self.settings)
        declared = context.definition_metadata or {}
        lineage = declared.get("dagster/column_lineage")
        files = self._files(obj)
        recorded = setting_values(settings_to_record(declared), config)
        own = {name: recorded[name] for name in own_settings(declared)}
        with as_dagster_failure():
            specific = run_settings({**_inherited(store, context.asset_spec), **own})
        facts = {**self._facts(obj), **({RUN_SETTINGS: specific} if specific else {})}
        with as_dagster_failure():
            stored = store.write(key, self._version(obj), files, facts)
        summary = (context.output_metadata or {}).get(SUMMARY)
        context.add_output_metadata(
            {
                **({SUMMARY: with_run_settings(summary, specific)} if specific and summary is not None else {}),
                "dagster/uri": store.uri(key, stored),
                "dagster/size_bytes": stored.bytes,
                "stored_version": stored.version,
                MADE_WITH: dg.MetadataValue.json(recorded),
                **({"dagster/column_lineage": lineage} if lineage else {}),
                **self._metadata(obj),
                **self._file_metadata({name: store.uri(key, stored, name) for name in stored.files}, stored.files),
            }
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """Load the current value of an upstream asset."""
        with as_dagster_failure():
            return self.load(open_store(self.settings), context.asset_key.path)

    @classmethod
    def load(cls, store: ValueStore, key: Sequence[str]) -> Any:
        """Return the current value under a key.

        Raises:
            CurationError: nothing is stored, or the stored value is damaged; the remedy names the command that
                materializes the asset.
        """
        with explain_unreadable(key):
            return cls._load(store, key, store.require(key))

    @classmethod
    @abstractmethod
    def _version(cls, value: Any) -> str:
        """Return the identity of the value's content, hexadecimal."""

    @classmethod
    @abstractmethod
    def _files(cls, value: Any) -> Mapping[str, WriteFile]:
        """Return the function that writes each file of the value, by file name."""

    @classmethod
    def _facts(cls, value: Any) -> Mapping[str, Any]:  # noqa: ARG003
        """Return JSON values to store beside the files."""
        return {}

    @classmethod
    def _metadata(cls, value: Any) -> Mapping[str, Any]:  # noqa: ARG003
        """Return metadata of the value."""
        return {}

    @classmethod
    def _file_metadata(cls, uris: Mapping[str, str], sizes: Mapping[str, int]) -> Mapping[str, Any]:  # noqa: ARG003
        """Return metadata of the stored files, given the URI and the size in bytes of each by name."""
        return {}

    @classmethod
    @abstractmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: Manifest) -> Any:
        """Return the value from the files that `_files` wrote."""


@contextmanager
def explain_unreadable(key: Sequence[str]) -> Iterator[None]:
    """Raise a CurationError for files that are stored as they were written, but by another release."""
    try:
        yield
    except UNREADABLE_FILE as error:
        raise damage_error(
            key, "its stored files are unchanged, but the installed packages cannot read them."
        ) from error


def _inherited(store: ValueStore, spec: dg.AssetSpec) -> dict[str, Any]:
    """Return the settings that only the runs of the stored inputs had, whichever runs these were."""
    of_inputs = (store.facts(dep.asset_key.path).get(RUN_SETTINGS, {}) for dep in spec.deps)
    return {name: value for settings in of_inputs for name, value in settings.items()}


def with_run_settings(summary: Any, specific: Mapping[str, Any]) -> dg.MarkdownMetadataValue:
    """Return a summary that begins with the settings that only the runs of this value and of its inputs had."""
    return dg.MetadataValue.md(
        with_first_line(
            str(summary.value if isinstance(summary, dg.MarkdownMetadataValue) else summary),
            f"**Made with settings of one run only**: {outside_text(in_words(specific))}. `load_split` and everything"
            " downstream get this value until `notmnist run` replaces it.",
        )
    )


def array_writer(values: npt.NDArray[Any]) -> WriteFile:
    """Return the function that writes an array as `.npy`."""
    return lambda file: write_npy(values, file)


def table_writer(table: pd.DataFrame) -> WriteFile:
    """Return the function that writes a table as Parquet."""
    return lambda file: table.to_parquet(file, engine="pyarrow", compression="zstd", index=False, row_group_size=ROWS)


def load_array(store: ValueStore, key: Sequence[str], stored: Manifest, name: str) -> npt.NDArray[Any]:
    """Return a stored array as a memory map; if the store is remote, in memory, or mapped from a temporary file."""
    if store.is_local:
        return map_npy(store.verified_file(key, stored, name))
    with store.open(key, stored, name) as file:
        return read_npy(file) if stored.files[name] <= IN_MEMORY else map_open_npy(file)


def load_table(store: ValueStore, key: Sequence[str], stored: Manifest, name: str) -> pd.DataFrame:
    """Return a stored table, mapped from temporary files if it is large."""
    with store.open(key, stored, name) as file:
        return read_table(file)


def load_columns(
    store: ValueStore, key: Sequence[str], stored: Manifest, name: str, columns: Sequence[str]
) -> "pa.Table":
    """Return some columns of a stored table."""
    import pyarrow.parquet as pq

    with store.open(key, stored, name) as file:
        return pq.read_table(file, columns=list(columns))
