"""Checks of `archives/*`: the stored file is the one that was verified."""

from collections.abc import Sequence

import dagster as dg

from notmnist_assets.assets.archives import ARCHIVES
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.checks.results import check_result
from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.images import SETS
from notmnist_assets.settings.resource import SettingsResource


def _checksum_check(set_name: str) -> dg.AssetChecksDefinition:
    key = ARCHIVES[set_name].asset_key

    @dg.asset_check(
        name="checksum",
        asset=key,
        blocking=True,
        description="The stored file is the one that was verified when it was fetched; with the profile full, its"
        " SHA-256 is the published one.",
    )
    def checksum(settings: SettingsResource, values: ValueLoader) -> dg.AssetCheckResult:
        """Compare the stored bytes with their recorded digest, which is ten times as fast as another SHA-256."""
        stored, problem = values.compare_with_digests(key.path)
        sha256 = stored.facts["sha256"]
        expected = published.ARCHIVES[set_name].sha256 if settings.read().profile == "full" else sha256
        actual = problem or sha256
        return check_result(
            key, "checksum", passed=actual == expected, actual=actual, threshold=expected, bytes=stored.bytes
        )

    return checksum


CHECKS: Sequence[dg.AssetChecksDefinition] = [_checksum_check(set_name) for set_name in SETS]
