"""Which source the settings name, and where it keeps what it gets.

Belongs here: the choice, and nothing of how a source works.
"""

import os
import tempfile
from pathlib import Path

from notmnist_assets.settings.model import Settings
from notmnist_assets.sources.base import ArchiveSource
from notmnist_assets.sources.folder import FolderSource
from notmnist_assets.sources.sample import SampleSource


def source_of(settings: Settings) -> ArchiveSource:
    """Return the source that the settings name."""
    published = settings.profile == "full"
    if settings.archives is None:
        return SampleSource()
    if settings.archives.startswith(("http://", "https://")):
        # The HTTP client takes a third of a second to import: not for those who have folders.
        from notmnist_assets.sources.http import HttpSource

        return HttpSource(settings.archives, cache_folder(settings), published=published, min_rate=settings.min_rate)
    return FolderSource(settings.archives.removeprefix("file://"), published=published)


def cache_folder(settings: Settings) -> Path:
    """Return where downloads are kept: beside the values, or locally when those are remote."""
    if "://" in settings.storage:
        # Where all users share the folder for temporary files, nobody can write into what is another's.
        user = f"-{os.getuid()}" if hasattr(os, "getuid") else ""
        return Path(tempfile.gettempdir()) / f"notmnist_assets{user}" / settings.profile
    return Path(settings.storage) / settings.profile / "cache"
