"""The rendered sample: drawn once, kept, and drawn again when the copy is damaged."""

from pathlib import Path

import pytest

from notmnist_assets.settings import read_settings
from notmnist_assets.sources import rendered
from notmnist_assets.sources.choice import cache_folder, source_of
from notmnist_assets.sources.folder import FolderSource
from notmnist_assets.sources.http import HttpSource
from notmnist_assets.sources.rendered import RenderedSource


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendered, "LARGE_PER_LETTER", 25)
    monkeypatch.setattr(rendered, "SMALL_PER_LETTER", 20)


def test_it_is_drawn_once_and_again_only_when_the_copy_is_damaged(tmp_path: Path) -> None:
    first = RenderedSource(tmp_path).fetch("large")
    path = Path(first.uri)
    drawn, data = path.stat().st_mtime_ns, path.read_bytes()
    assert first.origin == "rendered by notmnist_assets"
    assert RenderedSource(tmp_path).fetch("large") == first
    assert f"{first.sha256}  {path.name}\n" in (path.parent / "SHA256SUMS").read_text()
    assert path.stat().st_mtime_ns == drawn
    path.write_bytes(data[: len(data) // 2])
    assert RenderedSource(tmp_path).fetch("large") == first
    assert path.read_bytes() == data


def test_settings_name_the_source(tmp_path: Path) -> None:
    def chosen(archives: str | None) -> object:
        profile = "sample" if archives is None else "custom"
        given = {"profile": profile, "archives": archives, "storage": str(tmp_path)}
        return source_of(read_settings({}, given))

    assert isinstance(chosen(None), RenderedSource)
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


def test_the_validator_tells_when_there_is_something_to_draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = RenderedSource(tmp_path)
    assert source.validator("small") == "to be rendered"
    source.fetch("small")
    drawn = source.validator("small")
    assert drawn == source.validator("small") != "to be rendered"
    monkeypatch.setattr(rendered, "SMALL_PER_LETTER", 21)
    assert source.validator("small") == "to be rendered"
