"""Errors of the storage: a damaged value, a value without digests, a storage or temporary folder that is unusable."""

import tempfile
from collections.abc import Sequence

from notmnist_assets.curation.core.errors import CurationError


class StorageUnusableError(CurationError):
    """The storage cannot be reached or read, so the state of its values is unknown."""


class NoDigestsError(CurationError):
    """An earlier release stored the value without digests."""


def damaged(key: Sequence[str], problem: str) -> CurationError:
    """Return the error for a damaged value, whose remedy is the command that materializes the asset again."""
    asset = "/".join(key)
    return CurationError(problem, subject=asset, remedy=f"Materialize it again: notmnist run {asset}")


def temporary_folder_error(error: OSError) -> CurationError:
    """Return the error for a temporary folder that cannot take a file on its way to or from a remote storage."""
    return CurationError(
        f"the temporary folder cannot be written: {error}.",
        subject=tempfile.gettempdir(),
        remedy="Free space there, or set TMPDIR to another folder; then start again.",
    )
