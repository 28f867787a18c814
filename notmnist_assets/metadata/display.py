"""Converts results of the library to Dagster metadata: pictures within a size budget, tables, numbers."""

import base64
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.curation.core.exhibits import Exhibit, contact_sheet, exhibit_sheet
from notmnist_assets.curation.core.images import LETTERS, Images
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.summaries.text import LONGEST, percent, percent_range, rounded

PICTURE_BUDGET: Final = 40_000
"""Largest size in bytes of a picture as Markdown. Dagster keeps all pictures and sends them with each asset page."""

_SHEET_SCALE: Final = 3
"""Side of a pixel of the images in contact sheets, which the UI shows up to 1,200 pixels wide."""
_SHEET_COLUMNS: Final = 12
_SHEET_IMAGES: Final = 60
_LEVELS: Final = (256, 32, 16, 8, 4)
"""Gray levels of contact sheets, the first that fit the budget."""
MOST_RECORDS: Final = 20
"""Most rows of a table on an asset's page; the stored value has all rows."""
MOST_NUMBERS: Final = 8
"""Most numbers on an asset's page: the UI plots each of them."""
SUMMARY: Final = "summary"
"""Label of the first entry of each asset's page."""
PERCENT: Final = "percent"
"""Type of table columns with shares in percent as text, such as `4.62 %`."""
_INTERVAL: Final = "95 % interval"


def asset_page(
    summary: str,
    *,
    picture: Mapping[str, dg.MarkdownMetadataValue] | None = None,
    numbers: Mapping[str, float] | None = None,
    facts: Mapping[str, Any] | None = None,
    tables: Mapping[str, dg.TableMetadataValue] | None = None,
    pictures: Mapping[str, dg.MarkdownMetadataValue] | None = None,
) -> dict[str, Any]:
    """Return the metadata of an asset in the order of its page in the UI and in the terminal.

    Args:
        summary: the answer in three to five lines of Markdown, from `curation.summaries`.
        picture: the picture that shows it best, by label.
        numbers: up to eight numbers that are worth plotting, by label; fractions get three significant digits.
        facts: texts and flags by label.
        tables: tables by label, the most telling first.
        pictures: further pictures by label.

    Raises:
        ValueError: there are more than eight numbers, or the summary is too long to be shown without a click.
    """
    shown = {label: short(plain(value)) for label, value in (numbers or {}).items()}
    if len(shown) > MOST_NUMBERS:
        raise ValueError(f"{len(shown)} numbers, at most {MOST_NUMBERS} are allowed: {', '.join(shown)}")
    if len(summary) >= LONGEST:
        raise ValueError(f"a summary of {len(summary)} characters, at most {LONGEST - 1} are allowed")
    return {
        SUMMARY: dg.MetadataValue.md(summary),
        **(picture or {}),
        **shown,
        **(facts or {}),
        **(tables or {}),
        **(pictures or {}),
    }


def picture(png: bytes, title: str) -> dg.MarkdownMetadataValue:
    """Return a PNG as Markdown with an embedded image and its title below, because browsers hide the alternative text.

    Raises:
        ValueError: the Markdown is larger than the budget.
    """
    text = f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})\n\n*{title}*"
    if len(text) > PICTURE_BUDGET:
        raise ValueError(f"the picture {title!r} takes {len(text)} bytes, the budget is {PICTURE_BUDGET}")
    return dg.MetadataValue.md(text)


def contact_sheet_metadata(images: Images, title: str) -> dg.MarkdownMetadataValue:
    """Return a contact sheet of up to 60 evenly spaced images, with fewer grays or images to fit the budget.

    Args:
        images: uint8 (n, 28, 28).
        title: beginning of the title.
    """
    rows = evenly_spaced(len(images), _SHEET_IMAGES)
    full_title = f"{title}: {len(rows)} of {len(images):,} images, evenly spaced"
    return sheet_metadata(np.asarray(images[rows]), full_title, columns=_SHEET_COLUMNS)


def sheet_metadata(images: Images, title: str, *, columns: int) -> dg.MarkdownMetadataValue:
    """Return a contact sheet of images in reading order, with fewer grays to fit the budget.

    Args:
        images: uint8 (n, 28, 28), at most 60.
        title: title of the picture.
        columns: images per line.

    Raises:
        ValueError: it does not fit, because there are too many images.
    """
    for levels in _LEVELS:
        png = contact_sheet(images, columns, levels, _SHEET_SCALE)
        if _fits(png, title):
            break
    return picture(png, title)


def _fits(png: bytes, title: str) -> bool:
    return len(png) * 4 // 3 + 2 * len(title) + 64 <= PICTURE_BUDGET


def exhibits(items: Sequence[Exhibit], title: str, per_line: int = 3) -> dg.MarkdownMetadataValue:
    """Return a gallery, with fewer exhibits to fit the budget; the text `none` if there are no exhibits."""
    count = len(items)
    while count:
        png = exhibit_sheet(items[:count], per_line)
        if _fits(png, title):
            return picture(png, title)
        count = count * 3 // 4
    return dg.MetadataValue.md("none")


def table(
    frame: pd.DataFrame,
    columns: dg.TableSchema | Mapping[str, str | None] | None = None,
    *,
    shares: Collection[str] = (),
    intervals: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> dg.TableMetadataValue:
    """Return the first 20 rows of a table, cells as Python values, fractions with three significant digits.

    Args:
        frame: the table, the most telling rows first.
        columns: descriptions of its columns, by name or in a schema; further columns are ignored.
        shares: names of columns with shares from 0 to 1, which are shown in percent.
        intervals: columns to show instead of two columns with the ends of an interval of shares.
    """
    head = frame.head(MOST_RECORDS)
    for name, (low, high) in intervals.items():
        texts = [percent_range(*ends) for ends in zip(head[low], head[high], strict=True)]
        place = int(np.argmax(head.columns == low))
        head = head.drop(columns=[low, high])
        head.insert(place, name, pd.Series(texts, head.index, "str"))
    meaning = descriptions(columns) if isinstance(columns, dg.TableSchema) else columns or {}
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(
                str(name),
                PERCENT if name in shares or name in intervals else _kind(head[name]),
                description=meaning.get(str(name), _INTERVAL if name in intervals else None),
            )
            for name in head.columns
        ]
    )
    rows = [
        {str(name): percent(value) if name in shares else short(plain(value)) for name, value in row.items()}
        for row in head.to_dict("records")
    ]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows], schema=schema)


def descriptions(schema: dg.TableSchema) -> dict[str, str | None]:
    """Return the descriptions of the columns of a schema, by name."""
    return {column.name: column.description for column in schema.columns}


def counts_table(counts: Sequence[int], column: str = "rows") -> dg.TableMetadataValue:
    """Return one row per letter A to J with its count in `column`."""
    return table(pd.DataFrame({"letter": list(LETTERS), column: list(counts)}))


def plain(value: Any) -> Any:
    """Return a NumPy scalar as a Python value, because Dagster cannot store NumPy scalars; NaN and infinity as None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def short(value: Any) -> Any:
    """Return a fraction with three significant digits, any other value unchanged."""
    return rounded(value) if isinstance(value, float) else value


def _kind(column: "pd.Series[Any]") -> str:
    if pd.api.types.is_bool_dtype(column.dtype):
        return "bool"
    if pd.api.types.is_integer_dtype(column.dtype):
        return "int"
    return "float" if pd.api.types.is_float_dtype(column.dtype) else "string"
