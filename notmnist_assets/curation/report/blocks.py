"""Defines the parts of a page: sections with paragraphs, notices, facts, tables, pictures and charts.

The template `page.html` renders them.
"""

import base64
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import pandas as pd

from notmnist_assets.curation.core.wording import counted, printable
from notmnist_assets.curation.report.pictures import Picture
from notmnist_assets.curation.summaries.text import Span, spans

MOST_ROWS: Final = 100
"""Most rows of a long table that the page shows."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: the text that is shown.
        value: the exact number, None for text.
        bar: length of the bar behind the text, 0 to 1 of the width of the cell; None for no bar.
        depth: strength of the color behind the text, 0 to 1; None for no color.
        breaks: where a line may break: between words, also after underscores, or anywhere.
    """

    text: str
    value: int | float | None = None
    bar: float | None = None
    depth: float | None = None
    breaks: Literal["words", "underscores", "anywhere"] = "words"

    @property
    def bar_percent(self) -> str:
        """Length of the bar for the style sheet."""
        return f"{100 * (self.bar or 0):.1f}%"

    @property
    def look(self) -> str:
        """Class and style of a numeric cell."""
        if self.bar is not None:
            return f'class="numeric bar" style="--bar: {self.bar_percent}"'
        if self.depth is not None:
            return f'class="numeric shaded" style="--depth: {self.depth:.3f}"'
        return 'class="numeric"'


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """Iterate over the rows as named tuples, typed Any because pandas does not type columns."""
    return iter(table.itertuples(index=False))


def text_cell(text: object) -> Cell:
    """Return a cell of text."""
    return Cell(str(text))


def code_cell(text: object) -> Cell:
    """Return a cell of text that may break anywhere, such as a hash or a file name."""
    return Cell(printable(str(text)), breaks="anywhere")


def variable_cell(text: object) -> Cell:
    """Return a cell with the name of a variable, which may break after underscores."""
    return Cell(str(text), breaks="underscores")


def count(number: int, *, of: int | None = None) -> Cell:
    """Return a cell with a count; with `of`, a bar shows `number / of`."""
    return Cell(f"{int(number):,}", int(number), None if not of else int(number) / of)


def shaded(number: int, depth: float) -> Cell:
    """Return a cell with a count whose background is as strong as `depth`, 0 to 1."""
    return Cell(f"{int(number):,}", int(number), depth=float(depth))


def share(number: float, digits: int = 1, *, bar: bool = False) -> Cell:
    """Return a cell with a share from 0 to 1 as a percentage; a dash if it is not finite."""
    number = float(number)
    if not math.isfinite(number):
        return Cell("-")
    return Cell(f"{100 * number:.{digits}f} %", number, number if bar else None)


def measure(number: float, digits: int = 2) -> Cell:
    """Return a cell with a measured number; a dash if it is not finite."""
    number = float(number)
    return Cell(f"{number:.{digits}f}", number) if math.isfinite(number) else Cell("-")


def interval(low: float, high: float, digits: int = 1) -> Cell:
    """Return a cell with the ends of an interval of a share as percentages."""
    return Cell(f"{100 * low:.{digits}f} to {100 * high:.{digits}f} %")


def estimate(number: float, low: float, high: float, digits: int = 1, *, bar: bool = False) -> Cell:
    """Return a cell with a share from 0 to 1 and its interval as percentages."""
    text = f"{100 * number:.{digits}f} % ({100 * low:.{digits}f} to {100 * high:.{digits}f})"
    return Cell(text, float(number), float(number) if bar else None)


@dataclass(frozen=True)
class Column:
    """A column: its head, its explanation below the table, and whether its cells are numbers."""

    title: str
    about: str = ""
    numeric: bool = False


def text_column(title: str, about: str = "") -> Column:
    """Return a column of text."""
    return Column(title, about)


def number_column(title: str, about: str = "") -> Column:
    """Return a column of numbers."""
    return Column(title, about, numeric=True)


@dataclass(frozen=True)
class Paragraph:
    """Text of one or more sentences."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True)
class Notice:
    """A highlighted warning: a title and one text per instance."""

    kind: ClassVar[str] = "notice"
    id: str
    title: str
    texts: Sequence[str]


@dataclass(frozen=True)
class Fact:
    """A number with its name and explanation."""

    name: str
    cell: Cell
    about: str


@dataclass(frozen=True)
class Facts:
    """A grid of facts."""

    kind: ClassVar[str] = "facts"
    id: str
    facts: Sequence[Fact]


@dataclass(frozen=True)
class Table:
    """Rows under named columns. The first column names the row.

    Attributes:
        id: unique on the page.
        caption: title of the table.
        columns: heads.
        rows: as many cells each as there are columns.
        hidden: number of further rows that the page omits.
        empty: text that replaces the rows if there are none.
        total: whether the last row contains totals.
    """

    kind: ClassVar[str] = "table"
    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    hidden: int = 0
    empty: str = "None."
    total: bool = False

    @property
    def hidden_sentence(self) -> str:
        """The sentence about omitted rows."""
        return f"{counted(self.hidden, 'more row is', 'more rows are')} not shown here."


@dataclass(frozen=True)
class Pictures:
    """Pictures under a common heading."""

    kind: ClassVar[str] = "pictures"
    title: str
    about: str
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Chart:
    """A chart as SVG under a heading, with alternative text and a caption."""

    kind: ClassVar[str] = "chart"
    title: str
    alt: str
    caption: str
    svg: bytes

    @property
    def uri(self) -> str:
        """The file as a data URI."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()


@dataclass(frozen=True)
class Summary:
    """The summary of an asset, as `curation.summaries` writes it: Markdown, shown as a list without its links."""

    kind: ClassVar[str] = "summary"
    markdown: str

    @property
    def lines(self) -> Sequence[Sequence[Span]]:
        """Its lines as spans of text."""
        return list(spans(self.markdown))


@dataclass(frozen=True)
class Folded:
    """Details that a click on their title shows."""

    kind: ClassVar[str] = "folded"
    title: str
    blocks: "Sequence[Table | Pictures | Chart]"


Block = Paragraph | Summary | Notice | Facts | Table | Pictures | Chart | Folded


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        id: its anchor.
        title: its title, also in the table of contents.
        lead: an introduction.
        blocks: its content.
        gallery: the part of the gallery that shows all of what it shows examples of, such as `removed&letter=A`;
            empty for no link.
    """

    id: str
    title: str
    lead: str
    blocks: Sequence[Block]
    gallery: str = ""
