"""Cuts hash tables into buckets of rows by the first bits of a digest, and joins those of all splits bucket by bucket.

Rows with equal digests are in buckets of the same number, so that no join needs more than one bucket of each split.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.mapped_tables import ROWS, map_table
from notmnist_assets.curation.core.prefetch import OrderedMap

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

DigestColumn = Literal["exact", "cells"]
LoadBucket = Callable[[Sequence[str]], "pa.Table"]
"""Returns some columns of the rows of a bucket, in row order. On a cluster it is pickled."""

COLUMNS: Final[Mapping[DigestColumn, tuple[str, ...]]] = {
    "exact": ("row", "label", "exact", "ink"),
    "cells": ("row", "cells"),
}
"""The columns of a hash table whose rows are cut by each digest; together with `row` they are all."""
_LARGEST: Final = 1 << 17
"""Most rows of a bucket, on average: 7 MB of a table."""
_DIGITS: Final = 4
"""Hexadecimal digits of a digest that decide its bucket: enough for 65,536 buckets."""
_JOIN: Final = """
    WITH firsts AS (SELECT digest, min(row) AS first FROM rows GROUP BY digest)
    SELECT rows.*, first FROM rows JOIN firsts USING (digest)
"""

Indices = npt.NDArray[np.int64]


def bucket_count(rows: int, largest: int = _LARGEST) -> int:
    """Return the number of buckets of a table: the least power of two with at most `largest` rows in each on average.

    Digests are evenly distributed, whatever the images are; only rows with equal digests can make a bucket larger.
    """
    return int(min(1 << max(0, -(-rows // largest) - 1).bit_length(), 16**_DIGITS))


def bucket_numbers(digests: "pa.ChunkedArray | pd.Series[str]", count: int) -> Indices:
    """Return the bucket of each hexadecimal digest: int64 (n,), 0 to `count` - 1, in the order of the digests."""
    if count == 1:
        return np.zeros(len(digests), np.int64)
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.array(digests, pa.large_string()) if isinstance(digests, pd.Series) else digests
    numbers = np.empty(len(texts), np.int64)
    for start in range(0, len(texts), ROWS):
        digits = "".join(pc.utf8_slice_codeunits(texts.slice(start, ROWS), 0, _DIGITS).to_pylist())
        numbers[start : start + ROWS] = np.frombuffer(bytes.fromhex(digits), ">u2")
    return numbers * count >> 4 * _DIGITS


@dataclass(frozen=True)
class HashBuckets:
    """The hash table of a split in buckets.

    Attributes:
        rows: number of rows of the table.
        loads: for each digest, one function for each of its buckets.
    """

    rows: int
    loads: Mapping[DigestColumn, Sequence[LoadBucket]]

    @classmethod
    def of(cls, table: pd.DataFrame) -> "HashBuckets":
        """Return a table in memory as one bucket."""
        load = partial(_columns_of, table)
        return cls(len(table), {"exact": [load], "cells": [load]})

    def table(self) -> pd.DataFrame:
        """Return the whole hash table in row order, mapped from temporary files if it is large."""
        import pyarrow as pa

        wholes = [
            pa.concat_tables([load(columns) for load in self.loads[digest]]) for digest, columns in COLUMNS.items()
        ]
        orders = [np.argsort(whole["row"].to_numpy()) for whole in wholes]

        def part_from(start: int) -> pd.DataFrame:
            by_exact, by_cells = (
                whole.take(order[start : start + ROWS]).to_pandas() for whole, order in zip(wholes, orders, strict=True)
            )
            part = pd.DataFrame(by_exact)
            part.insert(len(part.columns) - 1, "cells", by_cells["cells"])
            return part

        return map_table(map(part_from, range(0, max(self.rows, 1), ROWS)))


def _columns_of(table: pd.DataFrame, columns: Sequence[str]) -> "pa.Table":
    import pyarrow as pa

    return pa.table({name: pa.array(table[name]) for name in columns})


def rows_of_buckets(digests: "pd.Series[str]", largest: int = _LARGEST) -> list[Indices]:
    """Return the rows of each bucket of a hash table, ascending, by one of its digests."""
    count = bucket_count(len(digests), largest)
    numbers = bucket_numbers(digests, count)
    order: Indices = np.argsort(numbers, kind="stable")
    return np.split(order, np.cumsum(np.bincount(numbers, minlength=count))[:-1])


def distinct_digests(digests: "pd.Series[str]", largest: int = _LARGEST) -> int:
    """Return the number of distinct digests, which are counted bucket by bucket."""
    return sum(int(digests.iloc[rows].nunique()) for rows in rows_of_buckets(digests, largest))


class EqualRows(NamedTuple):
    """The rows of all splits, numbered globally in the order of the splits, by digest.

    Attributes:
        number: int64 (rows,), number of the digest of each row; digests are numbered in the order of their first rows.
        label: int32 (rows,), label of each row.
        digests: strings (distinct digests,), the digest of each number.
    """

    number: Indices
    label: npt.NDArray[np.int32]
    digests: Any


def equal_rows(tables: Sequence[HashBuckets], run: OrderedMap) -> EqualRows:
    """Find the rows with equal `exact` digests.

    Args:
        tables: the hash tables of the splits.
        run: joins the buckets of one number.
    """
    import pyarrow as pa

    count = sum(table.rows for table in tables)
    first, label = np.empty(count, np.int64), np.empty(count, np.int32)
    firsts: list[pa.Table] = []
    with closing(run(_join, _buckets(tables, "exact", ("label",)))) as joined:
        for rows in joined:
            here = rows["row"].to_numpy()
            first[here], label[here] = rows["first"].to_numpy(), rows["label"].to_numpy()
            firsts.append(rows.filter(pa.array(first[here] == here)).select(["row", "digest"]))
    return EqualRows(_number(first), label, _in_row_order(pa.concat_tables(firsts)))


def equal_cells(tables: Sequence[HashBuckets], run: OrderedMap) -> Indices:
    """Return the number of the `cells` digest of each row as `EqualRows.number`; see `equal_rows`."""
    first = np.empty(sum(table.rows for table in tables), np.int64)
    with closing(run(_join, _buckets(tables, "cells"))) as joined:
        for rows in joined:
            first[rows["row"].to_numpy()] = rows["first"].to_numpy()
    return _number(first)


def _number(first: Indices) -> Indices:
    numbers: Indices = np.cumsum(first == np.arange(len(first))) - 1
    return numbers[first]


def _in_row_order(firsts: "pa.Table") -> Any:
    order = np.argsort(firsts["row"].to_numpy())
    starts = range(0, max(len(order), 1), ROWS)
    parts = (firsts["digest"].take(order[start : start + ROWS]).to_pandas() for start in starts)
    return map_table(pd.DataFrame({"exact": part.astype("str")}) for part in parts)["exact"].array


class _Part(NamedTuple):
    """A bucket of one split: the global number of the split's first row, and the number of its buckets."""

    start: int
    buckets: int
    load: LoadBucket


