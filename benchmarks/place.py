"""Defines the sizes of the benchmark with their split sizes, and the folders of a stage.

Imports no large libraries at module level, because their memory would count for both ways.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_FULL_SPLITS: Final = {"train": 20_000, "valid": 1_000, "test": 1_000}
_FEWEST_ROWS: Final = 5
_FRACTIONS: Final = {"1/16": 16, "1/4": 4, "full": 1}


@dataclass(frozen=True)
class Size:
    """A size: its name and the number of files per letter in the large and the small archive."""

    name: str
    large: int
    small: int

    @classmethod
    def from_name(cls, name: str) -> "Size":
        """Return a size by name: `1/16`, `1/4`, `full`, or files per letter in the large archive.

        Raises:
            ValueError: the name is not one of these.
        """
        # Imported here and below so that stages, which only read a `Place`, do not import it.
        from tools.render.planting import ORIGINAL_FILES, small_for

        if name in _FRACTIONS:
            large = ORIGINAL_FILES["large"] // _FRACTIONS[name]
        elif name.isdecimal():
            large = int(name)
        else:
            raise ValueError(f"size {name!r} is not among {', '.join(_FRACTIONS)} and not a number of files per letter")
        return cls(name, large, small_for(large))

    @property
    def splits(self) -> Mapping[str, int]:
        """The assignment's 200,000, 10,000 and 10,000 rows, scaled by the size of the archives."""
        from tools.render.planting import ORIGINAL_FILES

        return {
            name: 10 * max(_FEWEST_ROWS, math.floor(count * self.large / ORIGINAL_FILES["large"]))
            for name, count in _FULL_SPLITS.items()
        }

    @property
    def folder(self) -> str:
        """Return the name as part of a path."""
        return self.name.replace("/", "_of_") if "/" in self.name else f"size_{self.name}"


@dataclass(frozen=True)
class Place:
    """The folders and parameters of a stage.

    Attributes:
        archives: folder with both archives and SHA256SUMS.
        work: folder of one way, in which its stages write their output and read that of earlier stages.
        splits: rows of each split.
        seed: seed of the splits.
        dask: address of the scheduler of a Dask cluster for the work that it can do; this process does all by default.
    """

    archives: Path
    work: Path
    splits: Mapping[str, int]
    seed: int = 133
    dask: str = ""

    def archive(self, set_name: str) -> Path:
        """Return the path of an archive."""
        return self.archives / f"notMNIST_{set_name}.tar.gz"

    def folder(self, name: str) -> Path:
        """Return a folder for output; create it if it is missing."""
        path = self.work / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def as_json(self) -> dict[str, Any]:
        """Return all fields as JSON values."""
        return {
            "archives": str(self.archives),
            "work": str(self.work),
            "splits": dict(self.splits),
            "seed": self.seed,
            "dask": self.dask,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Place":
        """Return the place from the values of `as_json`."""
        return cls(Path(values["archives"]), Path(values["work"]), values["splits"], values["seed"], values["dask"])
