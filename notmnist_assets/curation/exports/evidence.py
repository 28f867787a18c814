"""Describes each row of the splits by its duplicates and by what sanitizing did with it, for the Parquet export."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.file_names import file_paths, rows_by_file
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.overlap import duplicate_groups
from notmnist_assets.curation.duplicates.row_index import NO_ROW, Indices, RowIndex
from notmnist_assets.curation.exports.parquet import Evidence
from notmnist_assets.curation.splitting.splits import SPLITS

EVIDENCE: Final[Mapping[str, tuple[str, str]]] = {
    "split": ("string", "split of the row before sanitizing: train, valid or test"),
    "reason": ("string", "why sanitizing removed the row; empty for rows that it kept"),
    "collides_with": ("string", "file of the row that it collides with; empty for rows that were kept"),
    "group": ("int64", "number of its duplicate group: rows connected by distances within the radius"),
    "group_rows": ("int64", "rows of the group, in all splits before sanitizing"),
    "nearest": ("string", "file of the nearest other row of any split; empty if none is within the search radius"),
    "nearest_distance": ("float64", "L1 distance to it in units of 255; NaN if there is none"),
    "label_quality": ("float64", "probability that the label is right, 0 to 1; NaN if unknown"),
    "label_issue": ("string", "kind of label issue, none for no issue; empty if unknown"),
}
"""Type and meaning of each column; a file is written as `set/letter/name`."""


def row_evidence(
    index: RowIndex,
    splits: Mapping[str, Split],
    near_pairs: pd.DataFrame,
    search_radius: float,
    removed: pd.DataFrame,
    issues: pd.DataFrame,
) -> pd.DataFrame:
    """Return the columns of `EVIDENCE` for each row of train, valid and test before sanitizing, in this order.

    Args:
        index: index of all rows, with the pairs within the radius.
        splits: the splits before sanitizing.
        near_pairs: pair table with all pairs within the search radius.
        search_radius: its largest distance, in units of 255.
        removed: the rows that sanitizing removed, as `sanitize` returns them.
        issues: the table of label issues, with `label_quality` and `kind` of each file.

    Raises:
        CurationError: a removed row is beyond the rows of its split.
    """
    files = pd.concat([file_paths(splits[name].sources) for name in SPLITS], ignore_index=True)
    groups = duplicate_groups(index, "near")[index.image]
    nearest, distance = _nearest_other_rows(index.with_pairs(near_pairs, search_radius))
    reason, collides = np.full(len(files), "", object), np.full(len(files), NO_ROW, np.int64)
    rows = _global_rows(index, removed["split"], removed["row"])
    reason[rows] = removed["reason"].astype("str")
    collides[rows] = _global_rows(index, removed["collides_split"], removed["collides_row"])
    table = pd.DataFrame(
        {
            "split": np.array(SPLITS, object)[index.split],
            "reason": reason,
            "collides_with": _files_of(files, collides),
            "group": groups,
            "group_rows": np.bincount(groups)[groups],
            "nearest": _files_of(files, nearest),
            "nearest_distance": distance,
            **_judgements(splits, issues),
        }
    )
    return table.astype({name: "str" if kind == "string" else kind for name, (kind, _) in EVIDENCE.items()})


def _judgements(splits: Mapping[str, Split], issues: pd.DataFrame) -> dict[str, "pd.Series[Any]"]:
    """Return what the table of label issues has for each row of train, valid and test."""
    rows = np.concatenate([rows_by_file(splits[name].sources, issues) for name in SPLITS])
    found = issues[["label_quality", "kind"]].reset_index(drop=True).reindex(rows).reset_index(drop=True)
    return {"label_quality": found["label_quality"], "label_issue": found["kind"].astype("str").fillna("")}


def evidence_of(splits: Mapping[str, Split], raw: Mapping[str, Split], table: pd.DataFrame) -> Evidence:
    """Return the evidence of the rows that sanitizing kept, and the rows that it removed.

    Args:
        splits: the sanitized splits.
        raw: the splits before.
        table: the result of `row_evidence`.

    Raises:
        CurationError: a sanitized split has another number of rows than are left.
    """
    start, columns, removed = 0, {}, []
    for name in SPLITS:
        own = table.iloc[start : start + len(raw[name])].reset_index(drop=True)
        start += len(own)
        is_kept = (own["reason"] == "").to_numpy(np.bool_)
        columns[name] = own[is_kept].reset_index(drop=True)
        removed.append((raw[name].take(np.flatnonzero(~is_kept)), own[~is_kept]))
        if len(columns[name]) != len(splits[name]):
            raise _mismatch(
                f"{len(columns[name])} rows are left, but the sanitized split has {len(splits[name])}.", name
            )
    parts = [part for part, _ in removed]
    sources = pd.concat([part.sources.astype("str") for part in parts], ignore_index=True)
    images, labels = np.concatenate([part.images for part in parts]), np.concatenate([part.labels for part in parts])
    facts = pd.concat([facts for _, facts in removed], ignore_index=True)
    return Evidence(columns, Split(images, labels, sources), facts)


def _mismatch(problem: str, name: str) -> CurationError:
    return CurationError(
        problem, subject=f"sanitized/{name}", remedy="Materialize sanitized again: notmnist run sanitized"
    )


def _global_rows(index: RowIndex, splits: "pd.Series[str]", rows: "pd.Series[int]") -> Indices:
    starts, ends = (
        splits.map({name: int(np.searchsorted(index.split, place, side)) for place, name in enumerate(SPLITS)})
        for side in ("left", "right")
    )
    found: Indices = starts.to_numpy(np.int64) + rows.to_numpy(np.int64)
    if (found >= ends.to_numpy(np.int64)).any():
        raise _mismatch("it lists rows that the splits do not have.", "removed")
    return found


def _files_of(files: "pd.Series[str]", rows: Indices) -> "pd.Series[str]":
    """Return the file of each row, empty for -1."""
    return files.reindex(rows, fill_value="").reset_index(drop=True)


def _nearest_other_rows(index: RowIndex) -> tuple[Indices, "np.ndarray[tuple[int], np.dtype[np.float64]]"]:
    """Return for each row the nearest other row, the first of equally near ones, -1 for none; and its distance."""
    count = len(index.image)
    nearest, distance = np.full(count, NO_ROW, np.int64), np.full(count, np.nan)
    first = index.first_rows[index.image]
    is_first = first == np.arange(count)
    nearest[~is_first], distance[~is_first] = first[~is_first], 0.0
    # The first row of an image gets the second one.
    later = np.flatnonzero(~is_first)[::-1]
    nearest[first[later]], distance[first[later]] = later, 0.0
    source, target, far = index.edges
    start = np.flatnonzero(np.diff(source, prepend=-1))
    if len(start):
        least = np.repeat(far[start], np.diff(start, append=len(source)))
        rows = np.where(far == least, index.first_rows[target], np.iinfo(np.int64).max)
        of_image, apart = np.full(index.images, NO_ROW, np.int64), np.full(index.images, np.nan)
        of_image[source[start]] = np.minimum.reduceat(rows, start)
        apart[source[start]] = far[start]
        alone = nearest == NO_ROW
        nearest[alone], distance[alone] = of_image[index.image[alone]], apart[index.image[alone]]
    return nearest, distance
