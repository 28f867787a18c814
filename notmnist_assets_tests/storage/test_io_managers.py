"""Values are stored in open formats without pickle, and loaded with the same bits."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from notmnist_assets.assets import hashes
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.curation.duplicates.buckets import rows_of_buckets
from notmnist_assets.curation.duplicates.hashes import hash_table
from notmnist_assets.curation.duplicates.pair_table import NearSearch
from notmnist_assets.runs.lock import OneRun
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage import io_managers as stores
from notmnist_assets.storage import types, value_io
from notmnist_assets.storage.exported import ExportedFile
from notmnist_assets.storage.io_managers import NearSearchIOManager, io_managers
from notmnist_assets.storage.store import ValueStore
from notmnist_assets_tests.builders import letters_of, random_split

KEY = ["tests", "value"]
SETTINGS = SettingsResource()
RESOURCES: dict[str, Any] = {"settings": SETTINGS, **io_managers(SETTINGS, OneRun())}
LETTER = letters_of("small", [7] * 10)["C"]
SPLIT = random_split(30)
HASHES = hash_table(SPLIT)
HASHES_TYPE = hashes.HASHES["test"].dagster_type
DIGESTS = HASHES["exact"].to_numpy(object)
SEARCH = NearSearch(
    pd.DataFrame(
        {
            "exact_a": pd.Series(DIGESTS[:-1], dtype="str"),
            "exact_b": pd.Series(DIGESTS[1:], dtype="str"),
            "distance": np.arange(29) / 255,
            "rows_a": np.ones(29, np.int64),
            "rows_b": np.ones(29, np.int64),
        }
    ),
    pd.array(np.sort(DIGESTS), dtype="str"),
    radius=12.0,
    shifts=False,
    code_version="7",
)


def asset_of(make: Callable[[], Any], manager: str, kind: dg.DagsterType) -> dg.AssetsDefinition:
    @dg.asset(key=KEY, io_manager_key=manager, dagster_type=kind)
    def value() -> Any:
        return make()

    return value


def store(make: Callable[[], Any], manager: str, kind: dg.DagsterType) -> dg.ExecuteInProcessResult:
    return dg.materialize([asset_of(make, manager, kind)], resources=RESOURCES, raise_on_error=False)


def load(manager: str) -> Any:
    asset = asset_of(lambda: None, manager, types.SplitType)
    definitions = dg.Definitions([asset], resources=RESOURCES)
    with dg.DagsterInstance.ephemeral() as instance, definitions.get_asset_value_loader(instance) as loader:
        return loader.load_asset_value(KEY)


def files(values: Path) -> dict[str, Path]:
    return {path.name: path for path in (values / "tests" / "value").rglob("*") if path.is_file()}


@pytest.fixture(params=["local", "s3"])
def anywhere(request: pytest.FixtureRequest, values: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Storage on disk, and in an object store."""
    if request.param == "s3":
        monkeypatch.setenv("NOTMNIST_STORAGE", request.getfixturevalue("bucket"))


@pytest.mark.usefixtures("anywhere")
def test_letters_come_back_bit_by_bit() -> None:
    assert store(lambda: LETTER, "letters_io", types.LetterImagesType).success
    loaded = load("letters_io")
    assert fingerprint(loaded) == fingerprint(LETTER)
    assert np.array_equal(loaded.images, LETTER.images)
    assert loaded.names.tolist() == LETTER.names.tolist()
    pd.testing.assert_frame_equal(loaded.rejected, LETTER.rejected)


@pytest.mark.usefixtures("anywhere")
def test_splits_come_back_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_io, "IN_MEMORY", 1_000)
    assert store(lambda: SPLIT, "split_io", types.SplitType).success
    loaded = load("split_io")
    assert fingerprint(loaded) == fingerprint(SPLIT)
    assert np.array_equal(loaded.images, SPLIT.images)
    assert isinstance(loaded.images, np.memmap)
    assert loaded.labels.dtype == np.int32
    pd.testing.assert_frame_equal(loaded.sources, SPLIT.sources)


