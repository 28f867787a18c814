"""Counts the rows and fonts that splits share, groups duplicates, and lists groups with different letters."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.row_index import METHODS, NO_ROW, Mask, Method, RowIndex
from notmnist_assets.curation.splitting.splits import EVALUATION, SPLITS


def overlap_report(index: RowIndex) -> pd.DataFrame:
    """Count, for each method and ordered pair of splits, the rows of the first that are found in the second.

    Returns:
        One row per method and pair of splits: `method`, `rows_of`, `found_in`, `rows`, `distinct` (distinct images of
        these rows), `share` (`rows` over all rows of `rows_of`). If `rows_of` equals `found_in`, rows are counted that
        are related to an earlier row of the same split.
    """
    records: list[dict[str, Any]] = []
    for method in METHODS:
        for found_in in SPLITS:
            nearest = index.nearest(index.in_split(found_in), method).row
            earliest = _earliest(index, index.in_split(found_in), method)
            for rows_of in SPLITS:
                rows = np.flatnonzero(index.in_split(rows_of))
                images = index.image[rows]
                counted = earliest[images] < rows if rows_of == found_in else nearest[images] != NO_ROW
                records.append(
                    {
                        "method": method,
                        "rows_of": rows_of,
                        "found_in": found_in,
                        "rows": int(counted.sum()),
                        "distinct": len(np.unique(images[counted])),
                        "share": float(counted.mean()) if len(rows) else 0.0,
                    }
                )
    place = {name: number for number, name in enumerate([*METHODS, *SPLITS])}
    records.sort(key=lambda record: [place[record[column]] for column in ("method", "rows_of", "found_in")])
    return pd.DataFrame(records)


def _earliest(index: RowIndex, rows: Mask, method: Method) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return for each image the first of `rows` related to it, at any distance; the largest int64 if there is none."""
    none = np.iinfo(np.int64).max
    exact = index.nearest(rows, "exact").row
    earliest = np.where(exact == NO_ROW, none, exact)
    if method == "cells":
        related = index.first_in_cell(rows)
        return np.where(related == NO_ROW, none, related)
    if method == "near":
        source, target, _ = index.edges
        np.minimum.at(earliest, source, np.where(exact[target] == NO_ROW, none, exact[target]))
    return earliest


