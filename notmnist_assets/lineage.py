"""Where the columns of each table come from, asset by asset and column by column.

A column names the columns its values are copied or computed from, whatever the settings. What only decides which rows
there are, or finds them (filters, samples, row numbers), is not named, nor are columns that are the same for every
input, such as `method`. Belongs here: the declaration and its two forms, Dagster's own and a table for people. That it
holds is proven by the tests, which change each column named and look at the columns that should follow.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import dagster as dg
import pandas as pd

from notmnist_assets.curation.images import LETTERS
from notmnist_assets.curation.splits import EVALUATION, SET_OF_SPLIT, SPLITS
from notmnist_assets.curation.values import FILE_COLUMNS, SOURCE_COLUMNS
from notmnist_assets.metadata import table

Columns = Mapping[str, Sequence[str]]
"""The columns that one column is made of, by asset; `hashes/*` is every split or letter below `hashes`."""

_ROW_COLUMNS: Final = ("image", "label", *SOURCE_COLUMNS)
_PAIRS: Final[Columns] = {"overlap/near_pairs": ("exact_a", "exact_b", "distance")}
_RADIUS: Final[Columns] = {"overlap/radius": ("radius", "chosen")}
_CROSSING: Final[Columns] = {"hashes/*": ("exact", "label"), **_PAIRS}
_SHARED: Final[Columns] = {"hashes/*": ("exact", "cells"), **_PAIRS, **_RADIUS}
_GROUPS: Final[Columns] = {"hashes/*": ("exact", "label"), **_PAIRS, **_RADIUS}
_DECISION: Final[Columns] = {"hashes/*": ("label", "exact", "cells"), **_PAIRS, **_RADIUS}
_FOUND: Final[Columns] = {"splits/*": ("image",), **_RADIUS}
_SCORED_ROWS: Final[Columns] = {
    f"{group}/{name}": FILE_COLUMNS for group in ("splits", "sanitized") for name in EVALUATION
}
_FITTED: Final[Columns] = {f"{group}/train": ("image", "label") for group in ("splits", "sanitized")}
_SCORES: Final[Columns] = {
    **_FITTED,
    **_SCORED_ROWS,
    **{f"splits/{name}": ("image", "label", *FILE_COLUMNS) for name in EVALUATION},
}


def _rows_of_letters(*assets: str) -> dict[str, Columns]:
    return {column: dict.fromkeys(assets, (source,)) for column, source in _FROM_LETTERS.items()}


_FROM_LETTERS: Final = {"image": "image", "name": "name", "font": "name"}
_MADE_FROM: Final[Mapping[str, Mapping[str, Columns]]] = {
    **{f"splits/{name}": _rows_of_letters(f"letters/{SET_OF_SPLIT[name]}/*") for name in SPLITS},
    **{f"grouped/{name}": _rows_of_letters("letters/large/*", "letters/small/*") for name in SPLITS},
    **{
        f"hashes/{name}": {
            "label": {f"splits/{name}": ("label",)},
            **{column: {f"splits/{name}": ("image",)} for column in ("exact", "cells", "ink")},
        }
        for name in SPLITS
    },
    "overlap/near_pairs": {
        **{column: {"hashes/*": ("exact",)} for column in ("exact_a", "exact_b", "rows_a", "rows_b")},
        "distance": {"splits/*": ("image",)},
    },
    "overlap/radius": {
        "pairs": {"overlap/near_pairs": ("distance",)},
        **dict.fromkeys(("cross_letter", "share", "ci_low", "ci_high", "chosen"), _CROSSING),
    },
    "overlap/report": dict.fromkeys(("rows", "distinct", "share"), _SHARED),
    "overlap/label_conflicts": {
        "group": _GROUPS,
        "images": _GROUPS,
        "row": {"hashes/*": ("row",)},
        **{column: {"splits/*": (column,)} for column in ("letter", "name", "font")},
        "exact": {"hashes/*": ("exact",)},
    },
    "overlap/recall": {
        **dict.fromkeys(("found", "recall", "ci_low", "ci_high"), _FOUND),
        "median_distance": {"splits/*": ("image",)},
    },
    **{f"sanitized/{name}": {column: {f"splits/{name}": (column,)} for column in _ROW_COLUMNS} for name in SPLITS},
    "sanitized/removed": {
        "row": {"hashes/*": ("row",)},
        "reason": _DECISION,
        "collides_split": _DECISION,
        "collides_row": {**_DECISION, "hashes/*": ("row", *_DECISION["hashes/*"])},
        "distance": _DECISION,
    },
    "baselines/metrics": {
        "rows": _SCORED_ROWS,
        **dict.fromkeys(("accuracy", "ci_low", "ci_high"), _SCORES),
        "converged": _FITTED,
    },
    "exports/parquet": {
        **{column: {"sanitized/*": (column,)} for column in _ROW_COLUMNS},
        "image": {"sanitized/*": ("image", *FILE_COLUMNS)},
    },
}


_LINEAGE_TABLE: Final = {
    "column": "column of this value; left out are those that only number or name rows, or are the same for every input",
    "made_from": "columns of other assets that its values are copied or computed from",
}


def column_lineage(key: dg.AssetKey) -> dg.TableColumnLineage | None:
    """Return which columns of other assets each column of an asset is made from, None when nothing is declared."""
    columns = _MADE_FROM.get(key.to_user_string())
    if columns is None:
        return None
    return dg.TableColumnLineage({column: list(_dependencies(sources)) for column, sources in columns.items()})


def lineage_table(key: dg.AssetKey) -> dg.TableMetadataValue | None:
    """Return the same for people, one row per column: Dagster's own form is not shown by the open-source UI."""
    columns = _MADE_FROM.get(key.to_user_string())
    if columns is None:
        return None
    made_from = [
        "; ".join(f"{asset}: {', '.join(names)}" for asset, names in sources.items()) for sources in columns.values()
    ]
    return table(pd.DataFrame({"column": list(columns), "made_from": made_from}), _LINEAGE_TABLE)


def _dependencies(sources: Columns) -> Iterator[dg.TableColumnDep]:
    for asset, names in sources.items():
        for key in _keys(asset):
            yield from (dg.TableColumnDep(key, name) for name in names)


def _keys(asset: str) -> Iterable[dg.AssetKey]:
    *folder, last = asset.split("/")
    names = (last,) if last != "*" else LETTERS if folder[0] == "letters" else SPLITS
    return [dg.AssetKey([*folder, name]) for name in names]
