"""The values that flow from stage to stage: `Archive`, `LetterImages` and `Split`, with checked shapes and dtypes."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, cast

import fsspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS, Images, as_float32, check_images, copy_rows, new_images
from notmnist_assets.curation.core.mapped_tables import ROWS, map_table

REJECTED_COLUMNS: Final = ("name", "bytes", "reason")
FILE_COLUMNS: Final = ("set", "letter", "name")
"""The columns that identify a file: no two files agree in all three."""
SOURCE_COLUMNS: Final = (*FILE_COLUMNS, "font")


def digest_of_shards(sha256: Iterable[str]) -> str:
    """Return the digest that stands for an archive of shards, from their hexadecimal SHA-256 in order."""
    return hashlib.sha256("\n".join(sha256).encode()).hexdigest()


@dataclass(frozen=True)
class Archive:
    """A verified `.tar.gz`.

    Attributes:
        uri: local path or fsspec URL of the verified bytes.
        bytes: size of the compressed file.
        sha256: hexadecimal SHA-256 of the compressed file.
        origin: path or URL that the bytes came from, which errors about their content name.
        xxh3: hexadecimal xxh3-128 of the compressed file, which detects damage faster than SHA-256; empty if unknown.
        shards: the files of an archive that consists of several, each a whole `.tar.gz`. `uri` and `origin` then name
            all of them by a pattern, `bytes` is the sum of their sizes, and `sha256` identifies their digests in order.
    """

    uri: str
    bytes: int
    sha256: str
    origin: str
    xxh3: str = field(default="", compare=False)
    shards: tuple["Archive", ...] = ()

    @classmethod
    def of_shards(cls, shards: Sequence["Archive"], uri: str, origin: str) -> "Archive":
        """Return the archive that consists of these shards, in this order."""
        digest = digest_of_shards(shard.sha256 for shard in shards)
        return cls(uri, sum(shard.bytes for shard in shards), digest, origin, shards=tuple(shards))

    def open(self) -> BinaryIO:
        """Open the compressed bytes of an archive without shards, for reading from the start."""
        if "://" not in self.uri:  # fsspec would take "::" in a path for a chain of file systems
            return Path(self.uri).open("rb")
        return cast("BinaryIO", fsspec.open(self.uri, "rb").open())


@dataclass(frozen=True)
class OtherFiles:
    """Files of an archive that belong to none of the letters A to J.

    Attributes:
        count: number of files.
        examples: paths of up to `MOST_EXAMPLES` of them, the first in sorted order.
    """

    count: int = 0
    examples: tuple[str, ...] = ()


MOST_EXAMPLES: Final = 20
"""Largest number of example paths of files outside the letters."""


@dataclass(frozen=True, eq=False)
class LetterImages:
    """All images of one letter of one archive, in canonical order.

    The fingerprint does not depend on `outside` and `ignored`.

    Attributes:
        images: uint8 (n, 28, 28).
        names: object array (n,) of str, file names without folder, in canonical order.
        rejected: one row per file of the letter that is not among the images: `name`, `bytes`, `reason`.
        outside: files of the whole archive that lie in no letter folder, such as those of the letter K.
        ignored: files of the whole archive that macOS added.
    """

    images: Images
    names: npt.NDArray[np.object_]
    rejected: pd.DataFrame
    outside: OtherFiles = OtherFiles()
    ignored: OtherFiles = OtherFiles()

    def __post_init__(self) -> None:
        check_images(self.images, "LetterImages.images")
        if self.names.shape != (len(self.images),):
            raise ValueError(f"{len(self.images)} images but names of shape {self.names.shape}")
        if tuple(self.rejected.columns) != REJECTED_COLUMNS:
            raise ValueError(f"rejected has columns {list(self.rejected.columns)}, not {REJECTED_COLUMNS}")

    def __len__(self) -> int:
        return len(self.images)

    def as_float32(self) -> npt.NDArray[np.float32]:
        """Return the images as float32 (n, 28, 28), (pixel - 127.5) / 255."""
        return as_float32(self.images)


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of a train, valid or test set.

    Attributes:
        images: uint8 (n, 28, 28).
        labels: int32 (n,), 0 to 9 for A to J.
        sources: one row per image: `set`, `letter`, `name`, `font`.
    """

    images: Images
    labels: npt.NDArray[np.int32]
    sources: pd.DataFrame

    def __post_init__(self) -> None:
        check_images(self.images, "Split.images")
        n = len(self.images)
        if self.labels.dtype != np.int32 or self.labels.shape != (n,):
            raise ValueError(f"labels must be int32 ({n},), not {self.labels.dtype} {self.labels.shape}")
        if n and (int(self.labels.min()) < 0 or int(self.labels.max()) >= len(LETTERS)):
            raise ValueError("labels must lie between 0 and 9")
        if tuple(self.sources.columns) != SOURCE_COLUMNS or len(self.sources) != n:
            raise ValueError(f"sources must have {n} rows and the columns {SOURCE_COLUMNS}")

    def __len__(self) -> int:
        return len(self.images)

    def as_float32(self) -> npt.NDArray[np.float32]:
        """Return the images as float32 (n, 28, 28), (pixel - 127.5) / 255."""
        return as_float32(self.images)

    def take(self, rows: npt.NDArray[np.intp]) -> "Split":
        """Return the split of `rows` of this one, intp (m,), in that order."""
        images = new_images(len(rows))
        copy_rows(self.images, rows, images, np.arange(len(rows)))
        parts = (self.sources.take(rows[start : start + ROWS]) for start in range(0, max(len(rows), 1), ROWS))
        return Split(images, self.labels[rows], map_table(parts))
