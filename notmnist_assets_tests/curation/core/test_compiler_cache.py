"""Numba caches compiled code in a folder that only this user can write."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from notmnist_assets.curation.core import compiler_cache
from notmnist_assets.curation.core.compiler_cache import use_writable_cache


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the default folders of Numba read-only, and return the folder for temporary files."""
    monkeypatch.setattr(compiler_cache, "_can_be_written", lambda _: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    return tmp_path


def test_without_another_place_it_is_a_folder_of_this_user_alone(nowhere: Path) -> None:
    use_writable_cache()
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder.parent == nowhere
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    del os.environ["NUMBA_CACHE_DIR"]
    use_writable_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == str(folder), "the next command finds it again"


def test_a_folder_that_others_may_write_is_not_used(nowhere: Path) -> None:
    use_writable_cache()
    folder = Path(os.environ.pop("NUMBA_CACHE_DIR"))
    folder.chmod(0o777)
    use_writable_cache()
    assert os.environ["NUMBA_CACHE_DIR"] != str(folder)


def test_a_set_variable_and_writable_folders_are_not_changed(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/mine")
    use_writable_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == "/mine"
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(compiler_cache, "_can_be_written", lambda _: True)
    use_writable_cache()
    assert "NUMBA_CACHE_DIR" not in os.environ
