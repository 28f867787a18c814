"""Typed storage of asset values: NumPy files for tensors, Parquet for tables, never a pickle that is loaded.

Belongs here: what each value looks like as files, and the metadata that storing adds. Atomic writing and naming
are in `storage`.
"""

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, ClassVar, Final

import dagster as dg
import numpy.typing as npt
import pandas as pd
from pyarrow.lib import ArrowException
from upath import UPath

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.npy import PIECE_BYTES, map_npy, read_npy, write_npy
from notmnist_assets.curation.core.values import Archive, LetterImages, Split
from notmnist_assets.curation.duplicates.pair_table import NearSearch
from notmnist_assets.metadata.display import table
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.runs.lock import OneRun
from notmnist_assets.settings.recorded import MADE_WITH, current_settings
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.exported import ExportedFile, ExportedFolder
from notmnist_assets.storage.store import StoredValue, ValueStore, WriteFile, damaged

_UNREADABLE: Final = (ValueError, TypeError, LookupError, OSError, ArrowException)
"""What NumPy, pyarrow and the values raise over files of another release of theirs or ours."""


def open_store(settings: SettingsResource) -> ValueStore:
    """Return the store of the run's profile.

    Raises:
        dagster.Failure: a setting has a value that is not allowed, or its storage does not exist.
    """
    with as_dagster_failure():
        return ValueStore(settings.storage_root())


class ValueIOManager(dg.ConfigurableIOManager):
    """Stores one kind of value under the asset's key; subclasses say which files and facts it consists of.

    Attributes:
        settings: name the storage.
        one_run: lets one run at a time store values.
    """

    settings: dg.ResourceDependency[SettingsResource]
    one_run: dg.ResourceDependency[OneRun]

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Store the value atomically and describe what was stored."""
        key = context.asset_key.path
        chosen = self.settings.read()
        store = open_store(self.settings)
        declared = context.definition_metadata or {}
        lineage = declared.get("dagster/column_lineage")
        files = self._files(obj)
        with as_dagster_failure():
            stored = store.write(key, self._version(obj), files, self._facts(obj))
        context.add_output_metadata(
            {
                "dagster/uri": store.uri(key, stored),
                "dagster/size_bytes": stored.bytes,
                "stored_version": stored.version,
                MADE_WITH: dg.MetadataValue.json(current_settings(declared, MADE_WITH, chosen)),
                **({"dagster/column_lineage": lineage} if lineage else {}),
                **self._metadata(obj),
                **self._places({name: store.uri(key, stored, name) for name in stored.files}, stored.files),
            }
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """Load the current value; an asset that was never stored is named together with what builds it."""
        with as_dagster_failure():
            return self.load(open_store(self.settings), context.asset_key.path)

    @classmethod
    def load(cls, store: ValueStore, key: Sequence[str]) -> Any:
        """Return the current value under a key.

        Raises:
            CurationError: there is none, or it is damaged.
        """
        stored = store.require(key)
        try:
            return cls._load(store, key, stored)
        except _UNREADABLE as error:
            raise damaged(
                key, "the stored files are those that were written, but the installed packages cannot read them."
            ) from error

    @classmethod
    @abstractmethod
    def _version(cls, value: Any) -> str:
        """Return the identity of the value's content, hexadecimal."""

    @classmethod
    @abstractmethod
    def _files(cls, value: Any) -> Mapping[str, WriteFile]:
        """Return what writes each file of the value."""

    @classmethod
    def _facts(cls, value: Any) -> Mapping[str, Any]:  # noqa: ARG003
        """Return JSON values to be stored beside the files."""
        return {}

    @classmethod
    def _metadata(cls, value: Any) -> Mapping[str, Any]:  # noqa: ARG003
        return {}

    @classmethod
    def _places(cls, uris: Mapping[str, str], sizes: Mapping[str, int]) -> Mapping[str, Any]:  # noqa: ARG003
        """Return what is told of the stored files, given URI and size by name."""
        return {}

    @classmethod
    @abstractmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: StoredValue) -> Any:
        """Return the value that `_files` wrote."""


