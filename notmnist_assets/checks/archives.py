"""Checks of `archives/*`: the stored bytes are the ones that were verified."""

from collections.abc import Sequence

import dagster as dg

from notmnist_assets.assets.archives import ARCHIVES
from notmnist_assets.checks.results import check_result
from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import SETS
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.store import StorageUnusableError, ValueStore


def _checksum_check(set_name: str) -> dg.AssetChecksDefinition:
    key = ARCHIVES[set_name].asset_key

    @dg.asset_check(
        name="checksum",
        asset=key,
        blocking=True,
        description="The stored bytes are the ones whose SHA-256 was verified when they were copied; for the profile"
        " full, it is the published one.",
    )
    def checksum(settings: SettingsResource) -> dg.AssetCheckResult:
        """Read the archive back and compare it with its digest, which is ten times as fast as another SHA-256."""
        store = ValueStore(settings.storage_root())
        full = settings.read().profile == "full"
        with as_dagster_failure():
            stored = store.require(key.path)
            sha256 = actual = stored.facts["sha256"]
            try:
                store.verify(key.path, stored)
            except StorageUnusableError:
                raise
            except CurationError as error:
                actual = error.problem
        expected = published.ARCHIVES[set_name].sha256 if full else sha256
        return check_result(
            key, "checksum", passed=actual == expected, actual=actual, threshold=expected, bytes=stored.bytes
        )

    return checksum


CHECKS: Sequence[dg.AssetChecksDefinition] = [_checksum_check(set_name) for set_name in SETS]
