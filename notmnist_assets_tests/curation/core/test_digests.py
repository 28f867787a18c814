"""Digests of files: right, and computed once for a file that does not change."""

import hashlib
import os
from pathlib import Path

import pytest
from xxhash import xxh3_128

from notmnist_assets.curation.core import digests
from notmnist_assets.curation.core.digests import FileDigests, digest_file, record_digests


def expected(data: bytes) -> FileDigests:
    return FileDigests(len(data), hashlib.sha256(data).hexdigest(), xxh3_128(data).hexdigest())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"first")
    return path


def test_a_file_that_changes_has_new_digests(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_COARSEST_CLOCK", -10.0)
    assert digest_file(file) == expected(b"first")
    for data in (b"longer than before", b"", b"x" * 3_000_000):
        file.write_bytes(data)
        os.utime(file, ns=(0, len(data)))
        assert digest_file(file) == expected(data)


def test_a_file_that_changed_just_now_is_read_again(file: Path) -> None:
    found = file.stat()
    assert digest_file(file) == expected(b"first")
    file.write_bytes(b"other")
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert digest_file(file) == expected(b"other")


def test_an_unchanged_file_is_read_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_COARSEST_CLOCK", -10.0)
    first = digest_file(file)
    monkeypatch.setattr(digests, "xxh3_128", None)  # reading again would fail
    assert digest_file(file) == first
    file.write_bytes(b"new")
    record_digests(file, expected(b"new"))
    assert digest_file(file) == expected(b"new")
