"""The source of given settings, and its folder for downloads."""

from pathlib import Path

import pytest

from notmnist_assets.settings.model import read_settings
from notmnist_assets.sources.choice import cache_folder, is_shared, source_of
from notmnist_assets.sources.folder import FolderSource
from notmnist_assets.sources.http import HttpSource
from notmnist_assets.sources.sample import SampleSource


def test_settings_name_the_source(tmp_path: Path) -> None:
    def chosen(archives: str | None) -> object:
        profile = "sample" if archives is None else "custom"
        given = {"profile": profile, "archives": archives, "storage": str(tmp_path)}
        return source_of(read_settings({}, given))

    assert isinstance(chosen(None), SampleSource)
    assert isinstance(chosen("http://example.org/x"), HttpSource)
    assert isinstance(chosen("https://example.org/x"), HttpSource)
    assert isinstance(chosen("/folder"), FolderSource)
    assert isinstance(chosen("file:///folder"), FolderSource)
    assert list(tmp_path.iterdir()) == []


def test_users_of_a_machine_do_not_share_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = set()
    for user in (1000, 1001):
        monkeypatch.setattr("os.getuid", lambda user=user: user)
        folders.add(cache_folder(read_settings({"NOTMNIST_STORAGE": "memory://values"})))
    assert len(folders) == 2


def test_other_machines_see_no_downloads_in_a_temporary_folder(tmp_path: Path) -> None:
    def shared(archives: str, storage: str) -> bool:
        return is_shared(read_settings({}, {"profile": "custom", "archives": archives, "storage": storage}))

    assert shared("http://example.org/x", str(tmp_path))
    assert shared("/folder", "memory://values")
    assert not shared("http://example.org/x", "memory://values")
