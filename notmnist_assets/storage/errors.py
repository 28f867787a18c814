"""Errors of the storage: damaged values, values without digests, an unusable storage or temporary folder."""

import tempfile
from collections.abc import Sequence

from notmnist_assets.curation.core.errors import CurationError


class StorageUnusableError(CurationError):
    """The storage cannot be reached or read, so the state of its values is unknown."""


class NoDigestsError(CurationError):
    """An earlier release stored the value without digests."""


def damage_error(key: Sequence[str], problem: str) -> CurationError:
    """Return the error for a damaged value, whose remedy is the command that materializes the asset again."""
    asset = "/".join(key)
    return CurationError(problem, subject=asset, remedy=f"Materialize it again: notmnist run {asset}")


def temporary_folder_error(error: OSError) -> CurationError:
    """Return the error for a temporary folder that has no room for a file from or for a remote storage."""
    return CurationError(
        f"the temporary folder cannot be written: {error}.",
        subject=tempfile.gettempdir(),
        remedy="Free space there, or set TMPDIR to another folder; then start again.",
    )