class ArchiveIOManager(ValueIOManager):
    """Stores an archive: the verified `.tar.gz` itself."""

    _FILE: ClassVar[str] = "archive.tar.gz"

    @classmethod
    def _version(cls, value: Archive) -> str:
        return value.sha256

    @classmethod
    def _files(cls, value: Archive) -> Mapping[str, WriteFile]:
        def write(file: BinaryIO) -> None:
            digest = hashlib.sha256()
            for block in _blocks(value):
                digest.update(block)
                file.write(block)
            if digest.hexdigest() != value.sha256:
                raise CurationError(
                    "the file changed after it was verified.", subject=value.uri, remedy="Start the run again."
                )

        return {cls._FILE: write}

    @classmethod
    def _facts(cls, value: Archive) -> Mapping[str, Any]:
        return {"sha256": value.sha256, "origin": value.origin}

    @classmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: StoredValue) -> Archive:
        if store.is_local:  # elsewhere that would be a second download: whoever reads it compares its SHA-256
            store.verify(key, stored)
        return Archive(
            uri=store.uri(key, stored, cls._FILE),
            bytes=stored.files[cls._FILE],
            sha256=stored.facts["sha256"],
            origin=stored.facts["origin"],
        )


def _blocks(archive: Archive) -> Iterator[bytes]:
    """Yield the bytes of an archive; that it cannot be read is not taken for a storage that cannot be written."""
    try:
        with archive.open() as source:
            while block := source.read(PIECE_BYTES):
                yield block
    except OSError as error:
        raise CurationError(
            f"the archive cannot be read: {error}.", subject=archive.uri, remedy="Start the run again."
        ) from error


class LettersIOManager(ValueIOManager):
    """Stores a letter: `images.npy`, memory-mapped when local, and Parquet for names and rejected files."""

    @classmethod
    def _version(cls, value: LetterImages) -> str:
        return fingerprint(value)

    @classmethod
    def _files(cls, value: LetterImages) -> Mapping[str, WriteFile]:
        names = pd.DataFrame({"name": pd.Series(value.names, dtype="str")})
        return {
            "images.npy": _array_writer(value.images),
            "names.parquet": _table_writer(names),
            "rejected.parquet": _table_writer(value.rejected),
        }

    @classmethod
    def _metadata(cls, value: LetterImages) -> Mapping[str, Any]:
        return {"dagster/row_count": len(value)}

    @classmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: StoredValue) -> LetterImages:
        return LetterImages(
            _load_array(store, key, stored, "images.npy"),
            _load_table(store, key, stored, "names.parquet")["name"].to_numpy(object),
            _load_table(store, key, stored, "rejected.parquet"),
        )


class SplitIOManager(ValueIOManager):
    """Stores a split: `images.npy` and `labels.npy`, memory-mapped when local, and Parquet for the sources."""

    @classmethod
    def _version(cls, value: Split) -> str:
        return fingerprint(value)

    @classmethod
    def _files(cls, value: Split) -> Mapping[str, WriteFile]:
        return {
            "images.npy": _array_writer(value.images),
            "labels.npy": _array_writer(value.labels),
            "sources.parquet": _table_writer(value.sources),
        }

    @classmethod
    def _metadata(cls, value: Split) -> Mapping[str, Any]:
        return {"dagster/row_count": len(value)}

    @classmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: StoredValue) -> Split:
        return Split(
            _load_array(store, key, stored, "images.npy"),
            _load_array(store, key, stored, "labels.npy"),
            _load_table(store, key, stored, "sources.parquet"),
        )


class TableIOManager(ValueIOManager):
    """Stores a table: one Parquet file."""

    _FILE: ClassVar[str] = "table.parquet"

    @classmethod
    def _version(cls, value: pd.DataFrame) -> str:
        return fingerprint(value)

    @classmethod
    def _files(cls, value: pd.DataFrame) -> Mapping[str, WriteFile]:
        return {cls._FILE: _table_writer(value)}

    @classmethod
    def _metadata(cls, value: pd.DataFrame) -> Mapping[str, Any]:
        return {"dagster/row_count": len(value)}

    @classmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: StoredValue) -> pd.DataFrame:
        return _load_table(store, key, stored, cls._FILE)


