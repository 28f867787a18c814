"""Asks a source which archive it has now, without transferring one."""

import hashlib

from notmnist_assets.settings.model import Settings
from notmnist_assets.sources.choice import is_url, source_of


def archive_version(settings: Settings, set_name: str) -> str:
    """Return text that changes when the archive of a set changes at its source.

    It is the SHA-256 of the archive in the package or in a folder. For a server, which would have to send the archive,
    it is a digest of what identifies the archive there: ETag, date, size, and its line in SHA256SUMS; of shards, their
    lines in SHA256SUMS.

    Raises:
        CurationError: the source is not available, or its archive is not the one in SHA256SUMS.
    """
    source = source_of(settings)
    if is_url(settings.archives):
        return hashlib.sha256(source.validator(set_name).encode()).hexdigest()
    return source.current_sha256(set_name) or ""