class _Bucket(NamedTuple):
    """The buckets of one number of all splits. A split with fewer buckets has some of its rows in others."""

    bucket: int
    buckets: int
    digest: DigestColumn
    others: tuple[str, ...]
    parts: tuple[_Part, ...]


def _buckets(tables: Sequence[HashBuckets], digest: DigestColumn, others: tuple[str, ...] = ()) -> Iterator[_Bucket]:
    starts = np.cumsum([0, *(table.rows for table in tables)])
    splits = [(int(start), table.loads[digest]) for start, table in zip(starts, tables, strict=False)]
    count = max(len(loads) for _, loads in splits)
    for number in range(count):
        parts = (_Part(start, len(loads), loads[number * len(loads) // count]) for start, loads in splits)
        yield _Bucket(number, count, digest, others, tuple(parts))


def _join(bucket: _Bucket) -> "pa.Table":
    """Return the rows of a bucket: row, digest, the other columns, and the first row with the same digest."""
    import pyarrow as pa

    with _database().cursor() as connection:
        connection.register("rows", pa.concat_tables([_rows_of(part, bucket) for part in bucket.parts]))
        return connection.sql(_JOIN).to_arrow_table()


@cache
def _database() -> "duckdb.DuckDBPyConnection":
    import duckdb

    return duckdb.connect(config={"temp_directory": tempfile.gettempdir(), "autoinstall_known_extensions": False})


def _rows_of(part: _Part, bucket: _Bucket) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = part.load(["row", bucket.digest, *bucket.others])
    rows = rows.set_column(0, "row", pc.add(rows["row"].cast(pa.int64()), part.start))
    rows = rows.set_column(1, "digest", rows[bucket.digest].cast(pa.large_string()))
    if part.buckets < bucket.buckets:
        rows = rows.filter(pa.array(bucket_numbers(rows["digest"], bucket.buckets) == bucket.bucket))
    return rows
