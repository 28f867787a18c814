"""One IO manager per kind of value: its files, its version, and the metadata about it."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import dagster as dg
import pandas as pd
from upath import UPath

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.values import LetterImages, OtherFiles, Split
from notmnist_assets.curation.duplicates.buckets import (
    COLUMNS,
    DigestColumn,
    HashBuckets,
    Indices,
    LoadBucket,
    rows_of_buckets,
)
from notmnist_assets.curation.duplicates.pair_table import NearSearch
from notmnist_assets.metadata.display import table
from notmnist_assets.runs.lock import OneRun
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.archive_io import ArchiveIOManager
from notmnist_assets.storage.exported import ExportedFile, ExportedFolder
from notmnist_assets.storage.store import Manifest, ValueStore, WriteFile
from notmnist_assets.storage.value_io import (
    UNREADABLE_FILE,
    ValueIOManager,
    array_writer,
    explain_unreadable,
    load_array,
    load_columns,
    load_table,
    table_writer,
)


class LettersIOManager(ValueIOManager):
    """Stores the images of a letter as `images.npy`, memory-mapped when local; names and rejected files as Parquet."""

    @classmethod
    def _version(cls, value: LetterImages) -> str:
        return fingerprint(value)

    @classmethod
    def _files(cls, value: LetterImages) -> Mapping[str, WriteFile]:
        names = pd.DataFrame({"name": pd.Series(value.names, dtype="str")})
        return {
            "images.npy": array_writer(value.images),
            "names.parquet": table_writer(names),
            "rejected.parquet": table_writer(value.rejected),
        }

    @classmethod
    def _facts(cls, value: LetterImages) -> Mapping[str, Any]:
        others = {"outside": value.outside, "ignored": value.ignored}
        return {name: {"count": files.count, "examples": list(files.examples)} for name, files in others.items()}

    @classmethod
    def _metadata(cls, value: LetterImages) -> Mapping[str, Any]:
        return {"dagster/row_count": len(value)}

    @classmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: Manifest) -> LetterImages:
        return LetterImages(
            load_array(store, key, stored, "images.npy"),
            load_table(store, key, stored, "names.parquet")["name"].to_numpy(object),
            load_table(store, key, stored, "rejected.parquet"),
            *(_other_files(stored.facts, name) for name in ("outside", "ignored")),
        )


def _other_files(facts: Mapping[str, Any], name: str) -> OtherFiles:
    """Return files outside the letters; none for letters of earlier releases, which did not count them."""
    recorded = facts.get(name, {"count": 0, "examples": ()})
    return OtherFiles(recorded["count"], tuple(recorded["examples"]))


class SplitIOManager(ValueIOManager):
    """Stores a split as `images.npy` and `labels.npy`, memory-mapped when local, and its sources as Parquet."""

    @classmethod
    def _version(cls, value: Split) -> str:
        return fingerprint(value)

    @classmethod
    def _files(cls, value: Split) -> Mapping[str, WriteFile]:
        return {
            "images.npy": array_writer(value.images),
            "labels.npy": array_writer(value.labels),
            "sources.parquet": table_writer(value.sources),
        }

    @classmethod
    def _metadata(cls, value: Split) -> Mapping[str, Any]:
        return {"dagster/row_count": len(value)}

    @classmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: Manifest) -> Split:
        return Split(
            load_array(store, key, stored, "images.npy"),
            load_array(store, key, stored, "labels.npy"),
            load_table(store, key, stored, "sources.parquet"),
        )


class TableIOManager(ValueIOManager):
    """Stores a table: one Parquet file."""

    _FILE: ClassVar[str] = "table.parquet"

    @classmethod
    def _version(cls, value: pd.DataFrame) -> str:
        return fingerprint(value)

    @classmethod
    def _files(cls, value: pd.DataFrame) -> Mapping[str, WriteFile]:
        return {cls._FILE: table_writer(value)}

    @classmethod
    def _metadata(cls, value: pd.DataFrame) -> Mapping[str, Any]:
        return {"dagster/row_count": len(value)}

    @classmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: Manifest) -> pd.DataFrame:
        return load_table(store, key, stored, cls._FILE)


class HashTableIOManager(TableIOManager):
    """Stores the hash table of a split in buckets of rows by the first bits of each digest, one Parquet file each."""

    @classmethod
    def _files(cls, value: pd.DataFrame) -> Mapping[str, WriteFile]:
        files: dict[str, WriteFile] = {}
        for digest, columns in COLUMNS.items():
            table, buckets = value[list(columns)], rows_of_buckets(value[digest])
            for number, rows in enumerate(buckets):
                files[f"{digest}-{number:05}-of-{len(buckets):05}.parquet"] = _bucket_writer(table, rows)
        return files

    @classmethod
    def _facts(cls, value: pd.DataFrame) -> Mapping[str, Any]:
        return {"rows": len(value)}

    @classmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: Manifest) -> pd.DataFrame:
        return cls._buckets(store, key, stored).table()

    @classmethod
    def load_buckets(cls, store: ValueStore, key: Sequence[str]) -> HashBuckets:
        """Return the current hash table in buckets that are read, and compared with their digests, when needed.

        Raises:
            CurationError: nothing is stored, or the stored value is damaged.
        """
        with explain_unreadable(key):
            return cls._buckets(store, key, store.require(key))

    @classmethod
    def _buckets(cls, store: ValueStore, key: Sequence[str], stored: Manifest) -> HashBuckets:
        loads: dict[DigestColumn, list[LoadBucket]] = {
            digest: [
                partial(load_columns, store, key, stored, name)
                for name in sorted(stored.files)
                if name.startswith(f"{digest}-")
            ]
            for digest in COLUMNS
        }
        return HashBuckets(stored.facts["rows"], loads)


def _bucket_writer(table: pd.DataFrame, rows: Indices) -> WriteFile:
    return lambda file: table_writer(table.iloc[rows])(file)


class NearSearchIOManager(ValueIOManager):
    """Stores the table of near pairs and the digests of the searched images; an input is the table alone."""

    _FILE: ClassVar[str] = "table.parquet"
    _SEARCHED: ClassVar[str] = "searched.parquet"
    _COMPLETE: ClassVar[str] = "complete"

    @classmethod
    def _version(cls, value: NearSearch) -> str:
        searched = pd.DataFrame({"exact": pd.Series(value.searched, dtype="str")})
        parts = [fingerprint(value.pairs), fingerprint(searched), repr(value.radius), repr(value.shifts)]
        parts += [] if value.complete is None else [repr(value.complete)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @classmethod
    def _files(cls, value: NearSearch) -> Mapping[str, WriteFile]:
        searched = pd.DataFrame({"exact": pd.Series(value.searched, dtype="str")})
        return {cls._FILE: table_writer(value.pairs), cls._SEARCHED: table_writer(searched)}

    @classmethod
    def _facts(cls, value: NearSearch) -> Mapping[str, Any]:
        facts = {"radius": value.radius, "shifts": value.shifts, "code_version": value.code_version}
        return facts if value.complete is None else {**facts, cls._COMPLETE: value.complete}

    @classmethod
    def _metadata(cls, value: NearSearch) -> Mapping[str, Any]:
        return {"dagster/row_count": len(value.pairs)}

    @classmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: Manifest) -> pd.DataFrame:
        return load_table(store, key, stored, cls._FILE)

    @classmethod
    def complete_radius(cls, stored: Manifest) -> float:
        """Return the radius up to which no pair is missing."""
        return float(stored.facts.get(cls._COMPLETE, stored.facts["radius"]))

    @classmethod
    def load_search(cls, store: ValueStore, key: Sequence[str]) -> NearSearch | None:
        """Return the stored search with its searched images; None if nothing is stored or it is damaged."""
        try:
            stored = store.find(key)
            if stored is None:
                return None
            searched = load_table(store, key, stored, cls._SEARCHED)["exact"].array
            facts = {name: stored.facts[name] for name in ("radius", "shifts", "code_version")}
            return NearSearch(
                cls._load(store, key, stored), searched, complete=stored.facts.get(cls._COMPLETE), **facts
            )
        except (CurationError, *UNREADABLE_FILE):
            return None


class ExportIOManager(ValueIOManager):
    """Stores files for other programs; an input is the path of the file, or of the folder."""

    @classmethod
    def _version(cls, value: ExportedFile | ExportedFolder) -> str:
        return value.version

    @classmethod
    def _files(cls, value: ExportedFile | ExportedFolder) -> Mapping[str, WriteFile]:
        return value.files

    @classmethod
    def _file_metadata(cls, uris: Mapping[str, str], sizes: Mapping[str, int]) -> Mapping[str, Any]:
        """Return the files as a table; a single file also as a link or path."""
        files = pd.DataFrame({"file": list(sizes), "bytes": list(sizes.values())})
        if len(uris) > 1:
            return {"files": table(files)}
        (uri,) = uris.values()
        return {
            "files": table(files),
            "file": dg.MetadataValue.url(uri) if "://" in uri else dg.MetadataValue.path(uri),
        }

    @classmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: Manifest) -> UPath:
        store.verify(key, stored)
        only_file = next(iter(stored.files)) if len(stored.files) == 1 else None
        return UPath(store.uri(key, stored, only_file))


def io_managers(settings: SettingsResource, one_run: OneRun) -> dict[str, ValueIOManager]:
    """Return the IO managers by resource key; all write to the storage of the run's settings."""
    shared: dict[str, Any] = {"settings": settings, "one_run": one_run}
    return {
        "archive_io": ArchiveIOManager(**shared),
        "letters_io": LettersIOManager(**shared),
        "split_io": SplitIOManager(**shared),
        "table_io": TableIOManager(**shared),
        "hash_io": HashTableIOManager(**shared),
        "near_io": NearSearchIOManager(**shared),
        "export_io": ExportIOManager(**shared),
    }
