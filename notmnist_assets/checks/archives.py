"""Checks of `archives/*`: the stored bytes are the ones that were verified.

Belongs here: what must hold of a stored archive before anything reads it.
"""

import hashlib
from collections.abc import Iterator, Sequence

import dagster as dg

from notmnist_assets.checks.results import judged
from notmnist_assets.curation import published
from notmnist_assets.curation.images import SETS
from notmnist_assets.curation.values import Archive
from notmnist_assets.resources import SettingsResource

_BLOCK = 1 << 20
_KEYS = {set_name: dg.AssetKey(["archives", set_name]) for set_name in SETS}


@dg.multi_asset_check(
    name="archive_checks",
    specs=[
        dg.AssetCheckSpec(
            "checksum",
            asset=key,
            blocking=True,
            description="The SHA-256 of the stored bytes is the one that was verified; for the profile full, the"
            " published one.",
        )
        for key in _KEYS.values()
    ],
    ins={set_name: dg.AssetIn(key=key, input_manager_key="archive_io") for set_name, key in _KEYS.items()},
)
def archive_checks(settings: SettingsResource, large: Archive, small: Archive) -> Iterator[dg.AssetCheckResult]:
    """Read both archives back and hash them."""
    profile = settings.read().profile
    for set_name, archive in (("large", large), ("small", small)):
        expected = published.ARCHIVES[set_name].sha256 if profile == "full" else archive.sha256
        digest = hashlib.sha256()
        with archive.open() as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        actual = digest.hexdigest()
        yield judged(
            _KEYS[set_name],
            "checksum",
            passed=actual == expected,
            actual=actual,
            threshold=expected,
            bytes=archive.bytes,
        )


CHECKS: Sequence[dg.AssetChecksDefinition] = [archive_checks]
