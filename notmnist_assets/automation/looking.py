"""What the source has now, in the bounded time of a tick."""

from collections.abc import Mapping

from notmnist_assets.curation.core.images import SETS
from notmnist_assets.settings.model import Settings
from notmnist_assets.sources.choice import source_of
from notmnist_assets.staleness.reasons import archive_change


def ask_source(settings: Settings) -> dict[str, str]:
    """Return where the archives are, and what their source says of each; nothing is transferred or read.

    Raises:
        CurationError: the source does not answer.
    """
    source = source_of(settings)
    return {"from": settings.redacted_archives or "", **{name: source.validator(name) for name in SETS}}


def changes(settings: Settings, stored: Mapping[str, str | None]) -> dict[str, str]:
    """Return why each archive is out of date, by set, for those that are."""
    looked = {name: archive_change(settings, name, sha256) for name, sha256 in stored.items()}
    return {name: reason for name, reason in looked.items() if reason}
