"""What is wrong with a page of the report, for tests: its HTML, its references, and what it needs from elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

from notmnist_assets.curation.report.reading import PageReader

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
    reader, linter = PageReader(), _Linter()
    for parser in (reader, linter):
        parser.feed(html)
        parser.close()
    if not html.startswith("<!DOCTYPE html>"):
        linter.problems.append("it does not start as HTML")
    linter.problems += [f"<{tag}> is never closed" for tag in linter.open]
    return ReadPage(reader.sections, reader.tables, linter.pictures, linter.problems)


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
        if tag == "img":
            self.pictures += 1
            if not given.get("alt"):
                self.problems.append("a picture has no words that stand in for it")

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

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"] and ("url(" in data or "@import" in data):
            self.problems.append("the style sheet refers to elsewhere")

    def close(self) -> None:
        super().close()
        self.problems += [f"#{target} leads nowhere" for target in self._targets if target not in self.ids]
