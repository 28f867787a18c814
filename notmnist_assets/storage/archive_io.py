"""The IO manager of archives, which copies their files."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, ClassVar

from xxhash import xxh3_128

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.npy import PIECE_BYTES
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.storage.store import Manifest, ValueStore, WriteFile
from notmnist_assets.storage.value_io import ValueIOManager


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
