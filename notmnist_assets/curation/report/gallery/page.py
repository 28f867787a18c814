"""Renders the gallery as one HTML page with its pictures, style and script, within a size budget."""

import base64
import hashlib
import html
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from notmnist_assets.curation.core.prefetch import WorkMap
from notmnist_assets.curation.report.gallery.contents import Contents, gallery_contents
from notmnist_assets.curation.report.gallery.data import GalleryData
from notmnist_assets.curation.report.gallery.items import list_items
from notmnist_assets.curation.report.gallery.sprites import COLUMNS, PER_SHEET, sprite_sheets

FILE_NAME: Final = "gallery.html"
BUDGET: Final = 25_000_000
"""Largest size of the page in bytes."""
_MOST_ROWS: Final = 60_000
"""Most rows of each kind of items, if they fit into the budget."""


@dataclass(frozen=True)
class Gallery:
    """A rendered page.

    Attributes:
        page: the HTML file.
        version: digest of what it shows, hexadecimal. It does not depend on the encoder of the pictures.
        contents: what it shows.
    """

    page: bytes
    version: str
    contents: Contents


def gallery_page(
    data: GalleryData, *, budget: int = BUDGET, most_rows: int = _MOST_ROWS, work_map: WorkMap | None = None
) -> Gallery:
    """Return the page, which refers to nothing outside of it; equal data give equal bytes.

    Args:
        data: the values to show.
        budget: largest size in bytes; of items that do not fit, the first and a sample are shown.
        most_rows: most rows of each kind of items.
        work_map: encodes the pictures; threads of this process by default.
    """
    items = list_items(data)
    while True:
        contents = gallery_contents(data, items, most_rows)
        page, version = _render(contents, work_map)
        if len(page) <= budget or most_rows < 2:
            return Gallery(page, version, contents)
        most_rows = min(most_rows * 3 // 4, most_rows * budget // len(page))


def _render(contents: Contents, work_map: WorkMap | None) -> tuple[bytes, str]:
    folder = files("notmnist_assets.curation.report.gallery")
    template, style, script = (
        (folder / name).read_text(encoding="utf-8") for name in ("page.html", "page.css", "page.js")
    )
    facts = _json({**contents.facts, "columns": COLUMNS, "perSheet": PER_SHEET})
    version = hashlib.sha256("\0".join([template, style, script, facts]).encode())
    version.update(contents.images.tobytes())
    parts = {
        "title": html.escape(contents.facts["title"]),
        "policy": (
            f"default-src 'none'; img-src data: blob:; style-src '{_source(style)}'; script-src '{_source(script)}';"
            " base-uri 'none'; form-action 'none'"
        ),
        "style": style,
        "script": script,
        "data": facts,
        "sheets": "\n".join(
            f'<img class="sheet" alt="" hidden src="data:image/webp;base64,{base64.b64encode(sheet).decode()}">'
            for sheet in sprite_sheets(contents.images, work_map)
        ),
    }
    return _filled(template, parts).encode(), version.hexdigest()


def _filled(template: str, parts: dict[str, str]) -> str:
    """Return the template with each `{{ name }}` replaced once, so that no part is searched for names."""
    first, *others = template.split("{{ ")
    return first + "".join(parts[name] + rest for name, rest in (other.split(" }}", maxsplit=1) for other in others))


def _json(value: Any) -> str:
    r"""Return JSON that cannot end the element that holds it: no `<`, `>` and `&`, and ASCII only."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _source(text: str) -> str:
    """Return the hash by which a Content-Security-Policy allows an inline element with this text."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