@pytest.mark.usefixtures("anywhere")
def test_tables_come_back_with_their_columns() -> None:
    assert store(lambda: HASHES, "table_io", HASHES_TYPE).success
    pd.testing.assert_frame_equal(load("table_io"), HASHES)


@pytest.mark.usefixtures("anywhere")
def test_hash_tables_come_back_from_their_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "rows_of_buckets", partial(rows_of_buckets, largest=10))
    assert store(lambda: HASHES, "hash_io", HASHES_TYPE).success
    pd.testing.assert_frame_equal(load("hash_io"), HASHES)


@pytest.mark.usefixtures("anywhere")
def test_archives_come_back_as_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "original.tar.gz"
    path.write_bytes(b"gzip, so to say")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    archive = Archive(str(path), path.stat().st_size, digest, "https://example.org/x.tar.gz")
    assert store(lambda: archive, "archive_io", types.ArchiveType).success
    path.unlink()
    loaded = load("archive_io")
    assert (loaded.bytes, loaded.sha256, loaded.origin) == (archive.bytes, archive.sha256, archive.origin)
    with loaded.open() as file:
        assert file.read() == b"gzip, so to say"


@pytest.mark.usefixtures("anywhere")
def test_shards_come_back_in_their_order(tmp_path: Path) -> None:
    shards = []
    for content in (b"one", b"another"):
        path = tmp_path / content.decode()
        path.write_bytes(content)
        shards.append(Archive(str(path), len(content), hashlib.sha256(content).hexdigest(), str(path)))
    archive = Archive.of_shards(shards, "pattern", "pattern")
    assert store(lambda: archive, "archive_io", types.ArchiveType).success
    loaded = load("archive_io")
    assert (loaded.bytes, loaded.sha256, loaded.origin) == (10, archive.sha256, "pattern")
    assert [shard.origin for shard in loaded.shards] == [shard.origin for shard in shards]
    assert [shard.open().read() for shard in loaded.shards] == [b"one", b"another"]


@pytest.mark.usefixtures("anywhere")
def test_exports_come_back_as_a_path() -> None:
    exported = ExportedFile("notMNIST.pickle", "ab" * 32, lambda file: _write(file, b"12345"))
    assert store(lambda: exported, "export_io", types.ExportedFileType).success
    path = load("export_io")
    assert path.name == "notMNIST.pickle"
    assert path.read_bytes() == b"12345"


def _write(file: Any, data: bytes) -> None:
    file.write(data)


def test_values_lie_below_storage_profile_and_key_in_plain_formats(values: Path) -> None:
    store(lambda: SPLIT, "split_io", types.SplitType)
    found = files(values)
    assert set(found) == {"value.json", "images.npy", "labels.npy", "sources.parquet"}
    assert found["value.json"].parent == values / "tests" / "value"
    assert found["images.npy"].parent.name == fingerprint(SPLIT)[:16]
    assert np.array_equal(np.load(found["images.npy"], allow_pickle=False), SPLIT.images)
    assert pd.read_parquet(found["sources.parquet"])["name"].tolist() == SPLIT.sources["name"].tolist()
    assert found["images.npy"].stat().st_size < SPLIT.images.nbytes + 256, "pixels stay one byte each"


@pytest.mark.usefixtures("values")
def test_local_tensors_are_memory_maps() -> None:
    store(lambda: SPLIT, "split_io", types.SplitType)
    assert isinstance(load("split_io").images, np.memmap)


@pytest.mark.usefixtures("values")
def test_metadata_describe_the_stored_files() -> None:
    result = store(lambda: SPLIT, "split_io", types.SplitType)
    (event,) = result.asset_materializations_for_node("tests__value")
    assert event.metadata["dagster/row_count"].value == len(SPLIT)
    assert event.metadata["stored_version"].value == fingerprint(SPLIT)
    assert int(str(event.metadata["dagster/size_bytes"].value)) > SPLIT.images.nbytes