class NearSearchIOManager(ValueIOManager):
    """Stores the table of near pairs, and which images were searched; loading as an input gives the table alone."""

    _FILE: ClassVar[str] = "table.parquet"
    _SEARCHED: ClassVar[str] = "searched.parquet"

    @classmethod
    def _version(cls, value: NearSearch) -> str:
        searched = pd.DataFrame({"exact": pd.Series(value.searched, dtype="str")})
        parts = (fingerprint(value.pairs), fingerprint(searched), repr(value.radius), repr(value.shifts))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @classmethod
    def _files(cls, value: NearSearch) -> Mapping[str, WriteFile]:
        searched = pd.DataFrame({"exact": pd.Series(value.searched, dtype="str")})
        return {cls._FILE: _table_writer(value.pairs), cls._SEARCHED: _table_writer(searched)}

    @classmethod
    def _facts(cls, value: NearSearch) -> Mapping[str, Any]:
        return {"radius": value.radius, "shifts": value.shifts, "code_version": value.code_version}

    @classmethod
    def _metadata(cls, value: NearSearch) -> Mapping[str, Any]:
        return {"dagster/row_count": len(value.pairs)}

    @classmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: StoredValue) -> pd.DataFrame:
        return _load_table(store, key, stored, cls._FILE)

    @classmethod
    def load_search(cls, store: ValueStore, key: Sequence[str]) -> NearSearch | None:
        """Return the whole stored search, None when there is none or it is damaged: it can be made anew."""
        try:
            stored = store.find(key)
            if stored is None:
                return None
            searched = _load_table(store, key, stored, cls._SEARCHED)["exact"].to_numpy(object)
            facts = (stored.facts[name] for name in ("radius", "shifts", "code_version"))
            return NearSearch(cls._load(store, key, stored), searched, *facts)
        except (CurationError, *_UNREADABLE):
            return None


class ExportIOManager(ValueIOManager):
    """Stores files for other programs; loading gives the path of the file, or of the folder."""

    @classmethod
    def _version(cls, value: ExportedFile | ExportedFolder) -> str:
        return value.version

    @classmethod
    def _files(cls, value: ExportedFile | ExportedFolder) -> Mapping[str, WriteFile]:
        return value.files

    @classmethod
    def _places(cls, uris: Mapping[str, str], sizes: Mapping[str, int]) -> Mapping[str, Any]:
        """Return the files as a table; a single one also as what the UI links or copies."""
        files = pd.DataFrame({"file": list(sizes), "bytes": list(sizes.values())})
        if len(uris) > 1:
            return {"files": table(files)}
        (uri,) = uris.values()
        return {
            "files": table(files),
            "file": dg.MetadataValue.url(uri) if "://" in uri else dg.MetadataValue.path(uri),
        }

    @classmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: StoredValue) -> UPath:
        store.verify(key, stored)
        only_file = next(iter(stored.files)) if len(stored.files) == 1 else None
        return UPath(store.uri(key, stored, only_file))


def _array_writer(values: npt.NDArray[Any]) -> WriteFile:
    return lambda file: write_npy(values, file)


def _table_writer(table: pd.DataFrame) -> WriteFile:
    return lambda file: table.to_parquet(file, engine="pyarrow", compression="zstd", index=False)


def _load_array(store: ValueStore, key: Sequence[str], stored: StoredValue, name: str) -> npt.NDArray[Any]:
    """Return a memory map when the file is local, an array in memory elsewhere."""
    if store.is_local:
        return map_npy(store.verified_file(key, stored, name))
    with store.open(key, stored, name) as file:
        return read_npy(file)


def _load_table(store: ValueStore, key: Sequence[str], stored: StoredValue, name: str) -> pd.DataFrame:
    with store.open(key, stored, name) as file:
        return pd.read_parquet(file, engine="pyarrow")


def io_managers(settings: SettingsResource, one_run: OneRun) -> dict[str, ValueIOManager]:
    """Return the IO managers by resource key; all store where the settings of the run say."""
    shared: dict[str, Any] = {"settings": settings, "one_run": one_run}
    return {
        "archive_io": ArchiveIOManager(**shared),
        "letters_io": LettersIOManager(**shared),
        "split_io": SplitIOManager(**shared),
        "table_io": TableIOManager(**shared),
        "near_io": NearSearchIOManager(**shared),
        "export_io": ExportIOManager(**shared),
    }
