"""Prints an asset: its summary, numbers, tables, checks and files, and its pictures as half blocks."""

import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

import dagster as dg
from PIL import Image
from rich import box
from rich.cells import cell_len
from rich.color import Color
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markdown import Markdown
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from notmnist_assets.cli.inspection import Inspection
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.core.wording import counted, printable
from notmnist_assets.curation.summaries.text import spans
from notmnist_assets.metadata.display import PERCENT, SUMMARY

_MOST_ROWS: Final = 30
_SAMPLE: Final = "sample_rows"
"""The label of tables that are a sample of the value's rows."""
_WHOLE: Final = 1_000
"""Numbers from here on are printed without a fraction."""
_NUMERIC: Final = ("int", "float", PERCENT)
_GAP: Final = 2
"""Cells of the terminal between two columns."""
_SHARE_OF_KEYS: Final = 0.75
"""Largest share of the terminal's width for the columns that every part of a table repeats."""
_LONGEST_WORD: Final = 12
"""Longer words in cells are folded if a table is wider than the terminal."""
_STYLES: Final = {"bold": "bold", "code": "cyan"}
_COLOURS: Final = {"passed": "green", "warned": "yellow", "failed": "red"}


class HalfBlocks:
    """A picture as lines of "▀": the foreground is the upper pixel, the background is the lower pixel."""

    def __init__(self, png: bytes) -> None:
        """Print the PNG, at most as wide as the terminal and as the picture."""
        self._png = png

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        with Image.open(io.BytesIO(self._png)) as opened:
            picture = opened.convert("RGB")
        width = max(1, min(options.max_width, picture.width))
        lines = max(1, round(picture.height * width / picture.width / 2))
        pixels = picture.resize((width, 2 * lines), Image.Resampling.BOX).tobytes()
        for line in range(lines):
            for column in range(width):
                upper, lower = (3 * (width * (2 * line + half) + column) for half in (0, 1))
                yield Segment(
                    "▀",
                    Style(
                        color=Color.from_rgb(*pixels[upper : upper + 3]),
                        bgcolor=Color.from_rgb(*pixels[lower : lower + 3]),
                    ),
                )
            yield Segment.line()


def show(console: Console, inspection: Inspection) -> None:
    """Print an asset; its pictures only if the terminal has colors."""
    console.print(Text(inspection.name, style="bold"))
    if (text := summary_text(inspection.metadata)) is not None:
        console.print(text)
    console.print(Text(inspection.description, style="dim"))
    console.print(_numbers(inspection))
    for label, value in inspection.metadata.items():
        if isinstance(value, dg.TableMetadataValue):
            rows = inspection.metadata.get("rows") if label == _SAMPLE else None
            total = rows.value if isinstance(rows, dg.IntMetadataValue) else None
            console.print(*_table(label, value, console.width, total), sep="\n")
    if inspection.checks:
        console.print(_checks(inspection))
    if inspection.files:
        console.print(_files(inspection))
        # On a line of its own and never folded, so that it can be copied.
        console.print(Text(f"in {inspection.uri}"), soft_wrap=True)
    pictures = inspection.pictures
    in_pictures = {picture.label for picture in pictures}
    for label, value in inspection.metadata.items():
        if isinstance(value, dg.MarkdownMetadataValue) and label not in {SUMMARY, *in_pictures}:
            console.print(Text(label, style="italic"), Markdown(value.value or ""), sep="\n")
    if not pictures:
        return
    if console.is_terminal and console.color_system is not None and not console.options.ascii_only:
        for picture in pictures:
            console.print(Text(f"{picture.label}: {picture.title}", style="italic"), HalfBlocks(picture.png), sep="\n")
    else:
        names = ", ".join(picture.label for picture in pictures)
        console.print(f"Pictures, which --pictures FOLDER writes as PNG files: {names}", soft_wrap=True)


def summary_text(metadata: Mapping[str, dg.MetadataValue[Any]]) -> RenderableType | None:
    """Return the summary in the metadata of a materialization as a list for the terminal, None if it has none."""
    summary = metadata.get(SUMMARY)
    if not isinstance(summary, dg.MarkdownMetadataValue):
        return None
    lines = Table.grid(padding=(0, 1, 0, 0))
    for line in spans(summary.value or ""):
        lines.add_row("-", Text.assemble(*((span.text, _STYLES.get(span.style, "")) for span in line)))
    return lines


