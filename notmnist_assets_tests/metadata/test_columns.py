"""Column lineage that really holds: columns are changed, and the columns that are said to follow are looked at."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
import pytest

from notmnist_assets.curation.baselines.evaluation import baseline_metrics
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.values import LetterImages, Split
from notmnist_assets.curation.duplicates.hashes import hash_table
from notmnist_assets.curation.duplicates.overlap import label_conflicts, overlap_report
from notmnist_assets.curation.duplicates.pair_table import chosen_radius, images_of, radius_table, search_near
from notmnist_assets.curation.duplicates.recall import recall_table
from notmnist_assets.curation.duplicates.row_index import METHODS, RowIndex
from notmnist_assets.curation.exports.parquet import write_files
from notmnist_assets.curation.reading.files import files_table, readable_files
from notmnist_assets.curation.sanitizing.decision import Policy, sanitize
from notmnist_assets.curation.sanitizing.grouping import gather_splits, pool_letters
from notmnist_assets.curation.splitting.splits import SET_OF_SPLIT, SPLITS, canonical_rows, gather, sizes_from_data
from notmnist_assets.definitions import DECLARATIONS, defs
from notmnist_assets.metadata.columns import column_lineage, lineage_table
from notmnist_assets_tests import builders
from notmnist_assets_tests.builders import split_of
from notmnist_assets_tests.workspace import Workspace

SPECS = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
LINEAGE = {
    key: lineage
    for key, declaration in DECLARATIONS.items()
    if (lineage := column_lineage(declaration.columns)) is not None
}
TABLES_FROM_TABLES = {
    *(f"{group}/{name}" for group in ("splits", "hashes", "sanitized", "grouped") for name in SPLITS),
    *(f"overlap/{name}" for name in ("near_pairs", "radius", "report", "label_conflicts", "recall")),
    *("letters/files", "sanitized/removed", "baselines/metrics", "exports/parquet"),
}
EVERY_LINEAGE = pytest.mark.parametrize("key", sorted(LINEAGE))

Values = dict[str, Any]
Table = dict[str, list[Any]]


def columns_of(key: str) -> set[str]:
    return {column.name for column in SPECS[key].metadata["dagster/column_schema"].columns}


def parents_of(key: str) -> set[str]:
    return {dep.asset_key.to_user_string() for dep in SPECS[key].deps}


def test_all_tables_made_from_tables_tell_where_their_columns_come_from() -> None:
    assert set(LINEAGE) == TABLES_FROM_TABLES


@EVERY_LINEAGE
def test_lineage_names_columns_that_both_sides_have_and_assets_that_are_inputs(key: str) -> None:
    for column, sources in LINEAGE[key].deps_by_column.items():
        assert column in columns_of(key)
        assert sources
        assert len(set(sources)) == len(sources)
        for source in sources:
            assert source.asset_key.to_user_string() in parents_of(key)
            assert source.column_name in columns_of(source.asset_key.to_user_string())


@EVERY_LINEAGE
def test_the_table_for_people_says_the_same(key: str) -> None:
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
def test_definition_and_materialization_carry_it(finished: Workspace, key: str) -> None:
    made = finished.metadata(key).get("dagster/column_lineage")
    assert (made.value if made else None) == LINEAGE.get(key)
    assert SPECS[key].metadata.get("dagster/column_lineage") == LINEAGE.get(key)
    assert ("columns_made_from" in SPECS[key].metadata) == (key in LINEAGE)


@pytest.fixture(scope="module")
def world() -> Values:
    """Every input of a table: splits of noisy copies of ten drawings, and four images under two letters each."""
    random = np.random.default_rng(5)
    drawings = random.integers(0, 256, (10, 28, 28), dtype=np.uint8)
    values: Values = {}
    for name, rows in (("train", 120), ("valid", 60), ("test", 60)):
        labels = random.integers(0, 10, rows)
        images = drawings[labels].reshape(rows, 784)
        for image in images:
            image[random.choice(784, random.integers(0, 12), replace=False)] ^= 127
        for pair in range(4):
            images[2 * pair] = images[2 * pair + 1] = random.integers(0, 256, 784, dtype=np.uint8)
            images[2 * pair, : 6 * pair] ^= 127
            labels[2 * pair : 2 * pair + 2] = pair, pair + 5
        values[f"splits/{name}"] = split_of(images.reshape(rows, 28, 28), labels.tolist(), name=name)
        values[f"hashes/{name}"] = hash_table(values[f"splits/{name}"])
    index = RowIndex(group(values, "hashes"))
    values["overlap/near_pairs"] = search_near(index, group(values, "splits"), 12.0).pairs
    values["overlap/radius"] = radius_table(index, values["overlap/near_pairs"], searched=12.0, fixed=1.0)
    outcome = sanitize(index, Policy("exact"))
    values["sanitized/removed"] = outcome.removed
    for name, kept in outcome.kept.items():
        values[f"sanitized/{name}"] = values[f"splits/{name}"].take(kept.astype(np.intp))
    for place, of in enumerate(SETS):
        letters = builders.letters_of(of, [12] * 10, seed=place)
        values |= {f"letters/{of}/{letter}": images for letter, images in letters.items()}
    values["letters/files"] = files_table(letters_of(values))
    return values


def rows_of(split: Split) -> Table:
    images = [image.tobytes() for image in split.images]
    return {
        "image": images,
        "label": split.labels.tolist(),
        **{str(column): source.tolist() for column, source in split.sources.items()},
    }


def group(values: Values, name: str) -> dict[str, Any]:
    return {split: values[f"{name}/{split}"] for split in SPLITS}


def index_of(values: Values, radius: float | None = None) -> RowIndex:
    pairs = values["overlap/near_pairs"]
    return RowIndex(
        group(values, "hashes"), pairs, chosen_radius(values["overlap/radius"]) if radius is None else radius
    )


def letters_of(values: Values, sets: Sequence[str] = SETS) -> dict[str, dict[str, LetterImages]]:
    return {of: {letter: values[f"letters/{of}/{letter}"] for letter in LETTERS} for of in sets}


def list_files(values: Values) -> Table:
    return files_table(letters_of(values)).to_dict("list")  # type: ignore[return-value]


def sample(values: Values, name: str) -> Table:
    large, small = (readable_files(values["letters/files"], of) for of in SETS)
    sizes = sizes_from_data(large, small, train=60, valid=20, test=20)
    own = SET_OF_SPLIT[name]
    return rows_of(gather(own, letters_of(values, [own])[own], canonical_rows(large, small, sizes, 133)[name]))


def draw_groups(values: Values, name: str) -> Table:
    pool = pool_letters(letters_of(values))
    return rows_of(gather_splits(pool, np.arange(len(pool.label)) % 3, 133)[name])


def search(values: Values) -> Table:
    pairs = search_near(RowIndex(group(values, "hashes")), group(values, "splits"), 12.0).pairs
    return pairs.to_dict("list")  # type: ignore[return-value]


def choose(values: Values) -> Table:
    return radius_table(index_of(values, 12.0), values["overlap/near_pairs"], searched=12.0, fixed=None).to_dict("list")  # type: ignore[return-value]


def digest(values: Values, name: str) -> Table:
    return hash_table(values[f"splits/{name}"]).to_dict("list")  # type: ignore[return-value]


def report(values: Values) -> Table:
    return overlap_report(index_of(values)).to_dict("list")  # type: ignore[return-value]


def conflicts(values: Values) -> Table:
    return label_conflicts(index_of(values), group(values, "splits")).to_dict("list")  # type: ignore[return-value]


def study(values: Values) -> Table:
    index = index_of(values)
    images = images_of(index, group(values, "splits"), index.first_rows[:12])
    return recall_table(images, chosen_radius(values["overlap/radius"])).to_dict("list")  # type: ignore[return-value]


def clean(values: Values, name: str) -> Table:
    removed = values["sanitized/removed"]
    gone = removed.loc[removed["split"] == name, "row"]
    split = values[f"splits/{name}"]
    return rows_of(split.take(np.setdiff1d(np.arange(len(split)), gone)))


def removed(values: Values) -> Table:
    tables = [sanitize(index_of(values), Policy(method)).removed for method in METHODS]
    return pd.concat(tables).to_dict("list")  # type: ignore[return-value]


def score(values: Values) -> Table:
    metrics = baseline_metrics(group(values, "splits"), group(values, "sanitized"), sizes=())
    return metrics.drop(columns="seconds").to_dict("list")  # type: ignore[return-value]


def export(values: Values) -> Table:
    tables = []
    for write in write_files(group(values, "sanitized")).values():
        file = BytesIO()
        write(file)
        tables.append(pd.read_parquet(file))
    return pd.concat(tables).to_dict("list")  # type: ignore[return-value]


MAKERS: Mapping[str, Callable[[Values], Table]] = {
    **{f"splits/{name}": partial(sample, name=name) for name in SPLITS},
    **{f"grouped/{name}": partial(draw_groups, name=name) for name in SPLITS},
    **{f"sanitized/{name}": partial(clean, name=name) for name in SPLITS},
    **{f"hashes/{name}": partial(digest, name=name) for name in SPLITS},
    "letters/files": list_files,
    "overlap/near_pairs": search,
    "overlap/radius": choose,
    "overlap/report": report,
    "overlap/label_conflicts": conflicts,
    "overlap/recall": study,
    "sanitized/removed": removed,
    "baselines/metrics": score,
    "exports/parquet": export,
}
FIXED_ROWS = {"overlap/report", "overlap/radius", "exports/parquet", *(f"hashes/{name}" for name in SPLITS)}
"""Tables whose rows are the same whatever the inputs hold, so that nothing else may follow a change."""
ONLY_FINDS_ROWS = {
    *((key, "hashes", "row") for key in ("overlap/near_pairs", "overlap/recall")),
    ("overlap/recall", "hashes", "exact"),
}
"""What decides about rows, or finds them, and no value."""
NEVER_SEEN_CHANGING = {("baselines/metrics", "converged"), ("letters/files", "distinct")}
"""Every fit of so few rows converges, and all images stay distinct."""
ONLY_DECIDE_ROWS = {"letters/files", "sanitized/removed"}
"""Inputs that say which rows a split has, and are not copied into it."""


def sources_of(key: str) -> Iterator[tuple[str, list[str], str]]:
    """Yield the group, the assets and the name of each column that is changed at once: of all splits or letters."""
    folders: dict[tuple[str, str], list[str]] = {}
    for parent in sorted(parents_of(key) - ONLY_DECIDE_ROWS):
        folder, _, name = parent.rpartition("/")
        part = name if folder == "overlap" or (key == "baselines/metrics" and name == "train") else ""
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
    """Return the columns that differ after a change; all of them when no table can be made any more."""
    try:
        after = make(values)
    except CurationError:
        return set(before)
    return {column for column in before if repr(before[column]) != repr(after[column])}


@EVERY_LINEAGE
def test_columns_follow_the_columns_they_name_and_no_others(world: Values, key: str) -> None:
    values = {parent: world[parent] for parent in parents_of(key)}
    make = MAKERS[key]
    before = make(values)
    for folder, assets, column in sources_of(key):
        changed = values | {asset: change(values[asset], column) for asset in assets}
        moved = followers(make, before, changed)
        named = {
            name
            for name, sources in LINEAGE[key].deps_by_column.items()
            if (key, name) not in NEVER_SEEN_CHANGING
            and any(source.column_name == column and source.asset_key.to_user_string() in assets for source in sources)
        }
        assert moved >= named, (assets, column)
        if (key, folder, column) not in ONLY_FINDS_ROWS and (key in FIXED_ROWS or not named):
            assert moved == named, (assets, column)
