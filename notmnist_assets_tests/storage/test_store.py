"""A stored value is complete or absent, whatever ends its writer."""

import signal
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest
import xxhash

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.storage.store import StorageUnusableError, ValueStore
from notmnist_assets_tests.storage.values import KEY, KILLED, VERSIONS, break_off, files_below, put, read, write


def test_a_value_comes_back_with_its_sizes_and_facts(root: str) -> None:
    written = ValueStore(root).write(KEY, VERSIONS[0], {"a.bin": lambda file: put(file, b"12345")}, {"rows": 3})
    store = ValueStore(root)
    found = store.require(KEY)
    assert found == written
    assert (found.version, found.files, found.facts) == (VERSIONS[0], {"a.bin": 5}, {"rows": 3})
    assert found.digests == {"a.bin": xxhash.xxh3_128_hexdigest(b"12345")}
    assert found.bytes == 5
    assert read(store) == b"12345"


def test_keys_keep_values_apart(root: str) -> None:
    store = ValueStore(root)
    write(store, VERSIONS[0], b"one", ["splits", "test"])
    write(store, VERSIONS[0], b"two", ["sanitized", "test"])
    write(store, VERSIONS[0], b"three", ["splits"])
    assert read(store, key=["splits", "test"]) == b"one"
    assert read(store, key=["sanitized", "test"]) == b"two"
    assert read(store, key=["splits"]) == b"three"


def test_a_missing_value_is_an_error_with_the_command_that_materializes_it(root: str) -> None:
    assert ValueStore(root).find(KEY) is None
    with pytest.raises(CurationError, match="notmnist run") as caught:
        ValueStore(root).require(KEY)
    assert caught.value.subject == "splits/test"


@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[1]], ids=["same version", "new version"])
def test_a_writer_that_breaks_off_leaves_the_last_good_value(root: str, version: str) -> None:
    store = ValueStore(root)
    write(store, VERSIONS[0], b"good")
    with pytest.raises(RuntimeError):
        store.write(KEY, version, {"a.bin": lambda file: put(file, b"good"), "b.bin": break_off}, {})
    assert ValueStore(root).require(KEY).version == VERSIONS[0]
    assert read(store, "a.bin") == b"good"
    assert read(store, "b.bin") == b"b"


def test_a_first_writer_that_breaks_off_leaves_nothing(root: str) -> None:
    store = ValueStore(root)
    with pytest.raises(RuntimeError):
        store.write(KEY, VERSIONS[0], {"a.bin": break_off}, {})
    assert store.find(KEY) is None


@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[1]], ids=["same version", "new version"])
def test_a_killed_process_leaves_the_last_good_value_and_no_half_file(tmp_path: Path, version: str) -> None:
    store = ValueStore(str(tmp_path))
    write(store, VERSIONS[0], b"new")
    before = files_below(tmp_path)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), version], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert ValueStore(str(tmp_path)).require(KEY).version == VERSIONS[0]
    assert read(store, "b.bin") == b"b"
    leftover = files_below(tmp_path) - before
    assert leftover
    assert all("/.writing-" in name for name in leftover)
    write(store, version, b"new")
    assert not any(".writing-" in name for name in files_below(tmp_path))


def test_a_process_killed_while_it_stores_the_same_version_in_other_bytes_leaves_the_value_readable(
    tmp_path: Path,
) -> None:
    store = ValueStore(str(tmp_path))
    before = write(store, VERSIONS[0], b"written by another release")
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), VERSIONS[0]], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert ValueStore(str(tmp_path)).require(KEY) == before
    assert read(store, "a.bin") == b"written by another release"


def test_a_damaged_value_of_the_same_version_is_replaced(root: str) -> None:
    store = ValueStore(root)
    stored = write(store, VERSIONS[0], b"good")
    filesystem, _ = fsspec.core.url_to_fs(root, skip_instance_cache=True)
    filesystem.pipe_file(store.file(KEY, stored, "a.bin"), b"evil")
    with pytest.raises(CurationError, match="differ from those that were written"):
        read(store)
    write(store, VERSIONS[0], b"good")
    assert read(store) == b"good"


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that exists and cannot be read")
@pytest.mark.parametrize("name", ["a.bin", "value.json"])
def test_an_unreadable_file_counts_as_damaged_and_is_replaced(tmp_path: Path, name: str) -> None:
    store = ValueStore(str(tmp_path))
    stored = write(store, VERSIONS[0], b"")
    path = Path(store.file(KEY, stored, name)) if name == "a.bin" else tmp_path / "splits" / "test" / name
    path.unlink()
    path.symlink_to("/proc/self/mem")  # reading from its start is an I/O error, as from a bad sector
    with pytest.raises(CurationError, match=f"{name} cannot be read") as caught:
        read(store)
    assert not isinstance(caught.value, StorageUnusableError)
    assert caught.value.remedy == "Materialize it again: notmnist run splits/test"
    write(store, VERSIONS[0], b"")
    assert read(store) == b""


