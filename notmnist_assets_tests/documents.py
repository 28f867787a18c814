"""Parses the documents: blocks of code, inline code, commands, links, headings, tables, and the two pictures of
docs/architecture.md.
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from notmnist_assets.settings.model import project_home

ARCHITECTURE = "docs/architecture.md"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r'\]\(([^)\s]+)\)|<img src="([^"]+)"|^\[\w+\]: (\S+)', re.MULTILINE)
_PROGRAMS = {"uv", "make", "notmnist", "dg", "dagster", "export"}
_ASSIGNMENT = re.compile(r"[A-Z_]+=")
_PLACEHOLDER = re.compile(r"\[|\.\.\.|\b[A-Z]+\b")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str

    @property
    def path(self) -> str | None:
        """The file that the block shows, if its first line is a comment that names one."""
        found = re.match(r"# (\w+(?:/\w+)*/\w+\.py)\n", self.text)
        return found[1] if found else None


@dataclass(frozen=True)
class Command:
    """A shell command: its text, the variables that it sets for itself, and its words."""

    text: str
    variables: Mapping[str, str]
    words: Sequence[str]

    @property
    def is_synopsis(self) -> bool:
        """Whether it has placeholders for arguments (`notmnist show ASSET`), so that it cannot be run."""
        return bool(_PLACEHOLDER.search(" ".join(self.words))) and self.words[0] != "export"


def read_command(text: str) -> Command:
    """Split a line as a shell does, without comments; `notmnist` is short for `uv run notmnist`."""
    words = shlex.split(text, comments=True)
    places = [place for place, word in enumerate(words) if not _ASSIGNMENT.match(word)]
    start = places[0] if places else len(words)
    assignments = (word.split("=", 1) for word in words[:start])
    words = words[start:]
    if words[:1] == ["notmnist"]:
        words = ["uv", "run", *words]
    return Command(text, dict(assignments), words)


class Document:
    """A Markdown file, or the Markdown cells of a notebook."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = project_home() / name
        self.text = self.path.read_text(encoding="utf-8")
        if self.path.suffix == ".ipynb":
            self.text = "\n\n".join(sources(self.path, "markdown"))
        self.prose = _FENCE.sub("", self.text)

    @cached_property
    def blocks(self) -> list[Block]:
        """The fenced blocks, in order."""
        return [Block(*found) for found in _FENCE.findall(self.text)]

    @cached_property
    def spans(self) -> list[str]:
        """The inline code of sentences and tables."""
        return _SPAN.findall(self.prose)

    @cached_property
    def commands_in_blocks(self) -> list[Command]:
        """The commands of all shell blocks."""
        lines = [line for block in self.blocks if block.language == "sh" for line in block.text.splitlines()]
        return [read_command(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]

    @cached_property
    def commands_in_sentences(self) -> list[Command]:
        """The inline code that begins with a program or a variable."""
        commands = [read_command(span) for span in self.spans if " " in span and _may_be_a_command(span)]
        return [command for command in commands if command.words and command.words[0] in _PROGRAMS]

    @cached_property
    def links(self) -> list[str]:
        """The targets of links and pictures."""
        return ["".join(found) for found in _LINK.findall(self.prose)]

    @cached_property
    def anchors(self) -> set[str]:
        """The headings, in the form in which links name them."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def table(self, first_column: str) -> list[list[str]]:
        """Return the rows of the table whose first column has this title, as cells."""
        lines = self.prose.splitlines()
        start = next(place for place, line in enumerate(lines) if _cells(line)[:1] == [first_column])
        return [_cells(line) for line in takewhile(lambda line: line.startswith("|"), lines[start + 2 :])]

    def block_after(self, heading: str) -> Block:
        """Return the first fenced block of the section with this heading."""
        return Block(*_FENCE.findall(self.text[self.text.index(f"\n{heading}\n") :])[0])


def documented_rooms() -> dict[str, str]:
    """Return the rooms of the package from top to bottom, as docs/architecture.md lists them.

    Returns:
        The purpose of each room by its path below the package, such as `storage` or `curation/core`. A room imports
        only rooms that come later.
    """
    lines = Document(ARCHITECTURE).block_after("## Rooms").text.splitlines()
    return dict(line.split(maxsplit=1) for line in lines)


def documented_flow() -> dict[str, set[str]]:
    """Return the stages in the order of the flow, with the stages they depend on, from docs/architecture.md."""
    lines = Document(ARCHITECTURE).block_after("## The flow").text.splitlines()
    found = [re.match(r"(\w+)(?: +← ((?:\w+, )*\w+))?  +\S", line) for line in lines]
    return {line[1]: set((line[2] or "").split(", ")) - {""} for line in found if line}


def sources(notebook: Path, kind: str) -> list[str]:
    """Return the sources of a notebook's cells of one kind."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []


def _may_be_a_command(span: str) -> bool:
    first = span.split()[0]
    return first in _PROGRAMS or bool(_ASSIGNMENT.match(first))
