"""Builds small splits with repeats, near copies and conflicting letters, and compares their rows by brute force.

The brute force uses none of the digests, indices and searches under test.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from hypothesis import strategies as st

from notmnist_assets.curation.core.images import LETTERS, Images
from notmnist_assets.curation.core.values import LetterImages, Split
from notmnist_assets.curation.duplicates.hashes import hash_table
from notmnist_assets.curation.duplicates.row_index import RowIndex

ORDER = ("train", "valid", "test")
STEP = 51
"""Difference in gray levels of neighbouring images: 0.2 in the unit of the radius."""
RADII = (0.0, 0.1, 0.2, 0.4, 0.6, 1.0, 5.0)


def drawing(number: int, hidden: int = 0, visible: int = 0) -> npt.NDArray[np.uint8]:
    """Return an image whose distance to its variants is 0.2 times the change of `hidden` plus that of `visible`.

    `hidden` changes a pixel below the maximum of its 4x4 cell, so that the cells hash stays the same; `visible` changes
    the maximum of a cell. Images with different numbers are 2 apart.
    """
    image = np.zeros((28, 28), np.uint8)
    image[0, 0] = 255
    image[4, 4 * number] = 255
    image[1, 1] = hidden * STEP
    image[9, 9] = visible * STEP
    return image


def rectangles(n: int, seed: int = 0) -> Images:
    """Return n soft-edged rectangles of several sizes: uint8 (n, 28, 28)."""
    rng = np.random.default_rng(seed)
    images = np.zeros((n, 28, 28), np.uint8)
    for image in images:
        top, left = rng.integers(1, 12, 2)
        bottom, right = rng.integers(16, 27, 2)
        image[top:bottom, left:right] = 128
        image[top + 1 : bottom - 1, left + 1 : right - 1] = 255
        image[top : top + 3, left : left + 3] = rng.integers(0, 255, (3, 3))
    return images


def split_of(images: Images, labels: Sequence[int], fonts: Sequence[str] | None = None, name: str = "large") -> Split:
    """Return a split with numbered file names."""
    letters = [LETTERS[label] for label in labels]
    names = [f"{name}-{row}.png" for row in range(len(images))]
    sources = pd.DataFrame(
        {
            "set": pd.Series([name] * len(names), dtype="str"),
            "letter": pd.Categorical(letters, categories=list(LETTERS)),
            "name": pd.Series(names, dtype="str"),
            "font": pd.Series(names if fonts is None else list(fonts), dtype="str"),
        }
    )
    return Split(images, np.array(labels, np.int32), sources)


def random_split(rows: int, seed: int = 0) -> Split:
    """Return a split of noise with random letters."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (rows, 28, 28), dtype=np.uint8)
    return split_of(images, random.integers(0, 10, rows).tolist())


def letters_of(set_name: str, counts: Sequence[int], seed: int = 0) -> dict[str, LetterImages]:
    """Return letters A to J with `counts` images of noise, all different."""
    random = np.random.default_rng(seed)
    rejected = pd.DataFrame({"name": [], "bytes": [], "reason": []})
    letters = {}
    for letter, count in zip(LETTERS, counts, strict=True):
        names = np.array([f"{set_name}-{letter}-{row:04d}.png" for row in range(count)], dtype=object)
        letters[letter] = LetterImages(random.integers(0, 256, (count, 28, 28), dtype=np.uint8), names, rejected)
    return letters


class Row(NamedTuple):
    """One row of a world."""

    split: str
    row: int
    letter: int
    image: npt.NDArray[np.uint8]
    font: str