def test_the_same_bytes_written_again_stay_where_they_are(tmp_path: Path) -> None:
    store = ValueStore(str(tmp_path))
    for data in (b"one", b"two"):
        written = write(store, VERSIONS[0], data)
        path = Path(store.file(KEY, written, "a.bin"))
        inode = path.stat().st_ino
        assert write(store, VERSIONS[0], data) == written
        assert path.stat().st_ino == inode


def test_bytes_that_differ_in_a_file_of_the_same_size_replace_it(root: str) -> None:
    store = ValueStore(root)
    write(store, VERSIONS[0], b"good")
    write(store, VERSIONS[0], b"best")
    assert read(store) == b"best"


WRITING = """
import sys
from notmnist_assets.storage.store import ValueStore
def slow(file):
    file.write(b"first half, ")
    print("writing", flush=True)
    sys.stdin.readline()
    file.write(b"second half")
ValueStore(sys.argv[1]).write(["splits", "test"], sys.argv[2], {"a.bin": slow}, {})
"""


def test_of_two_processes_that_store_a_value_at_the_same_time_one_fails_and_nothing_mixes(root: str) -> None:
    before = write(ValueStore(root), VERSIONS[2], b"before")
    command = [sys.executable, "-c", WRITING, root, VERSIONS[0]]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as slow:
        assert slow.stdout is not None
        assert slow.stdout.readline() == "writing\n"
        store = ValueStore(root)
        ours = write(store, VERSIONS[0], b"ours")
        _, errors = slow.communicate("go on\n")
    assert slow.returncode == 1
    assert "splits/test: another run stored this asset at the same time. Its value stays" in errors
    assert (read(store), read(store, "b.bin")) == (b"ours", b"b")
    filesystem, _ = fsspec.core.url_to_fs(root)
    folders = {store.file(KEY, stored, "").rstrip("/") for stored in (before, ours)}
    found = {
        entry["name"]
        for entry in filesystem.ls(root.removeprefix("s3://") + "/splits/test", detail=True)
        if entry["type"] == "directory"
    }
    assert found == folders


OTHER = """
import sys
from notmnist_assets.storage.store import ValueStore
ValueStore(sys.argv[1]).write(["splits", "test"], sys.argv[2], {"a.bin": lambda file: file.write(b"theirs")}, {})
"""


def test_changes_of_another_process_are_visible_immediately(root: str) -> None:
    store = ValueStore(root)
    write(store, VERSIONS[0], b"ours")
    subprocess.run([sys.executable, "-c", OTHER, root, VERSIONS[1]], check=True)
    assert read(store) == b"theirs"
    stored = store.require(KEY)
    # By another connection, so that caches of this one are not updated.
    filesystem, _ = fsspec.core.url_to_fs(root, skip_instance_cache=True)
    filesystem.rm(store.file(KEY, stored, "a.bin"))
    with pytest.raises(CurationError, match="is missing"):
        store.find(KEY)
    filesystem.rm(store.file(KEY, stored, "").rsplit("/", 2)[0], recursive=True)
    assert store.find(KEY) is None


@pytest.mark.parametrize("damage", ["truncated", "too long", "missing"])
def test_a_damaged_file_is_an_error_with_the_command_that_materializes_it(tmp_path: Path, damage: str) -> None:
    store = ValueStore(str(tmp_path))
    path = Path(store.file(KEY, write(store, VERSIONS[0]), "a.bin"))
    if damage == "truncated":
        path.write_bytes(b"dat")
    elif damage == "too long":
        path.write_bytes(b"data and more")
    else:
        path.unlink()
    with pytest.raises(CurationError, match=r"a\.bin") as caught:
        store.find(KEY)
    assert caught.value.subject == "splits/test"
    assert "Materialize it again: notmnist run " in caught.value.remedy
    write(store, VERSIONS[1])
    assert read(store) == b"data"
