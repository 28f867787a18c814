"""The command `python -m benchmarks.duplicates`: the radius that little data give, and ways to remove near repeats."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import typer
from rich.console import Console

from notmnist_assets.curation import (
    LETTERS,
    SET_OF_SPLIT,
    SETS,
    SPLITS,
    Archive,
    Policy,
    RowIndex,
    Split,
    canonical_rows,
    chosen_radius,
    gather,
    hash_table,
    radius_table,
    read_letters,
    sanitize,
    search_near,
    sizes_from_data,
)
from notmnist_assets.curation.duplicates.radius import FALLBACK_RADIUS, choose_radius
from notmnist_assets.curation.duplicates.row_index import Indices, Mask, later_of_pairs
from notmnist_assets.settings.model import SEARCH_RADIUS
from tools.render import render_archives
from tools.render.planting import small_for

_SEED: Final = 133
_SIZES: Final = [100, 200, 500, 1000, 2000]
_SEEDS: Final = [1, 2, 3]

app = typer.Typer(add_completion=False)
_console = Console(soft_wrap=True, highlight=False)


@dataclass(frozen=True, eq=False)
class Searched:
    """The canonical splits of two archives, their rows by image, the near pairs and the radius table."""

    splits: dict[str, Split]
    index: RowIndex
    pairs: pd.DataFrame
    curve: pd.DataFrame


def search_archives(folder: Path) -> Searched:
    """Read both archives of a folder, draw the canonical splits and search them for near pairs."""
    with ExitStack() as open_archives:
        letters = {}
        for name in SETS:
            path = folder / f"notMNIST_{name}.tar.gz"
            with path.open("rb") as file:
                digest = file_digest(file, "sha256").hexdigest()
            archive = Archive(str(path), path.stat().st_size, digest, origin="a local file")
            letters[name] = dict(open_archives.enter_context(read_letters(archive, name)))
        large, small = ([len(letters[name][letter]) for letter in LETTERS] for name in SETS)
        rows = canonical_rows(large, small, sizes_from_data(large, small, train=None, valid=None, test=None), _SEED)
        splits = {name: gather(SET_OF_SPLIT[name], letters[SET_OF_SPLIT[name]], rows[name]) for name in SPLITS}
    index = RowIndex({name: hash_table(split) for name, split in splits.items()})
    pairs = search_near(index, splits, SEARCH_RADIUS).pairs
    return Searched(splits, index, pairs, radius_table(index, pairs, searched=SEARCH_RADIUS, fixed=None))


@app.command()
def radius(
    per_letter: Annotated[list[int], typer.Option(help="Files per letter of the large archive; repeatable.")] = _SIZES,
    seed: Annotated[list[int], typer.Option(help="Seed of the rendered letters; repeatable.")] = _SEEDS,
) -> None:
    """Render archives of several sizes and print the radius that each of them gives, as Markdown."""
    _console.print(f"| files per letter | seed | pairs within {FALLBACK_RADIUS:g} | radius | why |")
    _console.print("|---|---|---|---|---|")
    for files in per_letter:
        for number in seed:
            with tempfile.TemporaryDirectory() as folder:
                small = small_for(files)
                render_archives(Path(folder), large_per_letter=files, small_per_letter=small, seed=number)
                curve = search_archives(Path(folder)).curve
            pairs = int(curve.loc[curve["radius"] <= FALLBACK_RADIUS, "pairs"].max())
            choice = choose_radius(curve)
            _console.print(f"| {files} | {number} | {pairs} | {choice.radius:g} | {choice.reason} |")


@app.command()
def repeats(archives: Annotated[Path, typer.Option(help="Folder with both archives.")]) -> None:
    """Remove near repeats in several ways and print the rows that each of them keeps, as Markdown."""
    found = search_archives(archives)
    used = chosen_radius(found.curve)
    index = found.index.with_pairs(found.pairs, used)
    kept = sanitize(index, Policy(repeats="exact")).kept
    _console.print(f"| split, radius {used:g} | way | rows before | kept | near no kept row | mean distance |")
    _console.print("|---|---|---|---|---|---|")
    for split in SPLITS:
        rows = index.in_split(split)
        rows[rows] = np.isin(index.row[rows], kept[split])
        for way, taken in _ways(index, rows):
            distance = index.nearest(taken, "near").distance[index.image[rows & ~taken]]
            far, mean = (
                int(np.isnan(distance).sum()),
                float(distance[~np.isnan(distance)].mean()) if len(distance) else 0,
            )
            _console.print(f"| {split} | {way} | {rows.sum()} | {taken.sum()} | {far} | {mean:.2f} |")


def _ways(index: RowIndex, rows: Mask) -> Iterator[tuple[str, Mask]]:
    """Yield each way with the mask of the rows that it keeps; rows are distinct images."""
    row_of = np.full(index.images, -1, np.int64)
    row_of[index.image[rows]] = np.flatnonzero(rows)
    source, target, _ = index.edges
    a, b = row_of[source], row_of[target]
    both = (a >= 0) & (b >= 0)
    a, b = a[both], b[both]
    neighbours = np.bincount(a, minlength=len(rows))
    yield "first row", rows & index.unrelated(rows, "near")
    yield "most neighbours first", rows & ~_left_out(a, b, np.argsort(-neighbours, kind="stable"))
    yield "fewest neighbours first", rows & ~_left_out(a, b, np.argsort(neighbours, kind="stable"))
    yield "one row per component", rows & ~_left_out_of_components(a, b, neighbours)


def _left_out(a: Indices, b: Indices, order: npt.NDArray[np.intp]) -> Mask:
    """Return the mask of rows that are left out if rows are taken in this order."""
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    once = rank[a] < rank[b]
    return later_of_pairs(rank[a[once]], rank[b[once]], len(order))[rank]


def _left_out_of_components(a: Indices, b: Indices, neighbours: Indices) -> Mask:
    """Return the mask of rows that are not the one with most neighbours of their connected component."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(neighbours)
    _, component = connected_components(coo_array((np.ones(len(a), np.int8), (a, b)), shape=(size, size)))
    order = np.lexsort((-neighbours, component))
    _, first = np.unique(component[order], return_index=True)
    left_out: Mask = np.ones(size, np.bool_)
    left_out[order[first]] = False
    return left_out


if __name__ == "__main__":
    app()
