"""One IO manager per kind of value: its files, its version, and the metadata about it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, ClassVar

import dagster as dg
import pandas as pd
from upath import UPath
from xxhash import xxh3_128

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.npy import PIECE_BYTES
from notmnist_assets.curation.core.values import Archive, LetterImages, OtherFiles, Split
from notmnist_assets.curation.duplicates.pair_table import NearSearch
from notmnist_assets.metadata.display import table
from notmnist_assets.runs.lock import OneRun
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.exported import ExportedFile, ExportedFolder
from notmnist_assets.storage.store import Manifest, ValueStore, WriteFile
from notmnist_assets.storage.value_io import (
    UNREADABLE_FILE,
    ValueIOManager,
    array_writer,
    load_array,
    load_table,
    table_writer,
)


class ArchiveIOManager(ValueIOManager):
    """Stores an archive: the verified `.tar.gz` itself, or each of its shards."""

    _FILE: ClassVar[str] = "archive.tar.gz"

    @classmethod
    def _version(cls, value: Archive) -> str:
        return value.sha256

    @classmethod
    def _files(cls, value: Archive) -> Mapping[str, WriteFile]:
        if value.shards:
            return {_shard_name(number): _archive_writer(shard) for number, shard in enumerate(value.shards)}
        return {cls._FILE: _archive_writer(value)}

    @classmethod
    def _facts(cls, value: Archive) -> Mapping[str, Any]:
        facts = {"sha256": value.sha256, "origin": value.origin}
        return {**facts, "shards": [cls._facts(shard) for shard in value.shards]} if value.shards else facts

    @classmethod
    def _load(cls, store: ValueStore, key: Sequence[str], stored: Manifest) -> Archive:
        if store.is_local:  # from a remote store this would download it twice: the reader compares its xxh3-128
            store.verify(key, stored)

        def load(name: str, facts: Mapping[str, Any]) -> Archive:
            uri = store.uri(key, stored, name)
            return Archive(uri, stored.files[name], facts["sha256"], facts["origin"], stored.digests[name])

        if "shards" not in stored.facts:
            return load(cls._FILE, stored.facts)
        shards = [load(_shard_name(number), facts) for number, facts in enumerate(stored.facts["shards"])]
        return Archive.of_shards(shards, store.uri(key, stored), stored.facts["origin"])


def _shard_name(number: int) -> str:
    return f"shard-{number:05}.tar.gz"


def _archive_writer(archive: Archive) -> WriteFile:
    """Return the function that copies an archive without shards, and raises CurationError if it has changed."""

    def write(file: BinaryIO) -> None:
        digest, expected = (xxh3_128(), archive.xxh3) if archive.xxh3 else (hashlib.sha256(), archive.sha256)
        for block in _blocks(archive):
            digest.update(block)
            file.write(block)
        if digest.hexdigest() != expected:
            raise CurationError(
                "the file changed after it was verified.", subject=archive.uri, remedy="Start the run again."
            )

    return write


def _blocks(archive: Archive) -> Iterator[bytes]:
    """Yield the bytes of an archive; an error of reading it is not reported as an error of writing the storage."""
    try:
        with archive.open() as source:
            while block := source.read(PIECE_BYTES):
                yield block
    except OSError as error:
        raise CurationError(
            f"the archive cannot be read: {error}.", subject=archive.uri, remedy="Start the run again."
        ) from error


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
        "near_io": NearSearchIOManager(**shared),
        "export_io": ExportIOManager(**shared),
    }
