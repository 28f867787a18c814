"""The checksum check of stored archives."""

import hashlib
from pathlib import Path
from typing import BinaryIO

import dagster as dg
import pytest

from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.checks.archives import CHECKS
from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.images import SETS
from notmnist_assets.settings.model import read_settings
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.store import ValueStore
from notmnist_assets_tests.checks.results import shown

SHA256 = hashlib.sha256(b"some bytes").hexdigest()


def judge(set_name: str) -> dg.AssetCheckResult:
    settings = SettingsResource()
    result = CHECKS[SETS.index(set_name)](settings, ValueLoader(settings=settings))
    assert isinstance(result, dg.AssetCheckResult)
    return result


def store_archive(set_name: str) -> Path:
    store, key = ValueStore(read_settings().storage_root), ["archives", set_name]
    stored = store.write(key, SHA256, {"archive.tar.gz": put}, {"sha256": SHA256, "origin": "a test"})
    return Path(store.file(key, stored, "archive.tar.gz"))


def put(file: BinaryIO) -> None:
    file.write(b"some bytes")


@pytest.mark.usefixtures("values")
def test_an_unchanged_archive_passes() -> None:
    store_archive("small")
    assert judge("small").passed


@pytest.mark.usefixtures("values")
def test_one_changed_byte_fails() -> None:
    store_archive("small").write_bytes(b"some bytez")
    result = judge("small")
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.ERROR
    actual, threshold = shown(result)
    assert "the bytes of archive.tar.gz differ from those that were written" in str(actual)
    assert threshold == SHA256


@pytest.mark.usefixtures("values")
def test_the_full_profile_requires_the_published_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_PROFILE", "full")
    store_archive("large")
    result = judge("large")
    assert not result.passed
    assert shown(result) == (SHA256, published.ARCHIVES["large"].sha256)
