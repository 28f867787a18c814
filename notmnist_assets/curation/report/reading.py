"""The page read back, as a browser would find it.

Belongs here: which sections, tables and references a page has, and whether its HTML is sound. What must be in them
is up to those who ask.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

_VOID: Final = frozenset({"meta", "img", "br", "hr", "link", "input", "source", "base", "col", "wbr"})
_FOREIGN: Final = frozenset({"script", "iframe", "object", "embed", "link", "base", "form"})
_PICTURES: Final = ("data:image/png;base64,", "data:image/svg+xml;base64,")
_REFERENCES: Final = frozenset({"src", "href", "srcset", "data", "action", "poster", "xlink:href"})


@dataclass(frozen=True)
class ReadPage:
    """What a page holds.

    Attributes:
        sections: ids of the sections, in order.
        tables: by id, the texts of each body row; a number is told by its exact value, not as it is written.
        pictures: how many it shows.
        problems: what is wrong with its HTML, and what it needs from elsewhere; empty for a sound page.
    """

    sections: Sequence[str]
    tables: Mapping[str, Sequence[Sequence[str]]]
    pictures: int
    problems: Sequence[str]


def read_page(html: str) -> ReadPage:
    """Read a page; whatever is wrong with it is told in `problems`."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    if not html.startswith("<!DOCTYPE html>"):
        reader.problems.append("it does not start as HTML")
    reader.problems += [f"<{tag}> is never closed" for tag in reader.open]
    return ReadPage(reader.sections, reader.tables, reader.pictures, reader.problems)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.sections: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.pictures = 0
        self.problems: list[str] = []
        self._targets: list[str] = []
        self._rows: list[list[str]] | None = None
        self._exact = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if len(given) < len(attrs):
            self.problems.append(f"<{tag}> has an attribute twice")
        if tag not in _VOID:
            self.open.append(tag)
        if tag in _FOREIGN or any(name.startswith("on") for name in given):
            self.problems.append(f"<{tag}> or what it does has no place on the page")
        self._look_at_references(tag, given)
        identity = given.get("id")
        if identity in self.ids:
            self.problems.append(f"the id {identity} is there twice")
        if identity:
            self.ids.add(identity)
        if tag == "section":
            self.sections.append(identity or "")
        elif tag == "img":
            self.pictures += 1
            if not given.get("alt"):
                self.problems.append("a picture has no words that stand in for it")
        elif tag == "table":
            self._rows = self.tables.setdefault(identity or "", [])
        elif tag == "tr" and self._rows is not None and "tbody" in self.open:
            self._rows.append([])
        elif tag in ("td", "th") and self._rows:
            self._rows[-1].append("")
        elif tag == "data" and self._rows:
            self._rows[-1][-1] = given.get("value") or ""
            self._exact = True

    def _look_at_references(self, tag: str, given: Mapping[str, str | None]) -> None:
        for name in given:
            if name not in _REFERENCES:
                continue
            reference = given[name] or ""
            if reference.startswith("#"):
                self._targets.append(reference[1:])
            elif not (tag == "img" and reference.startswith(_PICTURES)):
                self.problems.append(f"<{tag}> refers to {reference[:80]}")
        if "url(" in (given.get("style") or ""):
            self.problems.append(f"the style of <{tag}> refers to elsewhere")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> closes nothing")
            return
        self.open.pop()
        if tag == "table":
            self._rows = None
        elif tag == "data":
            self._exact = False

    def handle_data(self, data: str) -> None:
        if self._rows and not self._exact and {"td", "th"} & set(self.open) and "tbody" in self.open:
            self._rows[-1][-1] += data.strip()
        if self.open[-1:] == ["style"] and ("url(" in data or "@import" in data):
            self.problems.append("the style sheet refers to elsewhere")

    def close(self) -> None:
        super().close()
        self.problems += [f"#{target} leads nowhere" for target in self._targets if target not in self.ids]
