"""Decodes fonts from file names, and builds and compares the `sources` tables that identify the file of each row."""

import binascii
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import FILE_COLUMNS

Names = npt.NDArray[np.object_]


def font_name(file_name: str) -> str:
    """Return the font file that an image was rendered from, such as "FreightDispBookItalic.ttf".

    The archives name each image after the base64 (standard or URL-safe) of its font's file name. For a name that does
    not decode to printable text, the font is the file name without its last extension.
    """
    stem = file_name.rpartition(".")[0] or file_name
    encoded = stem.replace("-", "+").replace("_", "/")
    if len(encoded) % 4:
        encoded += "=" * (-len(encoded) % 4)
    try:
        text = binascii.a2b_base64(encoded, strict_mode=True).decode()
    except ValueError:
        return stem
    return text if text and text.isprintable() else stem


def fonts_of(names: Names) -> Names:
    """Return the font of each file name, object array (n,) of str, by `font_name`."""
    # Most names occur in all ten letters; each is decoded once.
    codes, distinct = pd.factorize(names)
    fonts: Names = np.array([font_name(name) for name in distinct], dtype=object)[codes]
    return fonts


def source_table(
    sets: Sequence[str], set_of: npt.NDArray[np.integer], labels: npt.NDArray[np.int32], names: Names
) -> pd.DataFrame:
    """Return the source of each row, as in `Split.sources`.

    Args:
        sets: names of the sets.
        set_of: integers (n,), position in `sets`.
        labels: int32 (n,), 0 to 9 for A to J.
        names: object array (n,) of str, file names.

    Returns:
        n rows: `set` and `letter`, categories; `name` and `font`, str.
    """
    return pd.DataFrame(
        {
            "set": pd.Categorical.from_codes(set_of, categories=pd.Index(list(sets))),
            "letter": pd.Categorical.from_codes(labels, categories=pd.Index(list(LETTERS))),
            "name": pd.Series(names, dtype="str"),
            "font": pd.Series(fonts_of(names), dtype="str"),
        }
    )


def file_paths(sources: pd.DataFrame) -> "pd.Series[str]":
    """Return `set/letter/name` of each row. Paths are equal exactly if rows come from the same file.

    Args:
        sources: at least the columns `set`, `letter` and `name` of `Split.sources`.

    Returns:
        str (n,), with the index of `sources`.
    """
    # Sets and letters have no slash, so different files have different paths, whatever their names.
    set_name, letter, name = (sources[column].astype("str") for column in FILE_COLUMNS)
    return set_name + "/" + letter + "/" + name


def repeated_files(tables: Sequence[pd.DataFrame]) -> list[npt.NDArray[np.bool_]]:
    """Return which rows have the file of another row, in the same or another table: one mask (n,) for each table.

    The letters of a set are compared one after the other, so that only the names of one are in memory.
    """
    repeated = [np.zeros(len(table), np.bool_) for table in tables]
    rows_of = [table.groupby(["set", "letter"], observed=True).indices for table in tables]
    for letter in dict.fromkeys(letter for rows in rows_of for letter in rows):
        rows = [found.get(letter, np.zeros(0, np.intp)) for found in rows_of]
        names = pd.concat([table["name"].iloc[here] for table, here in zip(tables, rows, strict=True)])
        found = np.split(names.duplicated(keep=False).to_numpy(), np.cumsum([len(here) for here in rows])[:-1])
        for mask, here, part in zip(repeated, rows, found, strict=True):
            mask[here] = part
    return repeated


def rows_by_file(sources: pd.DataFrame, others: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the first row of `others` with the same file as each row of `sources`: int64 (n,), -1 for none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = np.full(len(sources), -1, np.int64)
    rows_of, others_of = (table.groupby(["set", "letter"], observed=True).indices for table in (sources, others))
    for letter, here in rows_of.items():
        there = others_of.get(letter, np.zeros(0, np.intp))
        names = (table["name"].iloc[of] for table, of in ((sources, here), (others, there)))
        found = pc.index_in(*(pa.array(part, pa.large_string()) for part in names))
        rows[here] = np.append(there, -1)[found.fill_null(-1).to_numpy()]
    return rows
