"""Provides the sample: both archives and their checksums, files of the package that `tools/render` rendered.

`sample_files/ground_truth.parquet` lists the duplicates, leaks, wrong labels and unreadable files that were planted in
them, `sample_files/recipe.json` the parameters and package versions of the rendering.
"""

import atexit
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.sources.base import Expected, archive_name, verify_archive
from notmnist_assets.sources.checksums import CHECKSUMS, Checksums

FILES: Final = files("notmnist_assets.sources") / "sample_files"
"""The folder of the sample's files, inside the installed package."""
_ORIGIN: Final = "shipped with notmnist_assets"

_unpacked: Final = ExitStack()
atexit.register(_unpacked.close)


class SampleSource:
    """Provides the archives of the package, verified against the checksums beside them."""

    def fetch(self, set_name: str) -> Archive:
        """Return the installed archive, verified."""
        path = _local_path(archive_name(set_name))
        try:
            archive = verify_archive(path, self._expected(set_name), str(path))
        except CurationError as error:
            raise CurationError(
                error.problem, subject=error.subject, remedy="Install notmnist_assets again."
            ) from error
        return replace(archive, origin=_ORIGIN)

    def current_sha256(self, set_name: str) -> str | None:
        """Return the digest of the installed archive."""
        return self.fetch(set_name).sha256

    def validator(self, set_name: str) -> str:
        """Return the digest in the package's SHA256SUMS."""
        return str(self._expected(set_name).sha256)

    def _expected(self, set_name: str) -> Expected:
        checksums = FILES / CHECKSUMS
        return Checksums(checksums.read_bytes(), str(checksums)).of(archive_name(set_name))


@cache
def _local_path(name: str) -> Path:
    """Return the path of a file of the sample; if the package is zipped, the path of a copy that is deleted at exit."""
    return _unpacked.enter_context(as_file(FILES / name))
