"""Keeps large tables in temporary files that are mapped into memory, so that a process holds only a part of their rows.

The system reads and drops the pages of these files as it needs memory. A file is deleted together with its table.
"""

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any, BinaryIO, Final

import numpy as np
import pandas as pd

ROWS: Final = 1 << 20
"""Rows of a part. Row groups of Parquet files have as many, so that a table in parts is stored in the same bytes."""


def map_table(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate tables of equal columns, at least one; the rows of the result are numbered from 0.

    A result with more than `ROWS` rows is mapped from temporary files, its categories excepted. Columns are numbers,
    booleans, categories or strings.
    """
    whole = _parts_of(parts)
    first, following = next(whole), next(whole, None)
    if following is None:
        return first
    columns = {name: _Column(dtype) for name, dtype in first.dtypes.items()}
    part: pd.DataFrame | None = first
    del first
    while part is not None:
        for name, column in columns.items():
            column.add(part[name])
        part, following = following, next(whole, None)
    mapped = pd.DataFrame({name: column.mapped() for name, column in columns.items()}, copy=False)
    release_memory()
    return mapped


def release_memory() -> None:
    """Return to the system what Arrow has freed but keeps for later."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


def read_table(file: BinaryIO) -> pd.DataFrame:
    """Read a Parquet file as pandas does, with `map_table`."""
    import pyarrow.parquet as pq

    stored = pq.ParquetFile(file)
    if stored.metadata.num_rows <= ROWS:
        return pd.read_parquet(file, engine="pyarrow")
    return map_table(stored.read_row_group(number).to_pandas() for number in range(stored.num_row_groups))


def _parts_of(parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Yield the rows of tables in parts of `ROWS` rows, each contiguous in memory; the last may be shorter."""
    waiting: list[pd.DataFrame] = []
    rows = 0
    for part in parts:
        waiting.append(part)
        rows += len(part)
        while rows > ROWS:
            last = waiting.pop()
            left = ROWS - rows + len(last)
            yield _joined([*waiting, last.iloc[:left]] if left else waiting)
            waiting, rows = [last.iloc[left:]], len(last) - left
    yield _joined(waiting)


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    return parts[0].reset_index(drop=True) if len(parts) == 1 else pd.concat(parts, ignore_index=True)


class _Column:
    """A column in a temporary file; a column of categories in memory."""

    def __init__(self, dtype: Any) -> None:
        self._dtype = dtype
        self._categories: list[pd.Series[Any]] = []
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as it is mapped
        self._writer: Any = None

    def add(self, values: "pd.Series[Any]") -> None:
        """Append values of the same type."""
        if isinstance(self._dtype, pd.CategoricalDtype):
            self._categories.append(values)
        elif isinstance(self._dtype, np.dtype):
            self._file.write(np.ascontiguousarray(values.to_numpy()).data)
        else:
            self._add_texts(values)

    def _add_texts(self, values: "pd.Series[Any]") -> None:
        import pyarrow as pa

        texts = pa.array(values, pa.large_string())
        texts = pa.concat_arrays(texts.chunks) if isinstance(texts, pa.ChunkedArray) else texts
        batch = pa.record_batch([texts], names=["text"])
        self._writer = self._writer or pa.ipc.new_stream(self._file, batch.schema)
        self._writer.write_batch(batch)

    def mapped(self) -> Any:
        """Return all values."""
        if self._categories:
            return pd.concat(self._categories, ignore_index=True)
        if self._writer is not None:
            self._writer.close()
        self._file.flush()
        whole = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        if isinstance(self._dtype, np.dtype):
            return np.frombuffer(whole, self._dtype)
        import pyarrow as pa

        return pd.array(pa.ipc.open_stream(pa.py_buffer(whole)).read_all()["text"], dtype=self._dtype)
