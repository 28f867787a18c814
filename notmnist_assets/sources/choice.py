"""Chooses the source of the archives and its cache folder from the settings."""

import os
import tempfile
from pathlib import Path

from notmnist_assets.settings.model import Settings
from notmnist_assets.sources.base import ArchiveSource
from notmnist_assets.sources.folder import FolderSource
from notmnist_assets.sources.sample import SampleSource


def source_of(settings: Settings) -> ArchiveSource:
    """Return the source for the settings `profile` and `archives`."""
    published = settings.profile == "full"
    if settings.archives is None:
        return SampleSource()
    if is_url(settings.archives):
        # The HTTP client takes a third of a second to import, which other sources do not need.
        from notmnist_assets.sources.http import HttpSource

        return HttpSource(settings.archives, cache_folder(settings), published=published, min_rate=settings.min_rate)
    return FolderSource(settings.archives.removeprefix("file://"), published=published)


def cache_folder(settings: Settings) -> Path:
    """Return the folder for downloads: beside the stored values, or a local folder if those are remote."""
    if "://" in settings.storage:
        # Several users may share the temporary folder, and cannot write into each other's folders.
        user = f"-{os.getuid()}" if hasattr(os, "getuid") else ""
        return Path(tempfile.gettempdir()) / f"notmnist_assets{user}" / settings.profile
    return Path(settings.storage) / settings.profile / "cache"


def is_shared(settings: Settings) -> bool:
    """Return whether other machines see the source's files; they do not see downloads in a local folder."""
    return "://" not in settings.storage or not is_url(settings.archives)


def is_url(archives: str | None) -> bool:
    """Return whether this value of the setting `archives` is the URL of a web server."""
    return (archives or "").startswith(("http://", "https://"))
