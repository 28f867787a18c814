"""Parses the sections, tables and references of a stored page, to compare them with the values they show."""

import re
from html.parser import HTMLParser
from typing import Final

from notmnist_assets.curation.report.gallery.page import FILE_NAME as GALLERY_NAME

_REFERENCES: Final = frozenset({"action", "data", "formaction", "href", "poster", "src", "srcset", "xlink:href"})
_WITHIN: Final = ("data:", "#", f"{GALLERY_NAME}#")
_STYLE_REFERENCE: Final = re.compile(r"""(?:url\(|@import)\s*["']?([^"')]*)""", re.IGNORECASE)


class PageReader(HTMLParser):
    """Collects the content of a page from `feed`.

    Attributes:
        sections: ids of the sections, in order.
        tables: by id, the texts of the cells of each body row; for a number, its exact value.
        references: addresses in attributes and style sheets that lead out of the page: all but `data:`, `#` and links
            into the gallery.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.references: list[str] = []
        self._table = ""
        self._open: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: D102 - as HTMLParser's
        attributes = {name: value or "" for name, value in attrs}
        self._open.add(tag)
        self._add_references(*(value for name, value in attributes.items() if name in _REFERENCES))
        self._add_style_references(attributes.get("style", ""))
        if tag == "section":
            self.sections.append(attributes.get("id", ""))
        elif tag == "table":
            self._table = attributes.get("id", "")
            self.tables[self._table] = []
        elif "tbody" in self._open:
            rows = self.tables[self._table]
            if tag == "tr":
                rows.append([])
            elif tag in ("td", "th"):
                rows[-1].append("")
            elif tag == "data":
                rows[-1][-1] = attributes["value"]

    def handle_endtag(self, tag: str) -> None:  # noqa: D102
        self._open.discard(tag)

    def handle_data(self, data: str) -> None:  # noqa: D102
        if "style" in self._open:
            self._add_style_references(data)
        elif "tbody" in self._open and self._open & {"td", "th"} and "data" not in self._open:
            self.tables[self._table][-1][-1] += data.strip()

    def _add_references(self, *addresses: str) -> None:
        self.references += [address for address in addresses if not address.strip().startswith(_WITHIN)]

    def _add_style_references(self, style: str) -> None:
        self._add_references(*_STYLE_REFERENCE.findall(style))
