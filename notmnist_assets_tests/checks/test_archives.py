"""The checksum check of stored archives."""

import hashlib
from pathlib import Path

import dagster as dg
import pytest

from notmnist_assets.checks.archives import CHECKS
from notmnist_assets.curation import published
from notmnist_assets.curation.images import SETS
from notmnist_assets.curation.values import Archive
from notmnist_assets.resources import SettingsResource
from notmnist_assets_tests.checks.judging import shown


def judge(set_name: str, archive: Archive) -> dg.AssetCheckResult:
    result = CHECKS[SETS.index(set_name)](SettingsResource(), archive)
    assert isinstance(result, dg.AssetCheckResult)
    return result


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(b"some bytes")
    return Archive(str(path), 10, hashlib.sha256(b"some bytes").hexdigest(), "a test")


def test_stored_bytes_with_the_verified_digest_pass(archive: Archive) -> None:
    assert judge("small", archive).passed


def test_one_changed_byte_fails(archive: Archive) -> None:
    Path(archive.uri).write_bytes(b"some bytez")
    result = judge("small", archive)
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.ERROR
    assert shown(result) == (hashlib.sha256(b"some bytez").hexdigest(), archive.sha256)


def test_the_full_profile_demands_the_published_digest(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_PROFILE", "full")
    result = judge("large", archive)
    assert not result.passed
    assert shown(result) == (archive.sha256, published.ARCHIVES["large"].sha256)
