"""A stored value is complete or absent, whatever kills its writer."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import fsspec
import pytest
import xxhash
from fsspec.implementations.memory import MemoryFileSystem

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.storage.store import StorageUnusableError, StoredValue, ValueStore
from notmnist_assets_tests.object_store import object_store

KEY = ["splits", "test"]
VERSIONS = [f"{digit}" * 64 for digit in "abcdef"]


@pytest.fixture(params=["local", "odd::name", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param != "s3":
        return str(tmp_path / request.param / "values")
    bucket: str = request.getfixturevalue("bucket")
    return f"{bucket}/values"


def write(store: ValueStore, version: str, data: bytes = b"data", key: list[str] = KEY) -> StoredValue:
    return store.write(
        key, version, {"a.bin": lambda file: _put(file, data), "b.bin": lambda file: _put(file, b"b")}, {}
    )


def read(store: ValueStore, name: str = "a.bin", key: list[str] = KEY) -> bytes:
    with store.open(key, store.require(key), name) as file:
        return file.read()


def _put(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def break_off(file: BinaryIO) -> None:
    file.write(b"half of")
    raise RuntimeError("killed")


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_value_comes_back_with_its_sizes_and_facts(root: str) -> None:
    written = ValueStore(root).write(KEY, VERSIONS[0], {"a.bin": lambda file: _put(file, b"12345")}, {"rows": 3})
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


def test_nothing_stored_is_told_with_the_command_that_makes_it(root: str) -> None:
    assert ValueStore(root).find(KEY) is None
    with pytest.raises(CurationError, match="notmnist run") as caught:
        ValueStore(root).require(KEY)
    assert caught.value.subject == "splits/test"


@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[1]], ids=["same version", "new version"])
def test_a_writer_that_breaks_off_leaves_the_last_good_value(root: str, version: str) -> None:
    store = ValueStore(root)
    write(store, VERSIONS[0], b"good")
    with pytest.raises(RuntimeError):
        store.write(KEY, version, {"a.bin": lambda file: _put(file, b"good"), "b.bin": break_off}, {})
    assert ValueStore(root).require(KEY).version == VERSIONS[0]
    assert read(store, "a.bin") == b"good"
    assert read(store, "b.bin") == b"b"


def test_a_first_writer_that_breaks_off_leaves_nothing(root: str) -> None:
    store = ValueStore(root)
    with pytest.raises(RuntimeError):
        store.write(KEY, VERSIONS[0], {"a.bin": break_off}, {})
    assert store.find(KEY) is None


KILLED = """
import os, signal, sys
from notmnist_assets.storage.store import ValueStore
def die(file):
    file.write(b"half of it")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
