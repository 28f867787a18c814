"""A linter for pages of the report: well-formed HTML, references, alternative texts, and no scripts."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

from notmnist_assets.curation.report.reading import PageReader

_VOID: Final = frozenset({"meta", "img", "br", "hr", "link", "input", "source", "base", "col", "wbr"})
_FORBIDDEN: Final = frozenset({"script", "iframe", "object", "embed", "link", "base", "form"})
_PICTURES: Final = ("data:image/png;base64,", "data:image/svg+xml;base64,")
_REFERENCES: Final = frozenset({"src", "href", "srcset", "data", "action", "poster", "xlink:href"})


@dataclass(frozen=True)
class ReadPage:
    """Content of a page.

    Attributes:
        sections: ids of the sections, in order.
        tables: by id, the texts of the cells of each body row; for a number, its exact value.
        pictures: number of images.
        problems: one sentence per defect of the HTML and per reference out of the page.
    """

    sections: Sequence[str]
    tables: Mapping[str, Sequence[Sequence[str]]]
    pictures: int
    problems: Sequence[str]


def read_page(html: str) -> ReadPage:
    """Parse and lint a page."""
    reader, linter = PageReader(), _Linter()
    for parser in (reader, linter):
        parser.feed(html)
        parser.close()
    if not html.startswith("<!DOCTYPE html>"):
        linter.problems.append("it does not start as HTML")
    linter.problems += [f"<{tag}> is never closed" for tag in linter.open]
    return ReadPage(reader.sections, reader.tables, linter.pictures, linter.problems)


def charts_of(html: str) -> list[str]:
    """Return the SVG of each chart."""
    found = re.findall('"data:image/svg[+]xml;base64,([^"]+)"', html)
    return [base64.b64decode(data).decode() for data in found]


def rows_of(page: ReadPage, table: str) -> dict[str, list[str]]:
    """Return the rows of a table by their first cells."""
    return {row[0]: list(row[1:]) for row in page.tables[f"{table}-table"]}


class _Linter(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.pictures = 0
        self.problems: list[str] = []
        self._targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if len(given) < len(attrs):
            self.problems.append(f"<{tag}> has a repeated attribute")
        if tag not in _VOID:
            self.open.append(tag)
        if tag in _FORBIDDEN or any(name.startswith("on") for name in given):
            self.problems.append(f"<{tag}> or one of its attributes is forbidden")
        self._check_references(tag, given)
        identity = given.get("id")
        if identity in self.ids:
            self.problems.append(f"the id {identity} is repeated")
        if identity:
            self.ids.add(identity)
        if tag == "img":
            self.pictures += 1
            if not given.get("alt"):
                self.problems.append("an image has no alternative text")

    def _check_references(self, tag: str, given: Mapping[str, str | None]) -> None:
        for name in given:
            if name not in _REFERENCES:
                continue
            reference = given[name] or ""
            if reference.startswith("#"):
                self._targets.append(reference[1:])
            elif not (tag == "img" and reference.startswith(_PICTURES)) and not reference.startswith("gallery.html#"):
                self.problems.append(f"<{tag}> refers to {reference[:80]}")
        if "url(" in (given.get("style") or ""):
            self.problems.append(f"the style of <{tag}> has a reference")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> has no start tag")
            return
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"] and ("url(" in data or "@import" in data):
            self.problems.append("the style sheet has a reference")

    def close(self) -> None:
        super().close()
        self.problems += [f"#{target} has no target" for target in self._targets if target not in self.ids]
