"""Lists what the gallery shows: groups, pairs across splits, removed rows, conflicts, doubtful labels, mistakes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Final

import numpy as np
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.duplicates.overlap import duplicate_groups
from notmnist_assets.curation.duplicates.row_index import NO_ROW, Indices, Method, RowIndex, first_per_key
from notmnist_assets.curation.labels.issues import NO_ISSUE
from notmnist_assets.curation.report.gallery.data import GalleryData
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.curation.summaries.text import percent

MOST_MEMBERS: Final = 48
"""Most rows that an item lists; those of a larger group are counted."""
_SAMPLE_SEED: Final = 133


@dataclass(frozen=True, eq=False)
class Items:
    """Entries of one kind, the most telling first.

    Attributes:
        rows: int64, the listed rows of all items, one item after the other.
        sizes: int64 (items,), number of listed rows of each.
        facts: one row per item: `method`, `reason`, `note` (str), `distance` (L1 in units of 255, NaN if unknown),
            `size` (rows of the whole group).
        total: number of items before a selection.
    """

    rows: Indices
    sizes: Indices
    facts: pd.DataFrame
    total: int

    def __len__(self) -> int:
        return len(self.sizes)

    def select(self, most_rows: int) -> "Items":
        """Return items with at most `most_rows` rows together: the first ones and a sample of the others.

        The first items take half of the rows; the others are sampled with a fixed seed. The order stays.
        """
        if int(self.sizes.sum()) <= most_rows:
            return self
        first = int(np.searchsorted(np.cumsum(self.sizes), most_rows // 2, side="right"))
        others = first + np.random.default_rng(_SAMPLE_SEED).permutation(len(self) - first)
        left = most_rows - int(self.sizes[:first].sum())
        sample = others[np.cumsum(self.sizes[others]) <= left]
        chosen = np.sort(np.concatenate([np.arange(first), sample]))
        starts = np.cumsum(self.sizes) - self.sizes
        rows = [self.rows[starts[item] : starts[item] + self.sizes[item]] for item in chosen]
        return Items(
            np.concatenate([np.empty(0, np.int64), *rows]),
            self.sizes[chosen],
            self.facts.iloc[chosen].reset_index(drop=True),
            self.total,
        )


def list_items(data: GalleryData) -> dict[str, Items]:
    """Return all items by kind, in the order of the page; kinds that were not computed are left out."""
    builders: Mapping[str, Callable[[GalleryData], Items | None]] = {
        "pairs": _pairs_across_splits,
        "removed": _removed,
        "groups": _groups,
        "conflicts": _conflicts,
        "issues": _issues,
        "mistakes": _mistakes,
    }
    found = {kind: build(data) for kind, build in builders.items()}
    return {kind: items for kind, items in found.items() if items is not None}


def _items(members: Sequence[Indices], facts: Mapping[str, Any]) -> Items:
    """Return items with their facts; missing ones are empty."""
    sizes = np.array([len(rows) for rows in members], np.int64)
    count = len(sizes)
    complete = {
        **dict.fromkeys(("method", "reason", "note"), [""] * count),
        "distance": np.full(count, np.nan),
        "size": sizes,
        **facts,
    }
    return Items(np.concatenate([np.empty(0, np.int64), *members]), sizes, pd.DataFrame(complete), count)


def _pairs_across_splits(data: GalleryData) -> Items:
    """List rows of two splits that show the same image; the row of the later split leads.

    Of the rows of a split with one image, the first stands for all.
    """
    index = data.index
    first = np.stack([_first_in_split(index, name) for name in SPLITS])
    source, target, distance = index.edges
    rows, others, distances = [], [], []
    for one, other in permutations(range(len(SPLITS)), 2):
        if one > other:
            both = np.flatnonzero((first[one] != NO_ROW) & (first[other] != NO_ROW))
            rows.append(first[one, both])
            others.append(first[other, both])
            distances.append(np.zeros(len(both)))
            near = (first[one, source] != NO_ROW) & (first[other, target] != NO_ROW)
            rows.append(first[one, source[near]])
            others.append(first[other, target[near]])
            distances.append(distance[near])
    pairs = np.stack([np.concatenate(rows), np.concatenate(others)], axis=1)
    far = np.concatenate(distances)
    order = _one_of_each_group_first(index, pairs[:, 0], far)
    methods = np.where(far[order] > 0, "near", "exact")
    sizes = np.full(len(order), 2, np.int64)
    facts = {"method": methods, "reason": "", "note": "", "distance": far[order], "size": sizes}
    return Items(pairs[order].ravel(), sizes, pd.DataFrame(facts), len(order))


def _one_of_each_group_first(
    index: RowIndex, rows: Indices, distance: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> Indices:
    """Return an order of items: of each duplicate group the most distant one, then the second ones, and so on.

    Otherwise, a frequent image such as a white square would fill the first pages. Letters take turns.
    """
    items = pd.DataFrame({"row": rows, "near": -distance, "letter": index.label[rows]})
    items["group"] = duplicate_groups(index, "near")[index.image[rows]]
    items = items.sort_values(["near", "row"], kind="stable")
    items["turn"] = items.groupby("group").cumcount()
    items["letter_turn"] = items.groupby(["turn", "letter"]).cumcount()
    order: Indices = items.sort_values(["turn", "letter_turn"], kind="stable").index.to_numpy(np.int64)
    return order


def _first_in_split(index: RowIndex, name: str) -> Indices:
    rows = np.flatnonzero(index.in_split(name))
    return first_per_key(index.image[rows], rows, index.images)


def _removed(data: GalleryData) -> Items:
    """List the removed rows, each with the row that it collides with."""
    removed = data.removed
    rows = data.global_rows(removed["split"], removed["row"])
    others = data.global_rows(removed["collides_split"], removed["collides_row"])
    distance = removed["distance"].to_numpy(np.float64)
    order = _one_of_each_group_first(data.index, rows, np.nan_to_num(distance, nan=0.0))
    members = [np.array([row] if row == other else [row, other]) for row, other in zip(rows, others, strict=True)]
    method = np.where(np.isnan(distance), "cells", np.where(distance > 0, "near", "exact"))
    return _items(
        [members[place] for place in order],
        {
            "method": method[order],
            "reason": removed["reason"].astype("str").to_numpy(object)[order],
            "distance": distance[order],
        },
    )


def _groups(data: GalleryData) -> Items:
    return _of_groups(data, ("near", "exact", "cells"), conflicting=False)


def _conflicts(data: GalleryData) -> Items:
    return _of_groups(data, ("near", "exact"), conflicting=True)


def _of_groups(data: GalleryData, methods: Sequence[Method], *, conflicting: bool) -> Items:
    """List duplicate groups by method: the largest of each letter, then the second ones, and so on.

    Rows with different images lead. A group of `near` or `cells` has at least two images: the others are groups of
    `exact`.
    """
    found: list[tuple[Indices, dict[str, Any]]] = []
    for method in methods:
        of_method = list(_groups_of(data.index, method, conflicting=conflicting))
        of_method.sort(key=lambda group: -group[1]["size"])
        letters = pd.Series([data.index.label[rows[0]] for rows, _ in of_method], dtype="int64")
        turns = letters.groupby(letters).cumcount().to_numpy(np.int64)
        found += [of_method[place] for place in np.argsort(turns, kind="stable")]
    columns = ("method", "note", "distance", "size")
    return _items([rows for rows, _ in found], {column: [facts[column] for _, facts in found] for column in columns})


def _groups_of(index: RowIndex, method: Method, *, conflicting: bool) -> Iterator[tuple[Indices, dict[str, Any]]]:
    groups = duplicate_groups(index, method)
    count = int(groups.max(initial=-1)) + 1
    letters = np.zeros((count, len(LETTERS)), np.int64)
    np.add.at(letters, groups, index.rows_by_letter)
    widest = np.zeros(count)
    if method == "near":
        source, _, distance = index.edges
        np.maximum.at(widest, groups[source], distance)
    elif method == "cells":
        widest[:] = np.nan
    images, rows = np.bincount(groups, minlength=count), letters.sum(axis=1)
    wanted = (rows > 1) & ((images > 1) | (method == "exact"))
    if conflicting:
        wanted &= (letters > 0).sum(axis=1) > 1
    of_row = groups[index.image]
    is_first = index.first_rows[index.image] == np.arange(len(index.image))
    order = np.lexsort((~is_first, of_row))
    starts = np.searchsorted(of_row[order], np.arange(count))
    for group in np.flatnonzero(wanted):
        members = order[starts[group] : starts[group] + min(int(rows[group]), MOST_MEMBERS)]
        counts = sorted(zip(-letters[group], LETTERS, strict=True))
        yield (
            members,
            {
                "method": method,
                "note": ", ".join(f"{letter} {-negative}" for negative, letter in counts if negative),
                "distance": float(widest[group]),
                "size": int(rows[group]),
            },
        )


def _issues(data: GalleryData) -> Items | None:
    """List the rows of splits whose label is likely wrong, in the order of the table."""
    if data.issues is None:
        return None
    table = data.issues[data.issues["split"].isin(SPLITS) & (data.issues["kind"] != NO_ISSUE)]
    notes = [
        f"likely {one}" if np.isnan(quality) else f"likely {one}, quality {quality:.3f}"
        for one, quality in _pairs_of(table, "likely", "label_quality")
    ]
    return _single_rows(data, table, notes, table["kind"].astype("str").to_list())


def _mistakes(data: GalleryData) -> Items | None:
    """List the rows that a model predicts wrong, in the order of the table."""
    table = data.mistakes
    if table is None:
        return None
    notes = [f"predicted {one}, {percent(chance)}" for one, chance in _pairs_of(table, "predicted", "probability")]
    return _single_rows(data, table, notes, [""] * len(table))


def _pairs_of(table: pd.DataFrame, text: str, number: str) -> Iterator[tuple[str, float]]:
    return zip(table[text].astype("str"), table[number].to_numpy(np.float64), strict=True)


def _single_rows(data: GalleryData, table: pd.DataFrame, notes: Sequence[str], reasons: Sequence[str]) -> Items:
    rows = data.global_rows(table["split"], table["row"])
    return _items([rows[place : place + 1] for place in range(len(rows))], {"reason": reasons, "note": notes})
