"""Column lineage, compared with the columns that change when a column of an input is changed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from notmnist_assets.curation.baselines import evaluation
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import LetterImages, Split
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.definitions import DECLARATIONS, defs
from notmnist_assets.metadata.columns import column_lineage, lineage_table
from notmnist_assets_tests.metadata.tables import MAKERS, Table, Values, example_values
from notmnist_assets_tests.specs import asset_specs
from notmnist_assets_tests.workspace import Workspace

pytestmark = pytest.mark.long

SPECS = {spec.key.to_user_string(): spec for spec in asset_specs(defs)}
LINEAGE = {
    key: lineage
    for key, declaration in DECLARATIONS.items()
    if (lineage := column_lineage(declaration.columns)) is not None
}
TABLES_FROM_TABLES = {
    *(f"{group}/{name}" for group in ("splits", "hashes", "sanitized", "grouped") for name in SPLITS),
    *(f"overlap/{name}" for name in ("near_pairs", "radius", "report", "label_conflicts", "recall")),
    *("letters/files", "sanitized/removed", "labels/issues", "exports/parquet"),
    *(f"baselines/{name}" for name in ("metrics", "mistakes", "leakage", "reference")),
}
EVERY_LINEAGE = pytest.mark.parametrize("key", sorted(LINEAGE))


def columns_of(key: str) -> set[str]:
    schema = SPECS[key].metadata.get("columns")  # archives have no rows
    return {column.name for column in schema.columns} if schema else set()


def parents_of(key: str) -> set[str]:
    return {dep.asset_key.to_user_string() for dep in SPECS[key].deps}


def test_every_table_that_is_computed_from_tables_has_column_lineage() -> None:
    assert set(LINEAGE) == TABLES_FROM_TABLES


@EVERY_LINEAGE
def test_lineage_names_existing_columns_of_inputs(key: str) -> None:
    for column, sources in LINEAGE[key].deps_by_column.items():
        assert column in columns_of(key)
        assert sources
        assert len(set(sources)) == len(sources)
        for source in sources:
            assert source.asset_key.to_user_string() in parents_of(key)
            assert source.column_name in columns_of(source.asset_key.to_user_string())


@EVERY_LINEAGE
def test_the_lineage_table_agrees_with_the_lineage(key: str) -> None:
    shown = lineage_table(DECLARATIONS[key].columns)
    for record in shown.records:
        named = set()
        for part in str(record.data["made_from"]).split("; "):
            asset, _, columns = part.partition(": ")
            folder, _, last = asset.rpartition("/")
            names = [last] if last != "*" else LETTERS if folder.startswith("letters") else SPLITS
            named |= {(f"{folder}/{name}", column) for name in names for column in columns.split(", ")}
        lineage = LINEAGE[key].deps_by_column[str(record.data["column"])]
        assert named == {(source.asset_key.to_user_string(), source.column_name) for source in lineage}
    assert len(shown.records) == len(LINEAGE[key].deps_by_column)


@pytest.mark.parametrize("key", sorted(SPECS))
def test_definition_and_materialization_have_the_lineage(finished: Workspace, key: str) -> None:
    made = finished.metadata(key).get("dagster/column_lineage")
    assert (made.value if made else None) == LINEAGE.get(key)
    assert SPECS[key].metadata.get("dagster/column_lineage") == LINEAGE.get(key)
    assert ("columns_made_from" in SPECS[key].metadata) == (key in LINEAGE)


@pytest.fixture(scope="module")
def world() -> Values:
    return example_values()


FIXED_ROWS = {"overlap/report", "overlap/radius", *(f"hashes/{name}" for name in SPLITS)}
"""Tables whose rows do not depend on the inputs, so that no other column may change."""
ONLY_FINDS_ROWS = {("overlap/recall", "hashes", "exact")}
"""Columns that decide which rows exist, but no value."""
KEY = ("hashes", "row")
"""The column that says to which row of a split the others belong: all that is made from them may change."""
NEVER_SEEN_CHANGING = {
    ("overlap/radius", "chosen"),
    ("baselines/metrics", "converged"),
    ("baselines/metrics", "groups"),
    *(("baselines/reference", name) for name in ("rows", "groups", "converged")),
    *(("baselines/leakage", name) for name in ("rows", "groups", "improved", "worsened", "p_value")),
    ("letters/files", "distinct"),
    *(("labels/issues", column) for column in ("kind", "fitted", "split", "row")),
}
"""Columns that may stay the same with so few rows: too few pairs choose no radius, every fit converges, few predictions
change, permuted rows are as many and as distinct, and all images are without an issue and in no split."""
ONLY_AS_A_SET = {("baselines/leakage", "hashes/train"), ("baselines/reference", "hashes/train")}
"""Inputs whose permuted values change nothing."""
ONLY_DECIDE_ROWS = {"letters/files", "sanitized/removed"}
"""Inputs that decide which rows a split has, and are not copied into it."""
ONLY_FOR_A_SETTING = {(f"baselines/{name}", "labels/issues") for name in ("metrics", "mistakes")}
"""Inputs that are read only with a setting that is off by default."""


def sources_of(key: str) -> Iterator[tuple[str, list[str], str]]:
    """Yield each column to change, in all splits or letters at once: its group, its assets, its name."""
    folders: dict[tuple[str, str], list[str]] = {}
    decided = ONLY_DECIDE_ROWS if key != "exports/parquet" else set()
    unused = {parent for of, parent in ONLY_FOR_A_SETTING if of == key}
    for parent in sorted(parents_of(key) - decided - unused):
        folder, _, name = parent.rpartition("/")
        alone = folder == "overlap" or name == "removed" or (key.startswith("baselines/") and name == "train")
        part = name if alone else ""
        folders.setdefault((folder, part), []).append(parent)
    for (folder, part), assets in folders.items():
        for column in sorted(columns_of(assets[0])):
            yield f"{folder}/{part}" if folder == "overlap" else folder, assets, column


def change(value: Any, column: str) -> Any:
    """Return a value with other content in one column."""
    random = np.random.default_rng(len(value))
    if column == "image":
        return replace(value, images=np.ascontiguousarray(value.images[random.permutation(len(value))] // 2))
    if isinstance(value, LetterImages):
        return replace(value, names=np.array([f"{name[0]}~{name}" for name in value.names], object))
    if isinstance(value, Split):
        if column == "label":
            return replace(value, labels=((value.labels + random.integers(1, 10, len(value))) % 10).astype(np.int32))
        return replace(value, sources=value.sources.assign(**{column: value.sources[column].astype("str") + "~"}))
    return value.assign(**{column: _other(value[column], random)})


def _other(column: "pd.Series[Any]", random: np.random.Generator) -> Any:
    if column.name == "label":
        return ((column + random.integers(1, 10, len(column))) % 10).astype(column.dtype)
    if column.dtype == bool:
        return np.arange(len(column)) == len(column) - 1
    if pd.api.types.is_float_dtype(column.dtype):
        return column + 20
    return column.to_numpy()[random.permutation(len(column))]


def followers(make: Callable[[Values], Table], before: Table, values: Values) -> set[str]:
    """Return the columns that differ after a change; all columns if the table cannot be computed any more."""
    try:
        after = make(values)
    except CurationError:
        return set(before)
    return {column for column in before if repr(before[column]) != repr(after[column])}


@EVERY_LINEAGE
def test_columns_change_with_the_columns_in_their_lineage_and_no_others(
    world: Values, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "SAMPLES", 2)  # columns follow the same inputs as with more fits
    values = {parent: world[parent] for parent in parents_of(key) if parent in world}
    make = MAKERS[key]
    before = make(values)
    for folder, assets, column in sources_of(key):
        if (key, assets[0]) in ONLY_AS_A_SET:
            continue
        changed = values | {asset: change(values[asset], column) for asset in assets}
        moved = followers(make, before, changed)
        named = {
            name
            for name, sources in LINEAGE[key].deps_by_column.items()
            if (key, name) not in NEVER_SEEN_CHANGING
            and any(source.column_name == column and source.asset_key.to_user_string() in assets for source in sources)
        }
        assert moved >= named, (assets, column)
        decides = (folder, column) == KEY or (key, folder, column) in ONLY_FINDS_ROWS
        if not decides and (key in FIXED_ROWS or not named):
            assert moved - {name for of, name in NEVER_SEEN_CHANGING if of == key} == named, (assets, column)
