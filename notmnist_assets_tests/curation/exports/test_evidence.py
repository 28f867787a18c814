"""The evidence of each row is what loops over all rows find, and the exported files have it."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from notmnist_assets.curation.core.file_names import file_paths
from notmnist_assets.curation.duplicates.pair_table import search_near
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.curation.exports.evidence import EVIDENCE, evidence_of, row_evidence
from notmnist_assets.curation.exports.parquet import FILE_NAMES, REMOVED_NAME, Evidence, find_differences, write_files
from notmnist_assets.curation.sanitizing.decision import Policy, sanitize
from notmnist_assets_tests.builders import ORDER, World, distance_of, worlds
from notmnist_assets_tests.curation.report.gallery.gallery_values import RADIUS, gallery_splits
from notmnist_assets_tests.exported import contents_of, opener

SEARCH_RADIUS = 2.5


def issues_of(world: World) -> pd.DataFrame:
    """Return a table of label issues with every second row of each split."""
    tables = [world.splits[name].sources.iloc[::2].astype("str") for name in ORDER]
    table = pd.concat(tables, ignore_index=True)
    return table.assign(label_quality=np.arange(len(table)) / 7, kind="wrong label")


def table_of(world: World) -> tuple[pd.DataFrame, dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]]]:
    hashes = world.hashes()
    pairs = search_near(RowIndex(hashes), world.splits, SEARCH_RADIUS).pairs
    index = RowIndex(hashes, pairs, world.radius)
    outcome = sanitize(index, Policy())
    return row_evidence(index, world.splits, pairs, SEARCH_RADIUS, outcome.removed, issues_of(world)), dict(
        outcome.kept
    )


@settings(max_examples=15)
@given(worlds())
def test_groups_and_nearest_rows_are_those_of_a_loop_over_all_rows(world: World) -> None:
    table, kept = table_of(world)
    rows = world.rows()
    files = pd.concat([file_paths(world.splits[name].sources) for name in ORDER], ignore_index=True).tolist()
    groups = world.groups("near")
    judged = dict(zip(file_paths(issues_of(world)), issues_of(world)["label_quality"], strict=True))
    assert table.shape == (len(rows), len(EVIDENCE))
    for place, (row, found) in enumerate(zip(rows, table.to_dict("records"), strict=True)):
        assert found["split"] == row.split
        assert (found["reason"] == "") == (row.row in kept[row.split])
        assert (found["collides_with"] == "") == (found["reason"] == "")
        assert [groups[place] == other for other in groups] == (table["group"] == found["group"]).tolist()
        assert found["label_issue"] == ("wrong label" if files[place] in judged else "")
        assert found["label_quality"] == pytest.approx(judged.get(files[place], np.nan), nan_ok=True)
        assert found["group_rows"] == groups.count(groups[place])
        apart = [
            (distance, other)
            for other in range(len(rows))
            if other != place and (distance := distance_of(row.image, rows[other].image)) <= SEARCH_RADIUS + 1e-9
        ]
        if not apart:
            assert found["nearest"] == ""
            assert np.isnan(found["nearest_distance"])
        else:
            assert found["nearest_distance"] == pytest.approx(min(apart)[0])
            assert found["nearest"] == files[min((round(distance, 6), other) for distance, other in apart)[1]]


def exported() -> tuple[World, dict[str, bytes], Evidence]:
    world = World(gallery_splits(), RADIUS)
    table, kept = table_of(world)
    splits = {name: world.splits[name].take(kept[name].astype(np.intp)) for name in ORDER}
    evidence = evidence_of(splits, world.splits, table)
    contents = contents_of(write_files(splits, evidence))
    assert find_differences(splits, opener(contents)) == []
    return world, contents, evidence


def test_the_files_have_the_evidence_of_kept_and_of_removed_rows(tmp_path: Path) -> None:
    world, contents, evidence = exported()
    assert set(contents) == {*FILE_NAMES.values(), REMOVED_NAME}
    read = {name: pd.read_parquet(io.BytesIO(content)) for name, content in contents.items()}
    for name, file in FILE_NAMES.items():
        assert read[file]["split"].eq(name).all()
        assert read[file]["reason"].eq("").all()
        pd.testing.assert_frame_equal(read[file][list(EVIDENCE)], evidence.columns[name], check_dtype=False)
    removed = read[REMOVED_NAME]
    assert len(removed) + sum(len(read[file]) for file in FILE_NAMES.values()) == sum(map(len, world.splits.values()))
    assert removed["reason"].ne("").all()
    files = {name: file_paths(split.sources).tolist() for name, split in world.splits.items()}
    images = {file: split.images[row] for name, split in world.splits.items() for row, file in enumerate(files[name])}
    everything = pd.concat(read.values())
    for row in everything[everything["nearest"] != ""].to_dict("records"):
        assert distance_of(images[row["image"]["path"]], images[row["nearest"]]) == pytest.approx(
            row["nearest_distance"]
        )
    schema = pq.read_schema(io.BytesIO(contents[REMOVED_NAME]))
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.names
    assert features["group"] == {"dtype": "int64", "_type": "Value"}
