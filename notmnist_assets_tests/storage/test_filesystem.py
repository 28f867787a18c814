"""Files on local folders and object stores, and the errors of a storage that cannot be used."""

import json
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.storage.store import StorageUnusableError, ValueStore
from notmnist_assets_tests.object_store import object_store
from notmnist_assets_tests.storage.values import KEY, VERSIONS, files_below, write


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
def test_an_unknown_kind_of_storage_is_an_error(root: str) -> None:
    with pytest.raises(CurationError, match="there is no such storage") as caught:
        ValueStore(root)
    assert "NOTMNIST_STORAGE" in caught.value.remedy


class HostedFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """A file system that removes the host of a URL from its paths."""

    protocol = "hosted"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        rest = path.removeprefix("hosted://")
        if rest != path:
            rest = rest.partition("/")[2]
        return "/" + rest.strip("/")


def test_uris_contain_the_host_of_the_storage() -> None:
    fsspec.register_implementation("hosted", HostedFileSystem, clobber=True)
    store = ValueStore("hosted://server/values/sample")
    stored = write(store, VERSIONS[0])
    uri = store.uri(KEY, stored, "a.bin")
    assert uri == f"hosted://server/values/sample/splits/test/{VERSIONS[0][:16]}/a.bin"
    with fsspec.open(uri, "rb") as file:
        assert file.read() == b"data"


def test_an_unreachable_server_is_an_error_and_not_an_empty_storage(tmp_path: Path) -> None:
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


def test_a_missing_bucket_is_an_error(bucket: str) -> None:
    store = ValueStore(bucket.replace("letters", "no-such-bucket"))
    assert store.find(KEY) is None
    with pytest.raises(CurationError, match="The specified bucket does not exist"):
        write(store, VERSIONS[0])


def test_an_unreadable_folder_is_an_error(tmp_path: Path) -> None:
    loop = tmp_path / "splits"
    loop.symlink_to(loop)
    with pytest.raises(StorageUnusableError, match="the storage cannot be used"):
        ValueStore(str(tmp_path)).find(KEY)


def test_an_unwritable_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "splits").write_text("a file where a folder should be")
    with pytest.raises(CurationError, match="cannot be written") as caught:
        write(ValueStore(str(tmp_path)), VERSIONS[0])
    assert "NOTMNIST_STORAGE" in caught.value.remedy
