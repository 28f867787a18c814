"""The whole graph with its values in a real object store: the same values as on disk, and the same commands."""

from collections.abc import Mapping
from pathlib import Path

import fsspec
import pytest

from notmnist_assets import load_split
from notmnist_assets.storage.store import ValueStore
from notmnist_assets_tests.instance import write_instance
from notmnist_assets_tests.workspace import Workspace

# The laws of storage, and a run through deploy/celery, use an object store in every make test.
pytestmark = [pytest.mark.long, pytest.mark.extended]


def without_timings(stored: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return stored files without the tables that contain the durations of fits."""
    timed = ("/baselines/metrics/", "/baselines/reference/")
    return {path: data for path, data in stored.items() if not any(part in path for part in timed)}


def test_the_graph_is_made_read_and_found_unchanged_in_an_object_store(
    finished: Workspace, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk = without_timings(finished.bytes_stored())
    x, y = load_split("sanitized/test")
    monkeypatch.setenv("NOTMNIST_STORAGE", bucket)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    write_instance(tmp_path)

    assert finished.notmnist("run").code == 0
    filesystem, base = fsspec.core.url_to_fs(bucket, use_listings_cache=False)
    found = {path.removeprefix(f"{base}/"): data for path, data in filesystem.cat(filesystem.find(base)).items()}
    assert without_timings(found) == on_disk
    assert [array.tolist() for array in load_split("sanitized/test")] == [x.tolist(), y.tolist()]

    assert finished.notmnist("run").out.splitlines()[-1].startswith("Nothing to do")
    assert finished.notmnist("export", "npz", str(tmp_path / "copy.npz")).code == 0
    assert (tmp_path / "copy.npz").is_file()
    assert "s3://" in finished.notmnist("show", "splits/test").out

    store = ValueStore(f"{bucket}/custom")
    lost = store.require(["letters", "small", "C"])
    filesystem.rm(store.file(["letters", "small", "C"], lost, "images.npy"))
    assert "images.npy is missing" in finished.notmnist("status").out
    assert finished.notmnist("run").code == 0
    again = store.require(["letters", "small", "C"])
    assert (again.version, again.digests) == (lost.version, lost.digests)
