"""The grid: windows contain all candidates of a query, each once."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.duplicates.near.bounds import (
    Sketch,
    as_pixels,
    cell_sums,
    choose_signs,
    projection_tolerance,
    sketch,
)
from notmnist_assets.curation.duplicates.near.grid import Queries, build_grid, sort_queries, windows
from notmnist_assets_tests.curation.duplicates.near.tables import noisy_copies

seeds = st.integers(0, 2**32)
limits = st.one_of(st.sampled_from([0, 1, 8, 784 * 255]), st.integers(0, 20_000))


def sketches(*tables: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> list[Sketch]:
    """Return the sketches of tables with the signs of the first."""
    with ThreadPoolExecutor(1) as pool:
        sums = [cell_sums(as_pixels(table, "images"), pool) for table in tables]
        signs = choose_signs(sums[0])
        return [sketch(part, signs, pool) for part in sums]


def candidates(queries: Queries, sketched: Sketch, tolerance: int, *, within: bool) -> list[tuple[int, int]]:
    """Return query row and grid row of all rows in windows, in any order."""
    grid = build_grid(sketched, tolerance)
    begins, ends = windows(queries, 0, len(queries.rows), grid, tolerance, within=within)
    return [
        (int(queries.rows[query]), int(grid.rows[row]))
        for query in range(len(queries.rows))
        for begin, end in zip(begins[query], ends[query], strict=True)
        for row in range(begin, end)
    ]


@given(n=st.integers(1, 40), m=st.integers(1, 40), seed=seeds, limit=limits)
@settings(max_examples=60)
def test_windows_contain_each_row_with_close_projections_once(n: int, m: int, seed: int, limit: int) -> None:
    both = noisy_copies(n + m, seed)
    table, others = sketches(both[:n], both[n:])
    tolerance = projection_tolerance(limit)
    found = candidates(sort_queries(others, build_grid(table, tolerance)), table, tolerance, within=False)
    assert len(set(found)) == len(found)
    differences = np.abs(others.projections[:3, :, None].astype(int) - table.projections[:3, None].astype(int))
    close = np.argwhere(differences.max(axis=0) <= tolerance)
    assert {(int(query), int(row)) for query, row in close} <= set(found)


@given(n=st.integers(1, 60), seed=seeds, limit=limits)
@settings(max_examples=60)
def test_within_a_table_each_pair_with_close_projections_is_in_one_window(n: int, seed: int, limit: int) -> None:
    (table,) = sketches(noisy_copies(n, seed))
    tolerance = projection_tolerance(limit)
    grid = build_grid(table, tolerance)
    found = candidates(Queries(grid.sketch, grid.rows, grid.columns), table, tolerance, within=True)
    pairs = [(min(pair), max(pair)) for pair in found]
    assert len(set(pairs)) == len(pairs)
    assert all(a != b for a, b in pairs)
    differences = np.abs(table.projections[:3, :, None].astype(int) - table.projections[:3, None].astype(int))
    close = np.argwhere(differences.max(axis=0) <= tolerance)
    assert {(int(a), int(b)) for a, b in close if a < b} <= set(pairs)