@dataclass(frozen=True)
class World:
    """Three splits and a radius, with relations of rows computed from the pixels by loops over all rows."""

    splits: Mapping[str, Split]
    radius: float

    def rows(self) -> list[Row]:
        return [
            Row(name, row, int(split.labels[row]), split.images[row], str(split.sources["font"].iloc[row]))
            for name in ORDER
            for split in [self.splits[name]]
            for row in range(len(split))
        ]

    def hashes(self) -> dict[str, pd.DataFrame]:
        return {name: hash_table(split) for name, split in self.splits.items()}

    def pairs(self, beyond: float = 1.0, seed: int = 0) -> pd.DataFrame:
        """Return the near pairs up to `beyond` above the radius, in random order and direction."""
        random = np.random.default_rng(seed)
        digests: dict[bytes, str] = {}
        images: dict[bytes, npt.NDArray[np.uint8]] = {}
        for name, table in self.hashes().items():
            for row, image in enumerate(self.splits[name].images):
                digests[image.tobytes()] = table["exact"].iloc[row]
                images[image.tobytes()] = image
        found = []
        for a, b in itertools.combinations(images, 2):
            distance = distance_of(images[a], images[b])
            if distance <= self.radius + beyond:
                one, other = (a, b) if random.random() < 0.5 else (b, a)
                found.append((digests[one], digests[other], distance))
        order = random.permutation(len(found))
        table = pd.DataFrame([found[place] for place in order], columns=["exact_a", "exact_b", "distance"])
        return table.astype({"exact_a": "str", "exact_b": "str", "distance": "float64"})

    def index(self, seed: int = 0) -> RowIndex:
        return RowIndex(self.hashes(), self.pairs(seed=seed), self.radius)

    def related(self, one: Row, other: Row, method: str) -> float | None:
        """Return the distance of rows that a method calls the same image: infinity if unknown, None if unrelated."""
        if one.image.tobytes() == other.image.tobytes():
            return 0.0
        if method == "cells" and cells_of(one.image) == cells_of(other.image):
            return math.inf
        distance = distance_of(one.image, other.image)
        return distance if method == "near" and distance <= self.radius + 1e-9 else None

    def groups(self, method: str) -> list[int]:
        """Return for each row the number of the first row that it is connected to."""
        rows = self.rows()
        linked = (
            (a, b)
            for a, b in itertools.combinations(range(len(rows)), 2)
            if self.related(rows[a], rows[b], method) is not None
        )
        return components(len(rows), linked)


def distance_of(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    """Return the sum of absolute differences in units of 255, pixel by pixel."""
    return _distance(one.tobytes(), other.tobytes())


@lru_cache(maxsize=4096)
def _distance(one: bytes, other: bytes) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / 255


def move(image: npt.NDArray[np.uint8], down: int, right: int) -> npt.NDArray[np.uint8]:
    """Return an image moved by at most one pixel, computed pixel by pixel; pixels that enter are background."""
    moved = np.zeros_like(image)
    for y, x in itertools.product(range(28), range(28)):
        if 0 <= y - down < 28 and 0 <= x - right < 28:
            moved[y, x] = image[y - down, x - right]
    return moved


def cells_of(image: npt.NDArray[np.uint8]) -> list[int]:
    """Return the 49 maxima of 4x4 cells."""
    return [int(image[y : y + 4, x : x + 4].max()) for y in range(0, 28, 4) for x in range(0, 28, 4)]


def components(count: int, linked: Iterator[tuple[int, int]]) -> list[int]:
    """Return the smallest member of the connected component of each element, by repeated relabelling."""
    group = list(range(count))
    for one, other in linked:
        low, high = sorted((group[one], group[other]))
        group = [low if member == high else member for member in group]
    return group


@st.composite
def worlds(draw: st.DrawFn, largest_split: int = 7) -> World:
    """Generate three small splits of few images and letters; many images are equal, near or have equal cells."""
    image = st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 3))
    row = st.tuples(image, st.integers(0, 2), st.integers(0, 3))
    splits = {}
    for name in ORDER:
        rows = draw(st.lists(row, max_size=largest_split))
        images = np.array([drawing(*which) for which, _, _ in rows], np.uint8).reshape(-1, 28, 28)
        labels = [label for _, label, _ in rows]
        splits[name] = split_of(images, labels, [f"font {font}" for _, _, font in rows], name)
    return World(splits, draw(st.sampled_from(RADII)))
