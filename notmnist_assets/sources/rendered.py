"""The bundled sample: archives rendered here, once, and kept.

Belongs here: how large the sample is and when it is rendered again. The letters themselves are drawn in
`sources.sample`.
"""

from pathlib import Path
from typing import Final

from notmnist_assets.curation.errors import CurationError
from notmnist_assets.curation.values import Archive
from notmnist_assets.sources.folder import FolderSource

LARGE_PER_LETTER: Final = 1_600
SMALL_PER_LETTER: Final = 170


class RenderedSource:
    """Renders both archives on first use into `cache`/rendered, and again when the recipe changes."""

    def __init__(self, cache: Path) -> None:
        """Keep the archives below `cache`."""
        self._folder = cache / "rendered"

    def current_sha256(self, set_name: str) -> str | None:
        """Return the digest of the rendered archive, None when it has to be rendered."""
        if not self._is_rendered():
            return None
        try:
            return FolderSource(str(self._folder), published=False).fetch(set_name).sha256
        except CurationError:
            return None

    def validator(self, set_name: str) -> str:
        """Return that of the rendered file; another text while there is none by today's recipe."""
        if not self._is_rendered():
            return "to be rendered"
        return FolderSource(str(self._folder), published=False).validator(set_name)

    def fetch(self, set_name: str) -> Archive:
        """Return the rendered archive, verified against the checksum written with it."""
        rendered = FolderSource(str(self._folder), published=False)
        if not self._is_rendered():
            self._render()
        try:
            archive = rendered.fetch(set_name)
        except CurationError:
            # Damaged since: it costs seconds to draw it again, and nobody has to look into a cache.
            self._render()
            archive = rendered.fetch(set_name)
        return Archive(archive.uri, archive.bytes, archive.sha256, "rendered by notmnist_assets")

    def _is_rendered(self) -> bool:
        from notmnist_assets.sources import sample

        return sample.is_rendered(self._folder, large_per_letter=LARGE_PER_LETTER, small_per_letter=SMALL_PER_LETTER)

    def _render(self) -> None:
        from notmnist_assets.sources import sample

        sample.render_archives(
            self._folder,
            large_per_letter=LARGE_PER_LETTER,
            small_per_letter=SMALL_PER_LETTER,
            # Starting a second process takes longer than drawing half of so few.
            workers=1,
        )
