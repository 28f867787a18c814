"""Sorts images into a grid by three sign projections, and finds the candidates within the radius of an image.

Two projections divide the plane into square columns half as wide as the radius; within a column, rows are sorted by the
third projection. All images within the radius lie at most two columns away along each axis, and there in one window of
the third projection. Columns of half the radius leave fewer candidates than columns of the radius: 5x5 of them cover
6.25 squared radii, 3x3 wide ones 9.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.duplicates.near.bounds import Sketch

_COLUMNS_PER_RADIUS: Final = 2
_MOST_COLUMNS: Final = 512
"""Columns along one axis: at small radii columns are wider than half the radius, to keep their number small."""
_SPAN: Final = 1 << 18
"""Keys reserved for a column: more than twice the largest projection plus tolerance."""

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Grid:
    """Rows sorted by column and, within a column, by the third projection.

    Attributes:
        sketch: sketch of the sorted rows.
        rows: int32 (n,), row number in the table of each sorted row.
        columns: int32 (n, 2), column of each sorted row along each axis.
        keys: int64 (n,), ascending: the column of each sorted row, x * shape[1] + y, and its third projection.
        shape: columns along each axis.
        reach: how many columns away an image within the radius can be, along each axis.
        origin: smallest projection along each axis.
        step: width of a column along each axis.
    """

    sketch: Sketch
    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    keys: Int64
    shape: tuple[int, int]
    reach: tuple[int, int]
    origin: tuple[int, int]
    step: tuple[int, int]


def build_grid(sketch: Sketch, tolerance: int) -> Grid:
    """Build the grid of at least one image, to find images whose projections differ by at most `tolerance`."""
    axes = sketch.projections[:2].astype(np.int32)
    origin = axes.min(axis=1)
    extent = axes.max(axis=1) - origin + 1
    step = np.maximum(-(-tolerance // _COLUMNS_PER_RADIUS), -(-extent // _MOST_COLUMNS))
    shape = (extent - 1) // step + 1
    reach = -(-tolerance // step)
    columns = _columns(sketch, origin, step)
    order = _column_order(sketch, columns)
    sketch, columns = sketch.take(order), columns[order]
    return Grid(
        sketch=sketch,
        rows=order.astype(np.int32),
        columns=columns,
        keys=(columns[:, 0].astype(np.int64) * shape[1] + columns[:, 1]) * _SPAN + sketch.projections[2],
        shape=(int(shape[0]), int(shape[1])),
        reach=(int(reach[0]), int(reach[1])),
        origin=(int(origin[0]), int(origin[1])),
        step=(int(step[0]), int(step[1])),
    )


@dataclass(frozen=True, eq=False)
class Queries:
    """Images to look up in a grid, sorted like it.

    Attributes:
        sketch: sketch of the sorted queries.
        rows: int32 (q,), row number in its table of each sorted query.
        columns: int32 (q, 2), column of each sorted query; outside the grid's shape where the grid has no rows.
    """

    sketch: Sketch
    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]


def sort_queries(sketch: Sketch, grid: Grid) -> Queries:
    """Sort the sketch of other images into the columns of a grid."""
    columns = _columns(sketch, np.array(grid.origin, np.int32), np.array(grid.step, np.int32))
    order = _column_order(sketch, columns)
    return Queries(sketch.take(order), order.astype(np.int32), columns[order])


def windows(
    queries: Queries, first: int, last: int, grid: Grid, tolerance: int, *, within: bool
) -> tuple[Int64, Int64]:
    """Return the begin and end of the windows of grid rows to compare with the queries `first` to `last` - 1.

    Args:
        queries: sorted queries.
        first: the first query.
        last: the end of the range of queries.
        grid: the grid to look them up in.
        tolerance: largest difference of two projections.
        within: whether the queries are the grid's rows themselves; then only later rows are candidates.

    Returns:
        Begins and ends, each int64 (last - first, columns); a window whose end is not after its begin is empty.
    """
    columns, value = (
        queries.columns[first:last].astype(np.int64),
        queries.sketch.projections[2, first:last].astype(np.int64),
    )
    steps = [range(-reach, reach + 1) for reach in grid.reach]
    begins, ends = [], []
    for step in ((x, y) for x in steps[0] for y in steps[1] if not within or (x, y) >= (0, 0)):
        x, y = (columns + step).T
        key = (x * grid.shape[1] + y) * _SPAN + value
        inside = (x >= 0) & (x < grid.shape[0]) & (y >= 0) & (y < grid.shape[1])
        begins.append(np.searchsorted(grid.keys, key - tolerance))
        ends.append(np.where(inside, np.searchsorted(grid.keys, key + tolerance, side="right"), 0))
    begin = np.stack(begins, axis=1)
    return np.maximum(begin, np.arange(first + 1, last + 1)[:, None]) if within else begin, np.stack(ends, axis=1)


def _columns(sketch: Sketch, origin: npt.NDArray[np.int32], step: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the column of each row along each axis, int32 (n, 2)."""
    return ((sketch.projections[:2].T.astype(np.int32) - origin) // step).astype(np.int32)


def _column_order(sketch: Sketch, columns: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    """Return the order by column along the first axis, then along the second, then by the third projection."""
    return np.lexsort((sketch.projections[2], columns[:, 1], columns[:, 0]))
