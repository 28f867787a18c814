"""Fixtures that tests share: a workspace after one run on tiny archives, an S3 server, and an empty storage."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from notmnist_assets_tests.archives import write_archives
from notmnist_assets_tests.object_store import ObjectStore, object_store
from notmnist_assets_tests.workspace import Workspace

# Timings never fail a test: an example may take any time on a busy machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest files first, so that none ends alone, and measure no coverage there, which takes time."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("project"))
    write_archives(workspace.archives)
    with pytest.MonkeyPatch.context() as patch:
        workspace.enter(patch)
        workspace.first_run = workspace.notmnist("run")
    workspace.save()
    return workspace


@pytest.fixture
def finished(_finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The workspace after its first run, for reading only."""
    _finished.enter(monkeypatch)
    return _finished


@pytest.fixture
def workspace(_finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """The workspace after its first run, which tests may change: it is restored afterwards."""
    _finished.enter(monkeypatch)
    yield _finished
    _finished.restore()


@pytest.fixture(scope="session")
def _object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with object_store(tmp_path_factory.mktemp("object_store") / "server.log") as store:
        yield store


@pytest.fixture
def bucket(_object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The URL of an empty prefix in a real S3 server's bucket."""
    _object_store.enter(monkeypatch)
    return f"{_object_store.root}/{tmp_path.parent.name}/{tmp_path.name}"


@pytest.fixture
def values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as storage; values of the profile custom are below `values/custom`."""
    monkeypatch.setenv("NOTMNIST_PROFILE", "custom")
    monkeypatch.setenv("NOTMNIST_ARCHIVES", str(tmp_path / "archives"))
    monkeypatch.setenv("NOTMNIST_STORAGE", str(tmp_path / "values"))
    return tmp_path / "values" / "custom"
