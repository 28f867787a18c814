"""Collects the files of one letter while its archive is read, and puts its images in canonical order at the end."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import PIXELS, SIDE, Images
from notmnist_assets.curation.core.values import REJECTED_COLUMNS, LetterImages
from notmnist_assets.curation.reading.rejections import Rejection

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK: Final = 256
"""Images written at a time. More would exceed the processor's cache, which takes twice as long."""
_COPY: Final = 1 << 20
"""Bytes that are copied at a time."""


@dataclass(frozen=True, eq=False)
class Piece:
    """The files of one letter in one block or shard, in the order of the archive.

    Attributes:
        letter: A to J.
        names: names of all n files.
        sizes: int64 (n,), bytes of each.
        reasons: why a file is rejected, by its index.
        images: the readable files, uint8 (n - rejected, 28, 28), or the file that contains these pixels.
    """

    letter: str
    names: "pa.LargeStringArray"
    sizes: npt.NDArray[np.int64]
    reasons: dict[int, str]
    images: Images | Path


class LetterBuffer:
    """The files of one letter: names and reasons in memory, decoded images in a scratch file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rejected: dict[int, str] = {}
        self.order: npt.NDArray[np.intp] = np.empty(0, np.intp)
        self._spool = path.open("wb")
        self._names: list[pa.LargeStringArray] = []
        self._members = 0
        self._sizes: list[npt.NDArray[np.int64]] = []
        self._decoded: list[npt.NDArray[np.bool_]] = []

    def add(self, piece: Piece) -> None:
        """Append the files of a block or shard; a file of pixels is deleted."""
        self.rejected.update((self._members + i, reason) for i, reason in piece.reasons.items())
        self._names.append(piece.names)
        self._members += len(piece.names)
        self._sizes.append(piece.sizes)
        decoded = np.ones(len(piece.names), np.bool_)
        decoded[list(piece.reasons)] = False
        self._decoded.append(decoded)
        if not isinstance(piece.images, np.ndarray):
            with piece.images.open("rb") as pixels:
                shutil.copyfileobj(pixels, self._spool, _COPY)
            piece.images.unlink()
        else:
            self._spool.write(piece.images.data)

    def as_piece(self, letter: str) -> Piece:
        """Return all files as one piece, whose pixels stay in the closed scratch file."""
        self.close()
        sizes = np.concatenate([np.empty(0, np.int64), *self._sizes])
        return Piece(letter, self._all_names(), sizes, self.rejected, self.path)

    def close(self) -> None:
        """Close the scratch file."""
        self._spool.close()

    def arrange(self) -> None:
        """Determine the canonical order of the readable members, after all have been added.

        Of several members with the same name only the last is kept, as when they are extracted.
        """
        names = self._all_names()
        order = _order_of_distinct(names)
        if order is None:
            texts = names.to_pylist()
            members = range(len(texts))
            last = dict(zip(texts, members, strict=True))
            self.rejected.update((i, Rejection.DUPLICATE_NAME.value) for i in set(members).difference(last.values()))
            order = np.array(sorted(members, key=lambda i: (texts[i].lower(), texts[i])), np.intp)
        self.order = order[~np.isin(order, list(self.rejected))] if self.rejected else order

    def write_ordered(self, target: Path) -> None:
        """Write the readable images to `target` in canonical order."""
        if not len(self.order):
            return
        decoded = np.concatenate(self._decoded)
        rows = (np.cumsum(decoded) - 1)[self.order]
        # Mode "clip" writes directly into `out`. It would repeat the last row for indices beyond it; the shape given
        # to memmap ensures that all rows exist.
        spooled = np.memmap(self.path, np.uint8, "r", shape=(int(decoded.sum()), PIXELS))
        chunk = np.empty((_CHUNK, PIXELS), np.uint8)
        with target.open("wb") as file:
            for start in range(0, len(rows), _CHUNK):
                part = rows[start : start + _CHUNK]
                np.take(spooled, part, axis=0, out=chunk[: len(part)], mode="clip")
                file.write(chunk[: len(part)].data)

    def letter_images(self, ordered: Path) -> LetterImages:
        """Return the letter, with its images memory-mapped from the file that `write_ordered` wrote."""
        shape = (len(self.order), SIDE, SIDE)
        images = np.memmap(ordered, np.uint8, "r", shape=shape) if shape[0] else np.empty(shape, np.uint8)
        names = self._all_names()
        sizes = np.concatenate(self._sizes)
        table = [(names[i].as_py(), int(sizes[i]), reason) for i, reason in sorted(self.rejected.items())]
        table.sort(key=lambda row: (row[0].lower(), row[0]))
        rejected = pd.DataFrame(table, columns=list(REJECTED_COLUMNS))
        types = {"name": "str", "bytes": "int64", "reason": "str"}
        return LetterImages(images, names.take(self.order).to_numpy(zero_copy_only=False), rejected.astype(types))

    def _all_names(self) -> "pa.LargeStringArray":
        """Return the names of all members, readable or not, in the order of the archive."""
        import pyarrow as pa

        self._names = [pa.concat_arrays(self._names)] if self._names else [pa.array([], pa.large_string())]
        return self._names[0]


def _order_of_distinct(names: "pa.LargeStringArray") -> npt.NDArray[np.intp] | None:
    """Return the order by `str.lower`, or None if two names are equal in lower case."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.all(pc.string_is_ascii(names), min_count=0).as_py():
        lowered = pc.ascii_lower(names)
    else:
        lowered = pa.array([name.lower() for name in names.to_pylist()], pa.large_string())
    # UTF-8 sorts by code points, as Python strings do.
    order = pc.sort_indices(lowered)
    ordered = lowered.take(order)
    has_equal = pc.any(pc.equal(ordered[1:], ordered[:-1]), min_count=0).as_py()
    return None if has_equal else order.to_numpy().astype(np.intp)