def duplicate_groups(index: RowIndex, method: Method) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the group of each distinct image, numbered in the order of first rows: int64 (images,).

    Groups are the connected components of the method's relation. They are used for tables and pictures; leaks are
    defined by direct neighbours.
    """
    if method == "exact":
        return np.arange(index.images)
    if method == "cells":
        return index.cell_of_image
    return index.near.components


def group_sizes(index: RowIndex, method: Method) -> pd.DataFrame:
    """Count the groups by their number of rows.

    Returns:
        One row per number of rows: `method`, `rows`, `groups`, `distinct` (distinct images in these groups).
    """
    groups = duplicate_groups(index, method)
    rows = np.bincount(groups[index.image], minlength=int(groups.max(initial=-1)) + 1)
    images = np.bincount(groups, minlength=len(rows))
    table = pd.DataFrame({"rows": rows, "groups": 1, "distinct": images})
    summed = table.groupby("rows", as_index=False).sum()
    summed.insert(0, "method", method)
    return summed


def label_conflicts(index: RowIndex, splits: Mapping[str, Split]) -> pd.DataFrame:
    """List all rows of the duplicate groups whose rows have different letters.

    Returns:
        One row per split row: `method` (exact: equal pixels; near: connected within the radius), `group`, `images`
        (distinct images of the group), `split`, `row`, `letter`, `name`, `font`, `exact`. Groups of a method are
        numbered from 0 in the order of their first row; rows of a group are sorted by split, train first, then by row.
    """
    sources = pd.concat([splits[name].sources for name in SPLITS], ignore_index=True)
    parts = []
    for method in ("exact", "near"):
        groups = duplicate_groups(index, method)
        group_of_row = groups[index.image]
        size = int(groups.max(initial=-1)) + 1
        letters = np.zeros((size, len(LETTERS)), bool)
        letters[group_of_row, index.label] = True
        conflicting = letters.sum(axis=1) > 1
        rows = np.flatnonzero(conflicting[group_of_row])
        numbers = pd.factorize(group_of_row[rows])[0]
        source = sources.iloc[rows].reset_index(drop=True)
        part = pd.DataFrame(
            {
                "method": method,
                "group": numbers.astype(np.int64),
                "images": np.bincount(groups, minlength=size)[group_of_row[rows]],
                "split": np.array(SPLITS, dtype=object)[index.split[rows]],
                "row": index.row[rows],
                "letter": source["letter"].astype("str"),
                "name": source["name"],
                "font": source["font"],
                "exact": index.digests[index.image[rows]],
            }
        )
        parts.append(part.sort_values("group", ignore_index=True, kind="stable"))
    return pd.concat(parts, ignore_index=True).astype(
        dict.fromkeys(("method", "split", "letter", "name", "font", "exact"), "str")
    )


def conflict_groups(conflicts: pd.DataFrame, count: int) -> pd.DataFrame:
    """Summarize the groups with the most rows.

    Args:
        conflicts: table that `label_conflicts` returns.
        count: largest number of groups of each method.

    Returns:
        One row per group, the groups with the most rows first: `method`, `letters` ("A 12, B 1": rows by letter, the
        most frequent first), `rows`, `images`, `rarest` ("train 7": the first row of the rarest letter, likely a wrong
        label), `font`, `group`, `name` (font and file name of that row).
    """
    sizes = conflicts.groupby(["method", "group"], as_index=False).size()
    ordered = sizes.sort_values(["method", "size"], ascending=[True, False], kind="stable")
    largest = ordered.groupby("method").head(count)
    selected = conflicts.merge(largest[["method", "group"]])
    rows_of = dict(iter(selected.groupby(["method", "group"])))
    records = []
    for method, group, size in largest.itertuples(index=False):
        rows = rows_of[method, group]
        counts = rows["letter"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
        rarest = rows[rows["letter"] == counts.index[-1]].iloc[0]
        letters = ", ".join(f"{letter} {rows_of_letter}" for letter, rows_of_letter in counts.items())
        images, row = int(rarest["images"]), f"{rarest['split']} {rarest['row']}"
        records.append((method, letters, size, images, row, rarest["font"], group, rarest["name"]))
    return pd.DataFrame(records, columns=["method", "letters", "rows", "images", "rarest", "font", "group", "name"])


def font_leakage(splits: Mapping[str, Split]) -> pd.DataFrame:
    """Count the rows of valid and test whose font has letters in train.

    Returns:
        One row for valid and for test: `rows_of`, `rows`, `share` (rows whose font has any letter in train, over all
        rows of the split), `other_letter_share` (share of rows whose font has a different letter in train).
    """
    names = pd.concat([splits[name].sources["font"].astype("str") for name in SPLITS], ignore_index=True)
    fonts, distinct = pd.factorize(names)
    in_train = np.zeros((len(distinct), len(LETTERS)), bool)
    ends = np.cumsum([len(splits[name]) for name in SPLITS])
    font_of = dict(zip(SPLITS, np.split(fonts, ends[:-1]), strict=True))
    in_train[font_of["train"], splits["train"].labels] = True
    letters = in_train.sum(axis=1)
    records = []
    for name in EVALUATION:
        font, rows = font_of[name], len(splits[name])
        any_letter = int((letters[font] > 0).sum())
        other_letter = int((letters[font] > in_train[font, splits[name].labels]).sum())
        records.append(
            {
                "rows_of": name,
                "rows": any_letter,
                "share": any_letter / max(rows, 1),
                "other_letter_share": other_letter / max(rows, 1),
            }
        )
    return pd.DataFrame(records)