@pytest.mark.parametrize("damage", ["images.npy", "sources.parquet"])
def test_damaged_bytes_of_the_right_size_are_an_error(values: Path, damage: str) -> None:
    store(lambda: SPLIT, "split_io", types.SplitType)
    path = files(values)[damage]
    path.write_bytes(b"\xff" * path.stat().st_size)
    with pytest.raises(dg.Failure, match="Materialize it again: notmnist run tests/value"):
        load("split_io")


@pytest.mark.usefixtures("values")
def test_a_value_that_was_never_stored_is_named_with_the_command_that_makes_it() -> None:
    with pytest.raises(dg.Failure, match=r"tests/value.*notmnist run"):
        load("split_io")


def test_an_archive_that_changes_while_it_is_copied_is_not_stored(values: Path, tmp_path: Path) -> None:
    path = tmp_path / "original.tar.gz"
    path.write_bytes(b"other bytes")
    archive = Archive(str(path), 11, hashlib.sha256(b"first bytes").hexdigest(), "a test")
    assert not store(lambda: archive, "archive_io", types.ArchiveType).success
    assert files(values) == {}


def store_search(search: NearSearch = SEARCH) -> str:
    """Store a search and return the version it got."""
    result = store(lambda: search, "near_io", types.NearSearchType)
    (event,) = result.asset_materializations_for_node("tests__value")
    return str(event.metadata["stored_version"].value)


def stored_search() -> NearSearch | None:
    return NearSearchIOManager.load_search(ValueStore(SettingsResource().storage_root()), KEY)


@pytest.mark.usefixtures("anywhere")
def test_a_stored_search_can_be_extended() -> None:
    assert stored_search() is None
    store_search()
    loaded = stored_search()
    assert loaded is not None
    pd.testing.assert_frame_equal(loaded.pairs, SEARCH.pairs)
    assert loaded.searched.tolist() == SEARCH.searched.tolist()
    assert (loaded.radius, loaded.shifts, loaded.code_version) == (12.0, False, "7")


@pytest.mark.usefixtures("values")
def test_searches_that_differ_in_anything_have_different_versions() -> None:
    others: dict[str, Any] = {
        "radius": 11.0,
        "shifts": True,
        "complete": 7.0,
        "searched": SEARCH.searched[1:],
        "pairs": SEARCH.pairs[1:],
    }
    versions = {store_search(replace(SEARCH, **{name: value})) for name, value in others.items()}
    assert len(versions | {store_search()}) == 6


@pytest.mark.parametrize("name", ["searched.parquet", "table.parquet"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"\xff" * len(data),
        lambda data: bytes(len(data)),
        lambda data: data[:-40] + bytes(36) + data[-4:],
        lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
        lambda data: data[:-1],
        lambda data: data.replace(b"exact", b"EXACT"),
    ],
    ids=["other bytes", "zeros", "a torn footer", "half", "a byte short", "other columns"],
)
def test_a_damaged_search_is_no_search(values: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    store_search()
    path = files(values)[name]
    path.write_bytes(damage(path.read_bytes()))
    assert stored_search() is None


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest["facts"].pop("radius"),
        lambda manifest: manifest["facts"].pop("code_version"),
        lambda manifest: manifest["facts"].update(shifts=True),
        lambda manifest: manifest.pop("files"),
        lambda manifest: manifest.update(facts=None),
    ],
    ids=["no radius", "no code version", "other shifts", "no files", "no facts"],
)
def test_a_search_whose_description_is_damaged_is_no_search(values: Path, change: Callable[[Any], Any]) -> None:
    store_search()
    described = files(values)["value.json"]
    manifest = json.loads(described.read_text())
    change(manifest)
    described.write_text(json.dumps(manifest))
    assert stored_search() is None
