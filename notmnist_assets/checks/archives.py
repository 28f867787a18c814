"""Checks of `archives/*`: the stored bytes are the ones that were verified.

Belongs here: what must hold of a stored archive before anything reads it.
"""

import hashlib
from collections.abc import Sequence

import dagster as dg

from notmnist_assets.assets.archives import ARCHIVES
from notmnist_assets.checks.results import judged
from notmnist_assets.curation import published
from notmnist_assets.curation.images import SETS
from notmnist_assets.curation.values import Archive
from notmnist_assets.resources import SettingsResource

_BLOCK = 1 << 20


def _checksum_check(set_name: str) -> dg.AssetChecksDefinition:
    key = ARCHIVES[set_name].asset_key

    @dg.asset_check(
        name="checksum",
        asset=key,
        blocking=True,
        description="The SHA-256 of the stored bytes is the one that was verified; for the profile full, the"
        " published one.",
    )
    def checksum(settings: SettingsResource, archive: Archive) -> dg.AssetCheckResult:
        """Read the archive back and hash it."""
        full = settings.read().profile == "full"
        expected = published.ARCHIVES[set_name].sha256 if full else archive.sha256
        digest = hashlib.sha256()
        with archive.open() as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        actual = digest.hexdigest()
        return judged(
            key, "checksum", passed=actual == expected, actual=actual, threshold=expected, bytes=archive.bytes
        )

    return checksum


CHECKS: Sequence[dg.AssetChecksDefinition] = [_checksum_check(set_name) for set_name in SETS]
