"""The parts a page consists of: sections, and in them paragraphs, notices, facts, tables and pictures.

Belongs here: their shape, and how numbers and exhibits are shown. What they say is up to the sections; their HTML is in
`page.html`.
"""

import base64
import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import pandas as pd

from notmnist_assets.curation.core.figures import contact_sheet
from notmnist_assets.curation.core.gallery import Exhibit
from notmnist_assets.curation.core.wording import counted

MOST_ROWS: Final = 100
"""Rows of a long table that the page shows."""
_SCALE: Final = 2


@dataclass(frozen=True)
class Cell:
    """What a person reads, the exact number behind it, and how much of its column's largest it is (0 to 1).

    `breaks` tells where a line may end: between words, after underscores too, or anywhere.
    """

    text: str
    value: int | float | None = None
    bar: float | None = None
    breaks: Literal["words", "underscores", "anywhere"] = "words"

    @property
    def bar_percent(self) -> str:
        """The bar's length for the style sheet."""
        return f"{100 * (self.bar or 0):.1f}%"


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """Return the rows of a table, columns as attributes whose types only the table knows."""
    return iter(table.itertuples(index=False))


def word(text: object) -> Cell:
    """Return a cell of text."""
    return Cell(str(text))


def code(text: object) -> Cell:
    """Return a cell of text without words, such as a hash or the name of a file."""
    return Cell(str(text), breaks="anywhere")


def variable(text: object) -> Cell:
    """Return a cell with the name of a variable."""
    return Cell(str(text), breaks="underscores")


def count(number: int, *, of: int | None = None) -> Cell:
    """Return a counted number; with `of`, a bar shows its part of that."""
    return Cell(f"{int(number):,}", int(number), None if not of else int(number) / of)


def share(number: float, digits: int = 1, *, bar: bool = False) -> Cell:
    """Return a share from 0 to 1 as a percentage."""
    number = float(number)
    if not math.isfinite(number):
        return Cell("-")
    return Cell(f"{100 * number:.{digits}f} %", number, number if bar else None)


def measure(number: float, digits: int = 2) -> Cell:
    """Return a measured number; a dash where there is none."""
    number = float(number)
    return Cell(f"{number:.{digits}f}", number) if math.isfinite(number) else Cell("-")


def interval(low: float, high: float, digits: int = 1) -> Cell:
    """Return the ends of an interval of a share."""
    return Cell(f"{100 * low:.{digits}f} to {100 * high:.{digits}f} %")


def estimate(number: float, low: float, high: float, digits: int = 1, *, bar: bool = False) -> Cell:
    """Return a share from 0 to 1 as a percentage, with the ends of its interval."""
    text = f"{100 * number:.{digits}f} % ({100 * low:.{digits}f} to {100 * high:.{digits}f})"
    return Cell(text, float(number), float(number) if bar else None)


@dataclass(frozen=True)
class Column:
    """A column: its head, what it means, and whether it holds numbers."""

    title: str
    about: str = ""
    numeric: bool = False


def words(title: str, about: str = "") -> Column:
    """Return a column of text."""
    return Column(title, about)


def numbers(title: str, about: str = "") -> Column:
    """Return a column of numbers."""
    return Column(title, about, numeric=True)


@dataclass(frozen=True)
class Paragraph:
    """A few sentences."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True)
class Notice:
    """Something that nobody may overlook: what it is, and each instance of it."""

    kind: ClassVar[str] = "notice"
    id: str
    title: str
    texts: Sequence[str]


@dataclass(frozen=True)
class Fact:
    """A number with its name and what it means."""

    name: str
    cell: Cell
    about: str


@dataclass(frozen=True)
class Facts:
    """Numbers that stand alone."""

    kind: ClassVar[str] = "facts"
    id: str
    facts: Sequence[Fact]


@dataclass(frozen=True)
class Table:
    """Rows under named columns. The first column names the row.

    Attributes:
        id: unique on the page.
        caption: what the table shows.
        columns: heads.
        rows: as many cells each as there are columns.
        hidden: how many further rows are left out.
        empty: what to say when there are no rows.
        total: whether the last row sums up the others.
    """

    kind: ClassVar[str] = "table"
    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    hidden: int = 0
    empty: str = "There are none."
    total: bool = False

    @property
    def hidden_in_words(self) -> str:
        """What to say of the rows that are left out."""
        return f"{counted(self.hidden, 'more row is', 'more rows are')} not shown here."


@dataclass(frozen=True)
class Picture:
    """A PNG with what it shows, in words that stand in for it, and its caption.

    `scale` enlarges each of its pixels to a square; 0 leaves scaling to the browser.
    """

    png: bytes
    alt: str
    caption: str
    scale: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height on the page."""
        width, height = struct.unpack(">II", self.png[16:24])
        return width * max(self.scale, 1), height * max(self.scale, 1)

    @property
    def uri(self) -> str:
        """The picture itself, so that the page needs no other file."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


def exhibit_picture(shown: Exhibit, alt: str) -> Picture:
    """Return the images of an exhibit side by side, each pixel enlarged."""
    png = contact_sheet(shown.images, columns=max(1, len(shown.images)))
    return Picture(png, f"{alt}. {shown.caption}", shown.caption, _SCALE)


@dataclass(frozen=True)
class Pictures:
    """Pictures that belong together, under a heading of their own."""

    kind: ClassVar[str] = "pictures"
    title: str
    about: str
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Chart:
    """A chart as SVG under a heading of its own, with words that stand in for it, and its caption."""

    kind: ClassVar[str] = "chart"
    title: str
    alt: str
    caption: str
    svg: bytes

    @property
    def uri(self) -> str:
        """The chart itself, so that the page needs no other file."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()


Block = Paragraph | Notice | Facts | Table | Pictures | Chart


@dataclass(frozen=True)
class Section:
    """A part of the page with a place in its table of contents."""

    id: str
    title: str
    lead: str
    blocks: Sequence[Block]
