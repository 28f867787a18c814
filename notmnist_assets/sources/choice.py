"""Which source the settings name.

Belongs here: the choice, and nothing of how a source works.
"""

from pathlib import Path

from notmnist_assets.settings import Settings
from notmnist_assets.sources.base import ArchiveSource
from notmnist_assets.sources.folder import FolderSource
from notmnist_assets.sources.rendered import RenderedSource


def source_of(settings: Settings, cache: Path) -> ArchiveSource:
    """Return the source that the settings name.

    Args:
        settings: of this run.
        cache: folder for downloads and rendered archives, made when needed.
    """
    published = settings.profile == "full"
    if settings.archives is None:
        return RenderedSource(cache)
    if settings.archives.startswith(("http://", "https://")):
        # The HTTP client takes a third of a second to import: not for those who have folders.
        from notmnist_assets.sources.http import HttpSource

        return HttpSource(settings.archives, cache, published=published)
    return FolderSource(settings.archives.removeprefix("file://"), published=published)
