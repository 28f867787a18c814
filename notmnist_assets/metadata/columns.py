"""Describes the columns of stored tables: types, meanings, and the columns of other assets they are computed from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import dagster as dg
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.metadata.display import table

Sources = Mapping[str, Sequence[str]]
"""Column names by asset; `hashes/*` stands for all splits and `letters/large/*` for all letters."""

COLUMNS: Final = "columns"
"""Metadata label of the columns. Dagster would show `dagster/column_schema` in a section of its own above the metadata,
so that the summary would be below the first screen."""
_LINEAGE_TABLE: Final = {
    "column": "column of this value; columns that only number or name rows, or are the same for every input, are"
    " omitted",
    "made_from": "columns of other assets from which its values are copied or computed",
}


@dataclass(frozen=True)
class Column:
    """A column of a stored table.

    Attributes:
        type: NumPy's name of the type, or `string`.
        description: meaning of its values.
        made_from: columns from which its values are copied or computed, under any settings. Columns that only decide
            which rows exist (filters, samples, row numbers) are omitted.
    """

    type: str
    description: str
    made_from: Sources = field(default_factory=dict)


def table_schema(columns: Mapping[str, Column]) -> dg.TableSchema:
    """Return the columns in the form that the UI shows."""
    return dg.TableSchema(
        columns=[dg.TableColumn(name, column.type, description=column.description) for name, column in columns.items()]
    )


def column_lineage(columns: Mapping[str, Column]) -> dg.TableColumnLineage | None:
    """Return the columns of other assets from which each column is computed, None if there are none."""
    lineage = {name: list(_dependencies(column.made_from)) for name, column in columns.items() if column.made_from}
    return dg.TableColumnLineage(lineage) if lineage else None


def lineage_table(columns: Mapping[str, Column]) -> dg.TableMetadataValue:
    """Return the lineage as a table with one row per column, because the open-source UI does not show Dagster's."""
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