@dataclass(frozen=True)
class _Column:
    """A column of a printed table: its name, whether its cells are numbers, and the cells."""

    name: str
    numeric: bool
    cells: Sequence[str]

    @property
    def least_width(self) -> int:
        """Cells of the terminal that the column needs: numbers are never folded, text is."""
        if self.numeric:
            return max(cell_len(self.name), *map(cell_len, self.cells), 0)
        words = (word for text in (self.name, *self.cells) for word in text.split())
        return max((min(cell_len(word), _LONGEST_WORD) for word in words), default=0)


def _new_table(title: str, columns: Sequence[tuple[str, bool]]) -> Table:
    """Return an empty table of columns, each given by its name and whether it contains numbers."""
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name, numeric in columns:
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    return table


def _filled_tables(title: str, columns: Sequence[_Column], width: int) -> Iterator[Table]:
    """Yield a table of the columns; if it is too wide, several, each starting with the leading text columns."""
    keys = list(takewhile(lambda column: not column.numeric, columns))
    if _width(keys) > width * _SHARE_OF_KEYS:
        keys = keys[:1]
    parts = [list(keys)]
    for column in columns[len(keys) :]:
        if len(parts[-1]) > len(keys) and _width([*parts[-1], column]) > width:
            parts.append(list(keys))
        parts[-1].append(column)
    for number, part in enumerate(parts, 1):
        name = title if len(parts) == 1 else f"{title} ({number} of {len(parts)})"
        table = _new_table(name, [(column.name, column.numeric) for column in part])
        for row in zip(*(column.cells for column in part), strict=True):
            table.add_row(*map(Text, row))
        yield table


def _width(columns: Sequence[_Column]) -> int:
    return sum(column.least_width + _GAP for column in columns)


def _numbers(inspection: Inspection) -> Table:
    table = _new_table("Last materialization", [("label", False), ("value", False)])
    table.add_row("time (UTC)", inspection.made.strftime("%Y-%m-%d %H:%M:%S"))
    table.add_row("run", inspection.run_id)
    for label, value in inspection.metadata.items():
        text = _plain_text(value)
        if text is not None:
            table.add_row(Text(label), Text(text))
    return table


def _plain_text(value: dg.MetadataValue[Any]) -> str | None:
    """Return a metadata value as one line of text, None for tables, pictures and Markdown."""
    if isinstance(value, dg.JsonMetadataValue):
        return json.dumps(value.value, sort_keys=True)
    plain = value.value
    if isinstance(value, dg.MarkdownMetadataValue) or not isinstance(plain, bool | int | float | str):
        return None
    return _cell(plain)


def _cell(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else "\n".join(map(printable, str(value).split("\n")))
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def _short(value: object) -> str:
    """Return a cell of a table, floats with three significant digits."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < _WHOLE or not math.isfinite(value) else f"{value:,.0f}"
    return _cell(value)


def _table(label: str, value: dg.TableMetadataValue, width: int, total: int | None = None) -> Iterator[RenderableType]:
    """Yield a table and the descriptions of its columns.

    Args:
        label: title of the table.
        value: its rows.
        width: cells of the terminal.
        total: number of rows of the value, if the table is a sample of them.
    """
    first = range(min(len(value.records), _MOST_ROWS))
    rows = [value.records[row] for row in (first if total is None else evenly_spaced(len(value.records), _MOST_ROWS))]
    columns = [
        _Column(column.name, column.type in _NUMERIC, [_short(row.data.get(column.name)) for row in rows])
        for column in value.schema.columns
    ]
    yield from _filled_tables(label, columns, width)
    if total is not None and total > len(rows):
        yield Text(f"{len(rows)} of {total:,} rows; load the asset for all", style="italic")
    elif hidden := len(value.records) - len(rows):
        yield Text(f"{counted(hidden, 'more row')} in the UI", style="italic")
    for column in value.schema.columns:
        if column.description:
            yield Text(f"{column.name}: {column.description}", style="italic")


def _checks(inspection: Inspection) -> Table:
    table = _new_table("Checks", [(name, False) for name in ("check", "outcome", "actual", "threshold")])
    for check in inspection.checks:
        outcome = Text(check.outcome, style=_COLOURS.get(check.outcome, ""))
        table.add_row(Text(check.name), outcome, Text(check.actual), Text(check.threshold))
    return table


def _files(inspection: Inspection) -> Table:
    table = _new_table("Files", [("file", False), ("bytes", True)])
    for name, size in inspection.files.items():
        table.add_row(Text(name), f"{size:,}")
    return table
