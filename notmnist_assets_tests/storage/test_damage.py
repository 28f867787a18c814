"""A stored file with one changed byte is never read, on disk and in an object store."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
import pytest

from notmnist_assets.cli.export import ExportName, deliver
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.duplicates.hashes import hash_table
from notmnist_assets.storage.io_managers import (
    ExportIOManager,
    HashTableIOManager,
    LettersIOManager,
    SplitIOManager,
)
from notmnist_assets.storage.store import Manifest, ValueStore
from notmnist_assets.storage.value_io import ValueIOManager
from notmnist_assets_tests.builders import letters_of, random_split

FLIPS = 300
SPLIT = random_split(40)
VALUES: dict[str, tuple[type[ValueIOManager], Any]] = {
    "letters/small/C": (LettersIOManager, letters_of("small", [7] * 10)["C"]),
    "splits/test": (SplitIOManager, SPLIT),
    "hashes/test": (HashTableIOManager, hash_table(SPLIT)),
}
FILES = [
    ("letters/small/C", "images.npy"),
    ("letters/small/C", "names.parquet"),
    ("letters/small/C", "rejected.parquet"),
    ("splits/test", "images.npy"),
    ("splits/test", "labels.npy"),
    ("splits/test", "sources.parquet"),
    ("hashes/test", "exact-00000-of-00001.parquet"),
    ("hashes/test", "cells-00000-of-00001.parquet"),
    ("splits/test", "value.json"),
]


def store_value(store: ValueStore, key: str) -> Manifest:
    manager, value = VALUES[key]
    return store.write(key.split("/"), "ab" * 32, manager._files(value), {"rows": len(value), "share": 0.25})


def path_of(store: ValueStore, key: str, stored: Manifest, name: str) -> str:
    path = store.file(key.split("/"), stored, name)
    return path.replace(f"{stored.folder}/{name}", name) if name == "value.json" else path


def flip(data: bytes, randomly: random.Random) -> bytes:
    place = randomly.randrange(len(data))
    changed = bytearray(data)
    changed[place] ^= randomly.randrange(1, 256)
    return bytes(changed)


def refusal(read: Callable[[], Any]) -> CurationError | None:
    try:
        read()
    except CurationError as error:
        return error
    return None


@pytest.mark.parametrize(("key", "name"), FILES)
def test_no_flipped_byte_is_accepted(tmp_path: Path, key: str, name: str) -> None:
    store = ValueStore(str(tmp_path))
    manager, _ = VALUES[key]
    stored = store_value(store, key)
    path = Path(path_of(store, key, stored, name))
    intact, randomly = path.read_bytes(), random.Random(f"{key}/{name}")  # noqa: S311
    accepted = 0
    for _ in range(FLIPS):
        path.write_bytes(flip(intact, randomly))
        error = refusal(lambda: manager.load(store, key.split("/")))
        if error is None:
            accepted += 1
            assert name == "value.json"
            assert store.require(key.split("/")) == stored, "only white space may have changed"
        else:
            assert error.subject == key
            assert error.remedy.startswith(f"Materialize it again: notmnist run {key}")
    assert accepted < FLIPS / 5
    path.write_bytes(intact)
    manager.load(store, key.split("/"))


@pytest.mark.parametrize(("key", "name"), FILES)
def test_no_flipped_byte_is_accepted_from_an_object_store(bucket: str, key: str, name: str) -> None:
    store = ValueStore(bucket)
    manager, _ = VALUES[key]
    stored = store_value(store, key)
    path = path_of(store, key, stored, name)
    filesystem, _ = fsspec.core.url_to_fs(bucket, skip_instance_cache=True, use_listings_cache=False)
    intact, randomly = filesystem.cat_file(path), random.Random(f"{key}/{name}")  # noqa: S311
    for _ in range(5):
        filesystem.pipe_file(path, flip(intact, randomly))
        error = refusal(lambda: manager.load(store, key.split("/")))
        if error is None:
            assert name == "value.json"
            assert store.require(key.split("/")) == stored, "only white space may have changed"
        else:
            assert error.subject == key
    filesystem.pipe_file(path, intact)
    manager.load(store, key.split("/"))


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "values") if request.param == "local" else request.getfixturevalue("bucket")


def put(data: bytes, file: BinaryIO) -> None:
    file.write(data)


@pytest.mark.parametrize(
    "read",
    [
        lambda store, _key, out: deliver(store, ExportName.IDX, out / "copy"),
        lambda store, key, _out: ExportIOManager.load(store, key),
    ],
    ids=["copied", "handed out as a path"],
)
def test_a_damaged_export_is_neither_copied_nor_loaded(
    root: str, tmp_path: Path, read: Callable[[ValueStore, Sequence[str], Path], Any]
) -> None:
    store, key = ValueStore(root), ["exports", "idx"]
    contents = {"one.gz": b"1" * 100, "two.gz": b"2" * 100}
    stored = store.write(key, "ab" * 32, {name: partial(put, data) for name, data in contents.items()}, {})
    filesystem, _ = fsspec.core.url_to_fs(root, skip_instance_cache=True)
    filesystem.pipe_file(store.file(key, stored, "two.gz"), b"2" * 50 + b"3" + b"2" * 49)
    with pytest.raises(CurationError, match=r"two\.gz differ from those.* notmnist run exports/idx"):
        read(store, key, tmp_path)
    assert not (tmp_path / "copy").exists()
    assert not list(tmp_path.glob(".exporting-*"))