ValueStore(sys.argv[1]).write(["splits", "test"], sys.argv[2], {"a.bin": lambda f: f.write(b"new"), "b.bin": die}, {})
"""


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


def test_the_same_version_in_other_bytes_leaves_the_files_of_readers_alone(root: str) -> None:
    store = ValueStore(root)
    found = write(store, VERSIONS[0], b"one")
    write(store, VERSIONS[0], b"other")
    with store.open(KEY, found, "a.bin") as file:
        assert file.read() == b"one"
    assert read(store) == b"other"
    write(store, VERSIONS[0], b"third")
    assert read(store) == b"third"


def test_the_same_version_in_other_bytes_counts_up_and_keeps_the_one_before(root: str) -> None:
    store = ValueStore(root)
    values = [write(store, VERSIONS[0], data) for data in (b"one", b"two", b"three", b"two")]
    name = VERSIONS[0][:16]
    assert [value.folder for value in values] == [name, f"{name}-2", f"{name}-3", f"{name}-4"]
    filesystem, _ = fsspec.core.url_to_fs(root)
    assert [bool(filesystem.exists(store.file(KEY, value, "a.bin"))) for value in values] == [False, False, True, True]
    with store.open(KEY, values[2], "a.bin") as file:
        assert file.read() == b"three"


def test_a_writer_that_is_killed_loses_neither_the_current_version_nor_the_one_before(tmp_path: Path) -> None:
    store = ValueStore(str(tmp_path))
    before, current = write(store, VERSIONS[0], b"one"), write(store, VERSIONS[0], b"two")
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), VERSIONS[0]], check=False)
    for stored, data in ((before, b"one"), (current, b"two")):
        with store.open(KEY, stored, "a.bin") as file:
            assert file.read() == data


def test_a_damaged_value_of_the_same_version_is_replaced(root: str) -> None:
    store = ValueStore(root)
    stored = write(store, VERSIONS[0], b"good")
    filesystem, _ = fsspec.core.url_to_fs(root, skip_instance_cache=True)
    filesystem.pipe_file(store.file(KEY, stored, "a.bin"), b"evil")
    with pytest.raises(CurationError, match="not those that were written"):
        read(store)
    write(store, VERSIONS[0], b"good")
    assert read(store) == b"good"


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that exists and cannot be read")
@pytest.mark.parametrize("name", ["a.bin", "value.json"])
def test_a_file_that_cannot_be_read_is_damaged_and_replaced_when_made_again(tmp_path: Path, name: str) -> None:
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


def test_two_processes_that_store_the_same_value_do_not_delete_each_others_unfinished_files(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITING, str(tmp_path), VERSIONS[0]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as slow:
        assert slow.stdout is not None
        assert slow.stdout.readline() == "writing\n"
        store = ValueStore(str(tmp_path))
        write(store, VERSIONS[0], b"ours")
        assert read(store) == b"ours"
        slow.communicate("go on\n")
    assert slow.returncode == 0
    assert read(store) == b"first half, second half"


OTHER = """
import sys
from notmnist_assets.storage.store import ValueStore
ValueStore(sys.argv[1]).write(["splits", "test"], sys.argv[2], {"a.bin": lambda file: file.write(b"theirs")}, {})
"""


def test_what_another_process_stores_or_deletes_is_seen_at_once(root: str) -> None:
    store = ValueStore(root)
    write(store, VERSIONS[0], b"ours")
    subprocess.run([sys.executable, "-c", OTHER, root, VERSIONS[1]], check=True)
    assert read(store) == b"theirs"
    stored = store.require(KEY)
    # By a connection of its own, which tells ours nothing.
    filesystem, _ = fsspec.core.url_to_fs(root, skip_instance_cache=True)
    filesystem.rm(store.file(KEY, stored, "a.bin"))
    with pytest.raises(CurationError, match="is missing"):
        store.find(KEY)
    filesystem.rm(store.file(KEY, stored, "").rsplit("/", 2)[0], recursive=True)
    assert store.find(KEY) is None


def test_the_previous_version_stays_for_open_readers_and_older_ones_go(root: str) -> None:
    store = ValueStore(root)
    values = [write(store, version, version.encode()) for version in VERSIONS[:3]]
    filesystem, _ = fsspec.core.url_to_fs(root)
    present = [bool(filesystem.exists(store.file(KEY, value, "a.bin"))) for value in values]
    assert present == [False, True, True]
    assert read(store) == VERSIONS[2].encode()


def test_the_same_made_again_keeps_the_version_before_it(root: str) -> None:
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


def test_forgetting_touches_nothing_that_is_no_version_of_the_value(tmp_path: Path) -> None:
    store = ValueStore(str(tmp_path))
    write(store, VERSIONS[0], key=["letters", "small"])
    write(store, VERSIONS[0], key=["letters", "small", "A"])
    (tmp_path / "letters" / "small" / "notes").mkdir()
    for version in VERSIONS:
        write(store, version, key=["letters", "small"])
    assert store.find(["letters", "small", "A"]) is not None
    assert (tmp_path / "letters" / "small" / "notes").is_dir()


@pytest.mark.parametrize("damage", ["truncated", "too long", "missing"])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, damage: str) -> None:
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


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"format": 1, "version": "x", "files": {}, "facts": {}}', "it names no files"),
        (
            '{"format": 1, "version": "x", "files": {"a.bin": "many"}, "facts": {}}',
            "parts of it are missing or changed",
        ),
        ('{"format": 3, "version": "x", "files": {"a.bin": 4}, "facts": {}}', "it has the format 3, which"),
        ('{"format": 2, "version": "x", "files": {"a.bin": 4}, "facts": {}}', "parts of it are missing or changed"),
        ("", "it is not JSON"),
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it has the format None"),
        ('{"version": "x"}', "it has the format None"),
        ("null", "it has the format None"),
        ('{"format": 1, "version": 1, "files": 2, "facts": 3}', "parts of it are missing or changed"),
    ],
)
def test_a_damaged_manifest_is_told_and_can_be_written_over(tmp_path: Path, text: str, problem: str) -> None:
    store = ValueStore(str(tmp_path))
    write(store, VERSIONS[0])
    (tmp_path / "splits" / "test" / "value.json").write_text(text)
    with pytest.raises(CurationError, match=f"value.json cannot be used: {problem}"):
        store.find(KEY)
    write(store, VERSIONS[1], b"fresh")
    assert read(store) == b"fresh"


def test_everything_written_is_below_the_root(tmp_path: Path) -> None:
    store = ValueStore(str(tmp_path / "values"))
    for version in VERSIONS:
        write(store, version)
    assert {path.name for path in tmp_path.iterdir()} == {"values"}
    assert all(name.startswith("splits/test/") for name in files_below(tmp_path / "values"))
    manifest = json.loads((tmp_path / "values" / "splits" / "test" / "value.json").read_text())
    assert {name: file["bytes"] for name, file in manifest["files"].items()} == {"a.bin": 4, "b.bin": 1}


def test_uris_are_paths_when_local_and_urls_elsewhere(root: str) -> None:
    store = ValueStore(root)
    stored = write(store, VERSIONS[0])
    uri = store.uri(KEY, stored, "a.bin")
    assert uri.endswith(f"/values/splits/test/{VERSIONS[0][:16]}/a.bin")
    assert uri.startswith("s3://" if root.startswith("s3://") else "/")
    with fsspec.open(uri, "rb") if "://" in uri else Path(uri).open("rb") as file:
        assert file.read() == b"data"


@pytest.mark.parametrize("root", ["bogus://x", "zip://a::memory://missing"])
def test_a_storage_that_cannot_be_had_is_told(root: str) -> None:
    with pytest.raises(CurationError, match="there is no such storage") as caught:
        ValueStore(root)
    assert "NOTMNIST_STORAGE" in caught.value.remedy


class HostedFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """A store of those that take the host from the URL, and leave it out of their paths."""

    protocol = "hosted"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        rest = path.removeprefix("hosted://")
        if rest != path:
            rest = rest.partition("/")[2]
        return "/" + rest.strip("/")


def test_uris_lead_back_to_stores_that_stand_on_a_host() -> None:
    fsspec.register_implementation("hosted", HostedFileSystem, clobber=True)
    store = ValueStore("hosted://server/values/sample")
    stored = write(store, VERSIONS[0])
    uri = store.uri(KEY, stored, "a.bin")
    assert uri == f"hosted://server/values/sample/splits/test/{VERSIONS[0][:16]}/a.bin"
    with fsspec.open(uri, "rb") as file:
        assert file.read() == b"data"


def test_a_server_that_is_gone_is_told_and_not_taken_for_an_empty_storage(tmp_path: Path) -> None:
    with object_store(tmp_path / "log") as gone, pytest.MonkeyPatch.context() as patch:
        gone.enter(patch)
        store = ValueStore(f"{gone.root}/values")
        stored = write(store, VERSIONS[0])
    for ask in (
        lambda: store.find(KEY),
        lambda: store.open(KEY, stored, "a.bin"),
        lambda: write(store, VERSIONS[1]),
    ):
        with pytest.raises(StorageUnusableError, match=r"the storage cannot be used: .*connect"):
            ask()


def test_a_bucket_that_does_not_exist_is_told(bucket: str) -> None:
    store = ValueStore(bucket.replace("letters", "no-such-bucket"))
    assert store.find(KEY) is None
    with pytest.raises(CurationError, match="The specified bucket does not exist"):
        write(store, VERSIONS[0])


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    loop = tmp_path / "splits"
    loop.symlink_to(loop)
    with pytest.raises(StorageUnusableError, match="the storage cannot be used"):
        ValueStore(str(tmp_path)).find(KEY)


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "splits").write_text("a file where a folder should be")
    with pytest.raises(CurationError, match="cannot be written") as caught:
        write(ValueStore(str(tmp_path)), VERSIONS[0])
    assert "NOTMNIST_STORAGE" in caught.value.remedy


def test_a_manifest_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "splits" / "test" / "value.json").mkdir(parents=True)
    with pytest.raises(CurationError, match=r"value\.json is a folder"):
        ValueStore(str(tmp_path)).find(KEY)
