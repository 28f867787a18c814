"""Columns of stored tables: types, meanings, and the columns of other assets that they are computed from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import dagster as dg
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.metadata.display import table

Sources = Mapping[str, Sequence[str]]
"""Column names by asset; `hashes/*` stands for every split, or every letter, below `hashes`."""

_LINEAGE_TABLE: Final = {
    "column": "column of this value; columns that only number or name rows, or are the same for every input, are left"
    " out",
    "made_from": "columns of other assets that its values are copied or computed from",
}


@dataclass(frozen=True)
class Column:
    """A column of a stored table.

    Attributes:
        type: NumPy's name of the type, or `string`.
        description: what a value of the column means.
        made_from: the columns that its values are copied or computed from, whatever the settings. Not among them are
            columns that only decide which rows there are (filters, samples, row numbers).
    """

    type: str
    description: str
    made_from: Sources = field(default_factory=dict)


def table_schema(columns: Mapping[str, Column]) -> dg.TableSchema:
    """Return the columns as the UI shows them."""
    return dg.TableSchema(
        columns=[dg.TableColumn(name, column.type, description=column.description) for name, column in columns.items()]
    )


def column_lineage(columns: Mapping[str, Column]) -> dg.TableColumnLineage | None:
    """Return which columns of other assets each column is made from, None if no column names any."""
    lineage = {name: list(_dependencies(column.made_from)) for name, column in columns.items() if column.made_from}
    return dg.TableColumnLineage(lineage) if lineage else None


def lineage_table(columns: Mapping[str, Column]) -> dg.TableMetadataValue:
    """Return the lineage as a table with one row per column: the open-source UI does not show Dagster's own form."""
    made_from = {
        name: "; ".join(f"{asset}: {', '.join(names)}" for asset, names in column.made_from.items())
        for name, column in columns.items()
        if column.made_from
    }
    return table(pd.DataFrame({"column": list(made_from), "made_from": list(made_from.values())}), _LINEAGE_TABLE)


def _dependencies(sources: Sources) -> Iterator[dg.TableColumnDep]:
    for asset, names in sources.items():
        for key in _keys(asset):
            yield from (dg.TableColumnDep(key, name) for name in names)


def _keys(asset: str) -> Iterable[dg.AssetKey]:
    *folder, last = asset.split("/")
    names = (last,) if last != "*" else LETTERS if folder[0] == "letters" else SPLITS
    return [dg.AssetKey([*folder, name]) for name in names]
