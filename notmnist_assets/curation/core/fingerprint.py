"""Computes the fingerprint of a value: a SHA-256 of its content that does not depend on how it is stored.

Two values have the same fingerprint exactly if they are equal, row by row and bit by bit.
"""

import hashlib
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from notmnist_assets.curation.core.values import LetterImages, Split

_CHUNK_BYTES = 1 << 24


class _Digest:
    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def text(self, value: str) -> None:
        encoded = value.encode()
        self._sha.update(len(encoded).to_bytes(8, "little") + encoded)

    def array(self, *parts: np.ndarray[Any, Any]) -> None:
        """Digest an array, or the parts of one."""
        little = parts[0].dtype.newbyteorder("<")
        self.text(f"array {little.str}{(sum(map(len, parts)), *parts[0].shape[1:])}")
        for values in parts:
            rows = max(1, _CHUNK_BYTES // max(1, values[:1].nbytes))
            for start in range(0, len(values), rows):
                self._sha.update(np.ascontiguousarray(values[start : start + rows], dtype=little).data)

    def texts(self, values: pd.Series) -> None:
        """Digest UTF-8 bytes and their lengths, which are the same for objects, categories and Arrow strings."""
        import pyarrow as pa
        import pyarrow.compute as pc

        # Arrow would accept bytes as text.
        texts = values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else values
        if not isinstance(texts.dtype, pd.StringDtype) and (
            (kind := pd.api.types.infer_dtype(texts)) not in ("string", "empty")
        ):
            raise TypeError(f"a column has neither numbers nor strings: {kind}")
        whole = pa.array(values, pa.large_string())
        self.text("strings")
        self.array(np.flatnonzero(values.isna().to_numpy()))
        parts = [pc.fill_null(part, "") for part in (whole.chunks if isinstance(whole, pa.ChunkedArray) else [whole])]
        self.array(*(pc.binary_length(part).to_numpy() for part in parts or [pa.array([], pa.large_string())]))
        for strings in parts:
            if len(strings):
                _, offsets, data = strings.buffers()
                ends = np.frombuffer(offsets, np.int64)[strings.offset : strings.offset + len(strings) + 1]
                self._sha.update(memoryview(data)[int(ends[0]) : int(ends[-1])])

    def table(self, table: pd.DataFrame, leave_out: Sequence[str]) -> None:
        self.text(f"table of {len(table)} rows")
        for name in table.columns:
            if name in leave_out:
                continue
            self.text(str(name))
            column = table[name]
            if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
                self.array(column.to_numpy())
            else:
                self.texts(column)

    def hexadecimal(self) -> str:
        return self._sha.hexdigest()


def fingerprint(value: LetterImages | Split | pd.DataFrame, *, leave_out: Sequence[str] = ()) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of the content of `value`.

    Args:
        value: the value. Columns of tables are numbers, booleans or strings.
        leave_out: columns of a table to exclude, such as times.

    Raises:
        TypeError: a column of a table has another type.
    """
    if isinstance(value, pd.DataFrame):
        digest = _Digest()
        digest.text("table")
        digest.table(value, leave_out)
        return digest.hexadecimal()
    # Both the asset and the IO manager need the fingerprint, and digesting images takes time.
    if (known := _known.get(value)) is None:
        known = _known[value] = _digest_tensors(value)
    return known


_known: WeakKeyDictionary[LetterImages | Split, str] = WeakKeyDictionary()


def _digest_tensors(value: LetterImages | Split) -> str:
    digest = _Digest()
    digest.text(type(value).__name__)
    digest.array(value.images)
    if isinstance(value, LetterImages):
        digest.texts(pd.Series(value.names, dtype=object))
        digest.table(value.rejected, ())
    else:
        digest.array(value.labels)
        digest.table(value.sources, ())
    return digest.hexadecimal()
