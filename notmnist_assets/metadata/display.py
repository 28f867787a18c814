"""Converts results of the library to Dagster metadata: pictures within a size budget, tables, numbers."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.curation.core.figures import contact_sheet
from notmnist_assets.curation.core.gallery import Exhibit, gallery
from notmnist_assets.curation.core.images import LETTERS, Images
from notmnist_assets.curation.core.sampling import evenly_spaced

PICTURE_BUDGET: Final = 40_000
"""Largest size in bytes of a picture as Markdown. Dagster keeps all pictures and sends them with each asset page."""

_SHEET_IMAGES: Final = 100
_MOST_RECORDS: Final = 200
_DIGITS: Final = 4
"""Significant digits of fractions in tables; the stored value has all digits."""


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
    """Return a contact sheet of up to 100 evenly spaced images, with fewer grays or images to fit the budget.

    Args:
        images: uint8 (n, 28, 28).
        title: beginning of the title.
    """
    for count, levels in ((_SHEET_IMAGES, 256), (_SHEET_IMAGES, 16), (_SHEET_IMAGES, 4), (_SHEET_IMAGES // 2, 4)):
        rows = evenly_spaced(len(images), count)
        png = contact_sheet(np.asarray(images[rows]), levels=levels)
        full_title = f"{title}: {len(rows)} of {len(images):,} images, evenly spaced"
        if _fits(png, full_title):
            break
    return picture(png, full_title)


def _fits(png: bytes, title: str) -> bool:
    return len(png) * 4 // 3 + 2 * len(title) + 64 <= PICTURE_BUDGET


def exhibits(items: Sequence[Exhibit], title: str, per_line: int = 2) -> dg.MarkdownMetadataValue:
    """Return a gallery, with fewer exhibits to fit the budget; the text `none` if there are no exhibits."""
    count = len(items)
    while count:
        png = gallery(items[:count], per_line)
        if _fits(png, title):
            return picture(png, title)
        count = count * 3 // 4
    return dg.MetadataValue.md("none")


def table(
    frame: pd.DataFrame, columns: dg.TableSchema | Mapping[str, str | None] | None = None
) -> dg.TableMetadataValue:
    """Return the first 200 rows of a table, cells as Python values, fractions with four significant digits.

    Args:
        frame: the table.
        columns: descriptions of its columns, by name or in a schema; further columns are ignored.
    """
    head = frame.head(_MOST_RECORDS)
    meaning = descriptions(columns) if isinstance(columns, dg.TableSchema) else columns or {}
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(str(name), _kind(frame[name]), description=meaning.get(str(name))) for name in frame.columns
        ]
    )
    rows = [{str(name): short(plain(value)) for name, value in row.items()} for row in head.to_dict("records")]
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
    """Return a fraction with four significant digits, any other value unchanged."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.{_DIGITS}g}") if abs(value) < 10**_DIGITS else float(round(value))


def _kind(column: "pd.Series[Any]") -> str:
    if pd.api.types.is_bool_dtype(column.dtype):
        return "bool"
    if pd.api.types.is_integer_dtype(column.dtype):
        return "int"
    return "float" if pd.api.types.is_float_dtype(column.dtype) else "string"
