"""Content fingerprints: the data version of a value.

Belongs here: a SHA-256 over what a value holds, independent of how it is stored. Two values are equal, row by
row and bit by bit, exactly when their fingerprints are.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from notmnist_assets.curation.values import LetterImages, Split

_CHUNK_BYTES = 1 << 24


class _Digest:
    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def text(self, value: str) -> None:
        encoded = value.encode("utf-8", "surrogateescape")
        self._sha.update(len(encoded).to_bytes(8, "little") + encoded)

    def array(self, values: np.ndarray[Any, Any]) -> None:
        little = values.dtype.newbyteorder("<")
        self.text(f"{little.str}{values.shape}")
        rows = max(1, _CHUNK_BYTES // max(1, values[:1].nbytes))
        for start in range(0, len(values), rows):
            self._sha.update(np.ascontiguousarray(values[start : start + rows], dtype=little).data)

    def texts(self, values: Sequence[Any]) -> None:
        encoded = [str(value).encode("utf-8", "surrogateescape") for value in values]
        self.array(np.fromiter((len(value) for value in encoded), np.int64, len(encoded)))
        self._sha.update(b"".join(encoded))

    def table(self, table: pd.DataFrame, leave_out: Sequence[str]) -> None:
        for name in table.columns:
            if name in leave_out:
                continue
            self.text(str(name))
            column = table[name]
            if pd.api.types.is_numeric_dtype(column.dtype):
                self.array(column.to_numpy())
            else:
                self.texts(column.tolist())

    def hexadecimal(self) -> str:
        return self._sha.hexdigest()


def fingerprint(value: LetterImages | Split | pd.DataFrame, *, leave_out: Sequence[str] = ()) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of all that `value` holds.

    Args:
        value: the value to identify.
        leave_out: columns of a table that do not count, such as times.
    """
    if isinstance(value, pd.DataFrame):
        digest = _Digest()
        digest.text("table")
        digest.table(value, leave_out)
        return digest.hexadecimal()
    return _of_tensors(value)


@lru_cache(maxsize=4)
def _of_tensors(value: LetterImages | Split) -> str:
    """Remember the last few: whoever makes a value and whoever stores it both ask, and images take time."""
    digest = _Digest()
    digest.text(type(value).__name__)
    digest.array(value.images)
    if isinstance(value, LetterImages):
        digest.texts(value.names.tolist())
        digest.table(value.rejected, ())
    else:
        digest.array(value.labels)
        digest.table(value.sources, ())
    return digest.hexadecimal()
