"""Tables of many columns in a terminal of few: no word and no number is ever broken that has room in a line.

Belongs here: which columns stand side by side, and how wide each is. What is in them is up to `showing`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

_MOST_LEADING: Final = 0.6
"""Share of the width that columns may take which every block begins with."""
_BORDERS: Final = 3
"""What a column takes beside its text; a table takes one more."""


@dataclass(frozen=True)
class ShownColumn:
    """A column of a table: its head, its cells from top to bottom, and whether these are numbers."""

    head: str
    cells: Sequence[Text]
    numeric: bool = False

    @property
    def narrowest(self) -> int:
        """Cells of the terminal that its longest word takes; a head also breaks after an underscore."""
        words = self.head.replace("_", "_ ").split()
        for cell in self.cells:
            words += cell.plain.split()
        return max(map(cell_len, words), default=1)

    @property
    def widest(self) -> int:
        """Cells of the terminal that its longest text takes."""
        return max(map(cell_len, (self.head, *(cell.plain for cell in self.cells))))


def fitted(title: str, columns: Sequence[ShownColumn], width: int) -> Iterator[RenderableType]:
    """Yield a table as what fits into `width` cells: as it is, else without constant columns, else in blocks.

    One row is told as a line for each column. Constant columns are told in a line above. Each block begins with the
    columns of text, which say what a row is about; where these take too much room, with the first column when no two
    rows are alike in it, else with the number of the row.
    """
    if _width(columns) <= width:
        yield _block(title, columns, width)
        return
    if len(columns[0].cells) == 1:
        heads = ShownColumn("what", [Text(column.head) for column in columns])
        record = [heads, ShownColumn("value", [column.cells[0] for column in columns])]
        if _width(record) <= width:
            yield _block(title, record, width)
            return
    told = [column for column in columns if len(column.cells) > 1 and len({cell.plain for cell in column.cells}) == 1]
    if told:
        same = ", ".join(f"{column.head} {column.cells[0].plain}" for column in told)
        yield Text(f"{title}, in all these rows: {same}", style="italic")
    if rest := [column for column in columns if column not in told]:
        blocks = _blocks(rest, width)
        for number, block in enumerate(blocks, start=1):
            yield _block(title if len(blocks) == 1 else f"{title} ({number} of {len(blocks)})", block, width)


def _blocks(columns: Sequence[ShownColumn], width: int) -> list[list[ShownColumn]]:
    if _width(columns) <= width:
        return [list(columns)]
    leading = [column for column in columns if not column.numeric]
    others = [column for column in columns if column.numeric]
    if not leading or _width(leading) > _MOST_LEADING * width:
        first, *others = columns
        leading = [first]
        if _width(leading) > _MOST_LEADING * width or len({cell.plain for cell in first.cells}) < len(first.cells):
            leading = [ShownColumn("#", [Text(str(row)) for row in range(len(first.cells))], numeric=True)]
            others = list(columns)
    fewest = len(_filled(leading, others, width, len(others)))
    return _filled(leading, others, width, math.ceil(len(others) / fewest))


def _filled(
    leading: list[ShownColumn], others: Sequence[ShownColumn], width: int, most: int
) -> list[list[ShownColumn]]:
    """Return blocks that begin with the leading columns and hold the others in their order, at most `most` each."""
    blocks = [list(leading)]
    for column in others:
        held = len(blocks[-1]) - len(leading)
        if held == most or (held and _width([*blocks[-1], column]) > width):
            blocks.append(list(leading))
        blocks[-1].append(column)
    return blocks


def _width(columns: Sequence[ShownColumn]) -> int:
    """Return the fewest cells of the terminal that a table of these columns takes."""
    return sum(column.narrowest + _BORDERS for column in columns) + 1


def _block(title: str, columns: Sequence[ShownColumn], width: int) -> Table:
    table = Table(title=Text(title), title_justify="left")
    for column, cells in zip(columns, _widths(columns, width), strict=True):
        table.add_column(
            Text(column.head if cell_len(column.head) <= cells else column.head.replace("_", "_\n")),
            justify="right" if column.numeric else "left",
            overflow="fold",
            width=cells,
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*row)
    return table


def _widths(columns: Sequence[ShownColumn], width: int) -> list[int]:
    """Return how wide each column is, without borders: those that need least get it first, the rest is for others."""
    widths = [min(column.narrowest, width - _BORDERS - 1) for column in columns]
    spare = max(0, width - _width(columns))
    for done, place in enumerate(sorted(range(len(columns)), key=lambda place: columns[place].widest)):
        more = min(columns[place].widest - widths[place], spare // (len(columns) - done))
        widths[place] += more
        spare -= more
    return widths
