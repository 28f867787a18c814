"""Splits to export and exported files in memory, for the tests of all export formats."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.values import Split
from notmnist_assets_tests.builders import ORDER, random_split

SIZES = [(12, 4, 3), (5000, 1, 0), (0, 0, 0)]
"""Rows of train, valid and test: few, more than a block, none."""


def three_splits(train: int = 12, valid: int = 4, test: int = 3) -> dict[str, Split]:
    splits = {"train": random_split(train, 0), "valid": random_split(valid, 1), "test": random_split(test, 2)}
    for split in splits.values():
        names = [f"é{'x' * (row % 5)}-{name}" for row, name in enumerate(split.sources["name"])]
        split.sources["name"] = split.sources["name"].astype(object)
        split.sources["name"] = names
    return splits


def memory_mapped(splits: Mapping[str, Split], folder: Path) -> dict[str, Split]:
    """Return equal splits whose images are memory maps in Fortran order."""
    mapped = {}
    for name in ORDER:
        np.save(folder / f"{name}.npy", np.asfortranarray(splits[name].images))
        images = np.load(folder / f"{name}.npy", mmap_mode="r")
        mapped[name] = Split(images, splits[name].labels, splits[name].sources)
    return mapped


def contents_of(writers: Mapping[str, Callable[[BinaryIO], None]]) -> dict[str, bytes]:
    """Return the bytes that each function writes, by file name."""
    contents = {}
    for name, write in writers.items():
        file = io.BytesIO()
        write(file)
        contents[name] = file.getvalue()
    return contents


def opener(contents: Mapping[str, bytes]) -> Callable[[str], BinaryIO]:
    """Return a function that opens a file by name, as from a folder."""

    def open_file(name: str) -> BinaryIO:
        if name not in contents:
            raise FileNotFoundError(name)
        return io.BytesIO(contents[name])

    return open_file


def differs(compare: Callable[[], list[str]]) -> bool:
    """Return whether a comparison finds a difference or raises CurationError."""
    try:
        return bool(compare())
    except CurationError:
        return True
