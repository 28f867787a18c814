"""An asset in the terminal: its numbers and tables, its checks and files, and its pictures in half blocks.

Belongs here: drawing with rich. What is known of an asset is collected in `inspecting`.
"""

import io
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import dagster as dg
from PIL import Image
from rich import box
from rich.color import Color
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markdown import Markdown
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from notmnist_assets.cli.inspection import Inspection
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.core.wording import counted

_MOST_ROWS: Final = 30
_SAMPLE: Final = "sample_rows"
"""The label of tables that are rows of the value, spread over all of it."""
_WHOLE: Final = 1_000
"""Larger numbers are shown without a fraction."""
_COLOURS: Final = {"passed": "green", "warned": "yellow", "failed": "red"}


class HalfBlocks:
    """A picture as lines of "▀": the ink is the upper pixel, the paper the lower one."""

    def __init__(self, png: bytes) -> None:
        """Draw the PNG, no wider than the terminal and no larger than it is."""
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
    """Print an asset; its pictures only where colours can be seen."""
    console.print(Text(inspection.name, style="bold"))
    console.print(Text(inspection.description))
    console.print(_numbers(inspection))
    for label, value in inspection.metadata.items():
        if isinstance(value, dg.TableMetadataValue):
            rows = inspection.metadata.get("rows") if label == _SAMPLE else None
            total = rows.value if isinstance(rows, dg.IntMetadataValue) else None
            console.print(*_table(label, value, total), sep="\n")
    if inspection.checks:
        console.print(_checks(inspection))
    if inspection.files:
        console.print(_files(inspection))
        # On a line of its own, however long: it is there to be copied.
        console.print(Text(f"in {inspection.uri}"), soft_wrap=True)
    pictures = inspection.pictures
    in_pictures = {picture.label for picture in pictures}
    for label, value in inspection.metadata.items():
        if isinstance(value, dg.MarkdownMetadataValue) and label not in in_pictures:
            console.print(Text(label, style="italic"), Markdown(value.value or ""), sep="\n")
    if not pictures:
        return
    if console.is_terminal and console.color_system is not None:
        for picture in pictures:
            console.print(Text(f"{picture.label}: {picture.title}", style="italic"), HalfBlocks(picture.png), sep="\n")
    else:
        names = ", ".join(picture.label for picture in pictures)
        console.print(f"Pictures, which --pictures FOLDER writes as PNG files: {names}", soft_wrap=True)


def _new_table(title: str, columns: Sequence[tuple[str, bool]]) -> Table:
    """Return an empty table; of each column the head, and whether it holds numbers."""
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name, numeric in columns:
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    return table


def _numbers(inspection: Inspection) -> Table:
    table = _new_table("Last materialization", [("what", False), ("value", False)])
    table.add_row("made (UTC)", inspection.made.strftime("%Y-%m-%d %H:%M:%S"))
    table.add_row("run", inspection.run_id)
    for label, value in inspection.metadata.items():
        text = _in_words(value)
        if text is not None:
            table.add_row(Text(label), Text(text))
    return table


def _in_words(value: dg.MetadataValue[Any]) -> str | None:
    """Return a plain value as text, None for tables, pictures and what else has no place in a line."""
    if isinstance(value, dg.JsonMetadataValue):
        return json.dumps(value.value, sort_keys=True)
    plain = value.value
    if isinstance(value, dg.MarkdownMetadataValue) or not isinstance(plain, bool | int | float | str):
        return None
    return _cell(plain)


def _cell(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def _short(value: object) -> str:
    """Return a cell of a table: of numbers that were measured, four digits."""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < _WHOLE or not math.isfinite(value) else f"{value:,.0f}"
    return _cell(value)


def _table(label: str, value: dg.TableMetadataValue, total: int | None = None) -> Iterator[RenderableType]:
    """Yield a table and what its columns mean; `total` is how many rows a value has that it is a sample of."""
    shown = range(min(len(value.records), _MOST_ROWS))
    rows = [value.records[row] for row in (shown if total is None else evenly_spaced(len(value.records), _MOST_ROWS))]
    columns = value.schema.columns
    table = _new_table(label, [(column.name, column.type in ("int", "float")) for column in columns])
    for row in rows:
        table.add_row(*(Text(_short(row.data.get(column.name))) for column in columns))
    yield table
    if total is not None and total > len(rows):
        yield Text(f"{len(rows)} of {total:,} rows; load the asset for all", style="italic")
    elif hidden := len(value.records) - len(rows):
        yield Text(f"{counted(hidden, 'more row')} in the UI", style="italic")
    for column in columns:
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
