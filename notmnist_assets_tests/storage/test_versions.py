"""Versions of a value: the current and the previous one stay, equal versions in other bytes count up."""

import subprocess
import sys
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from notmnist_assets.storage.store import ValueStore
from notmnist_assets_tests.storage.values import KEY, KILLED, VERSIONS, read, write


def test_the_same_version_in_other_bytes_leaves_the_files_of_readers_alone(root: str) -> None:
    store = ValueStore(root)
    found = write(store, VERSIONS[0], b"one")
    write(store, VERSIONS[0], b"other")
    with store.open(KEY, found, "a.bin") as file:
        assert file.read() == b"one"
    assert read(store) == b"other"
    write(store, VERSIONS[0], b"third")
    assert read(store) == b"third"


def test_the_same_version_in_other_bytes_gets_the_next_number_and_the_previous_one_stays(root: str) -> None:
    store = ValueStore(root)
    values = [write(store, VERSIONS[0], data) for data in (b"one", b"two", b"three", b"two")]
    name = VERSIONS[0][:16]
    assert [value.folder for value in values] == [name, f"{name}-2", f"{name}-3", f"{name}-4"]
    filesystem, _ = fsspec.core.url_to_fs(root)
    assert [bool(filesystem.exists(store.file(KEY, value, "a.bin"))) for value in values] == [False, False, True, True]
    with store.open(KEY, values[2], "a.bin") as file:
        assert file.read() == b"three"


def test_a_killed_writer_loses_neither_the_current_nor_the_previous_version(tmp_path: Path) -> None:
    store = ValueStore(str(tmp_path))
    before, current = write(store, VERSIONS[0], b"one"), write(store, VERSIONS[0], b"two")
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), VERSIONS[0]], check=False)
    for stored, data in ((before, b"one"), (current, b"two")):
        with store.open(KEY, stored, "a.bin") as file:
            assert file.read() == data


def test_what_a_killed_first_writer_left_goes_when_the_value_is_stored(root: str) -> None:
    filesystem, base = fsspec.core.url_to_fs(root) if "://" in root else (LocalFileSystem(), root)
    folder = f"{base}/{'/'.join(KEY)}"
    for version in VERSIONS[:2]:
        filesystem.makedirs(f"{folder}/{version[:16]}", exist_ok=True)
        filesystem.pipe_file(f"{folder}/{version[:16]}/a.bin", b"half of it")
    store = ValueStore(root)
    stored = write(store, VERSIONS[0], b"whole")
    assert read(store) == b"whole"
    filesystem.invalidate_cache()
    assert {path.rsplit("/", 1)[-1] for path in filesystem.ls(folder, detail=False)} == {stored.folder, "value.json"}


def test_the_previous_version_stays_for_open_readers_and_older_ones_go(root: str) -> None:
    store = ValueStore(root)
    values = [write(store, version, version.encode()) for version in VERSIONS[:3]]
    filesystem, _ = fsspec.core.url_to_fs(root)
    present = [bool(filesystem.exists(store.file(KEY, value, "a.bin"))) for value in values]
    assert present == [False, True, True]
    assert read(store) == VERSIONS[2].encode()


def test_storing_the_same_value_again_keeps_the_previous_version(root: str) -> None:
    store = ValueStore(root)
    before = write(store, VERSIONS[0], b"before")
    write(store, VERSIONS[1], b"now")
    assert write(store, VERSIONS[1], b"now") == store.require(KEY)
    assert read(store) == b"now"
    with store.open(KEY, before, "a.bin") as file:
        assert file.read() == b"before"


def test_going_back_to_the_previous_version_keeps_both(root: str) -> None:
    store = ValueStore(root)
    _, before, _ = [write(store, version, version.encode()) for version in (VERSIONS[0], VERSIONS[1], VERSIONS[0])]
    assert read(store) == VERSIONS[0].encode()
    with store.open(KEY, before, "a.bin") as file:
        assert file.read() == VERSIONS[1].encode()


def test_only_version_folders_are_deleted(tmp_path: Path) -> None:
    store = ValueStore(str(tmp_path))
    write(store, VERSIONS[0], key=["letters", "small"])
    write(store, VERSIONS[0], key=["letters", "small", "A"])
    (tmp_path / "letters" / "small" / "notes").mkdir()
    for version in VERSIONS:
        write(store, version, key=["letters", "small"])
    assert store.find(["letters", "small", "A"]) is not None
    assert (tmp_path / "letters" / "small" / "notes").is_dir()
