"""The first run of the graph on tiny archives: every asset, every check, every value and what the UI shows of it."""

import re
from collections.abc import Sequence
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from notmnist_assets.curation.core.images import LETTERS, SETS, Images
from notmnist_assets.curation.core.values import Archive, LetterImages, Split
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.curation.summaries.text import LONGEST, MOST_LINES, rounded, spans
from notmnist_assets.definitions import DECLARATIONS, defs
from notmnist_assets.metadata.display import MOST_NUMBERS, MOST_RECORDS, PICTURE_BUDGET, SUMMARY
from notmnist_assets.staleness.outcomes import DRIFT
from notmnist_assets_tests.archives import (
    BAD_FILES,
    EMPTY,
    LARGE_PER_LETTER,
    NOT_A_PNG,
    SMALL_PER_LETTER,
    tiny_members,
)
from notmnist_assets_tests.plain import plain_lines
from notmnist_assets_tests.specs import asset_specs
from notmnist_assets_tests.workspace import SIZES, Workspace

TABLES = {
    key: DECLARATIONS[key].schema
    for key in (
        *(f"hashes/{split}" for split in SPLITS),
        *(f"overlap/{name}" for name in ("report", "near_pairs", "label_conflicts", "radius")),
        "sanitized/removed",
        *(f"baselines/{name}" for name in ("metrics", "mistakes", "leakage", "reference")),
    )
}
ROWS = {name: int(SIZES[f"NOTMNIST_{name.upper()}_SIZE"]) for name in SPLITS}
SPECS = sorted(asset_specs(defs), key=lambda spec: spec.key)


def digits(images: Images) -> set[bytes]:
    return {image.tobytes() for image in images}


def test_the_first_run_materializes_all_assets_in_one_run(finished: Workspace) -> None:
    assert finished.first_run.code == 0, finished.first_run.err
    assert f"Done: {len(SPECS)} assets materialized." in finished.first_run.out
    assert "Traceback" not in finished.first_run.err
    assert "RUN_START" not in finished.first_run.err
    with finished.instance() as instance:
        missing = [spec.key for spec in SPECS if instance.get_latest_materialization_event(spec.key) is None]
        runs = instance.get_run_records()
    assert missing == []
    (run,) = (record.dagster_run for record in runs)
    # The UI's timeline and job pages show only runs with the origin of a job in its code location.
    assert run.remote_job_origin is not None
    assert run.remote_job_origin.job_name == "refresh"
    assert run.remote_job_origin.repository_origin.get_label() == "__repository__@notmnist_assets"


def test_every_check_is_evaluated_and_shows_actual_and_threshold(finished: Workspace) -> None:
    keys = list(finished.definitions.resolve_asset_graph().asset_check_keys)
    with finished.instance() as instance:
        records = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    assert set(records) == set(keys)
    failed = {}
    for key, record in records.items():
        if key.name == DRIFT:
            assert not isinstance(record.evaluation, dg.AssetCheckEvaluation), (
                "the first run has nothing to compare with"
            )
            continue
        assert record.evaluation is not None, key
        assert {"actual", "threshold"} <= set(record.evaluation.metadata), key
        if not record.evaluation.passed:
            failed[f"{key.asset_key.to_user_string()}:{key.name}"] = record.evaluation.severity
    assert "overlap/report:no_leakage_exact" in failed
    assert [name for name, severity in failed.items() if severity == dg.AssetCheckSeverity.ERROR] == []


@pytest.mark.parametrize("set_name", SETS)
def test_archives_load_as_the_verified_bytes(finished: Workspace, set_name: str) -> None:
    archive = finished.load(f"archives/{set_name}")
    assert isinstance(archive, Archive)
    original = finished.archives / f"notMNIST_{set_name}.tar.gz"
    assert archive.origin == str(original)
    with archive.open() as file:
        assert file.read() == original.read_bytes()


@pytest.mark.parametrize(("set_name", "per_letter"), [("large", LARGE_PER_LETTER), ("small", SMALL_PER_LETTER)])
def test_letters_have_every_readable_file_and_reject_all_others(
    finished: Workspace, set_name: str, per_letter: int
) -> None:
    letters = finished.load_all([f"letters/{set_name}/{letter}" for letter in LETTERS])
    for letter, files in tiny_members()[set_name].items():
        images = letters[f"letters/{set_name}/{letter}"]
        assert isinstance(images, LetterImages)
        assert images.images.shape == (per_letter, 28, 28)
        assert images.as_float32().dtype == np.float32
        bad = [BAD_FILES[letter][0]] if letter in BAD_FILES else []
        assert images.names.tolist() == sorted(sorted(set(files) - set(bad)), key=str.lower)
        assert images.rejected["name"].tolist() == bad
        assert finished.metadata(f"letters/{set_name}/{letter}")["members"].value == len(files)


def test_rejected_files_have_their_reasons(finished: Workspace) -> None:
    empty = finished.load("letters/small/A").rejected
    broken = finished.load("letters/small/F").rejected
    assert empty["name"].tolist() == [EMPTY]
    assert empty["bytes"].tolist() == [0]
    assert "empty" in empty["reason"].iloc[0]
    assert broken["name"].tolist() == [NOT_A_PNG]
    assert broken["bytes"].tolist() == [len(BAD_FILES["F"][1])]
    assert "PNG" in broken["reason"].iloc[0]


@pytest.mark.parametrize("name", SPLITS)
def test_splits_keep_image_label_letter_and_file_together(finished: Workspace, name: str) -> None:
    split = finished.load(f"splits/{name}")
    assert isinstance(split, Split)
    assert len(split) == ROWS[name]
    assert split.images.dtype == np.uint8
    assert split.labels.dtype == np.int32
    assert np.bincount(split.labels).tolist() == [ROWS[name] // 10] * 10
    folder = "letters/small" if name == "test" else "letters/large"
    letters = finished.load_all([f"{folder}/{letter}" for letter in LETTERS])
    for row, (letter, file) in enumerate(zip(split.sources["letter"], split.sources["name"], strict=True)):
        assert LETTERS[split.labels[row]] == letter
        images = letters[f"{folder}/{letter}"]
        assert np.array_equal(split.images[row], images.images[images.names.tolist().index(file)])


def test_sanitized_splits_are_parts_of_the_splits_without_shared_images(finished: Workspace) -> None:
    clean = {name: finished.load(f"sanitized/{name}") for name in SPLITS}
    removed = finished.load("sanitized/removed")
    for name, split in clean.items():
        assert isinstance(split, Split)
        assert len(split) + int((removed["split"] == name).sum()) == ROWS[name]
        assert len(digits(split.images)) == len(split)
    assert not digits(clean["valid"].images) & digits(clean["train"].images)
    assert not digits(clean["test"].images) & (digits(clean["train"].images) | digits(clean["valid"].images))


@pytest.mark.parametrize(("key", "schema"), TABLES.items(), ids=list(TABLES))
def test_tables_have_their_columns_on_disk_and_in_the_definition(
    finished: Workspace, key: str, schema: dg.TableSchema
) -> None:
    table = finished.load(key)
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == [column.name for column in schema.columns]
    assert finished.metadata(key)["dagster/row_count"].value == len(table)
    (spec,) = (spec for spec in SPECS if spec.key.to_user_string() == key)
    assert spec.metadata["columns"] == schema


def test_the_overlap_report_covers_all_pairs_of_splits_and_agrees_with_the_pixels(finished: Workspace) -> None:
    report = finished.load("overlap/report").set_index(["method", "rows_of", "found_in"])
    assert len(report) == 3 * 9
    test, train = (finished.load(f"splits/{name}").images for name in ("test", "train"))
    found = sum(image.tobytes() in digits(train) for image in test)
    assert found > 0
    assert report.loc[("exact", "test", "train"), "rows"] == found
    assert report.loc[("exact", "test", "train"), "share"] == found / len(test)


def test_baselines_cover_raw_and_sanitized_and_all_sizes_the_data_have(finished: Workspace) -> None:
    metrics = finished.load("baselines/metrics")
    assert set(metrics["train_on"]) == {"raw", "sanitized"}
    assert set(metrics["train_rows"]) == {"50", "100", "all"}
    assert set(metrics["eval_on"]) == {"valid", "test"}
    assert metrics["accuracy"].between(0, 1).all()


def test_the_pickle_has_the_file_name_of_the_assignment(finished: Workspace) -> None:
    path = finished.load("exports/pickle")
    assert path.name == "notMNIST.pickle"
    assert path.stat().st_size > sum(ROWS.values()) * 784 * 4


def test_assets_with_images_show_pictures_within_the_budget(finished: Workspace) -> None:
    pictured = set()
    for spec in SPECS:
        key = spec.key.to_user_string()
        for value in finished.metadata(key).values():
            if isinstance(value, dg.MarkdownMetadataValue):
                assert len(value.value) < PICTURE_BUDGET == 40_000, key
                pictured.add(key)
    images = {f"letters/{set_name}/{letter}" for set_name in SETS for letter in LETTERS}
    images |= {f"{group}/{name}" for group in ("splits", "sanitized") for name in SPLITS}
    assert pictured >= images | {"baselines/metrics", "overlap/radius"}


def test_a_materialization_shows_rows_size_and_uri(finished: Workspace) -> None:
    metadata = finished.metadata("splits/test")
    assert metadata["dagster/row_count"].value == ROWS["test"]
    assert str(metadata["dagster/uri"].value).startswith(str(finished.storage / "custom" / "splits" / "test"))
    assert int(metadata["dagster/size_bytes"].value) > ROWS["test"] * 784


def records_of(value: dg.MetadataValue[Any]) -> Sequence[dg.TableRecord]:
    assert isinstance(value, dg.TableMetadataValue)
    return value.records


def test_exports_show_their_files_and_the_rows_of_each_split(finished: Workspace) -> None:
    for key in ("exports/pickle", "exports/npz", "exports/idx", "exports/parquet"):
        metadata = finished.metadata(key)
        sizes = {record.data["file"]: record.data["bytes"] for record in records_of(metadata["files"])}
        assert sum(int(str(size)) for size in sizes.values()) == metadata["dagster/size_bytes"].value
        assert sum(int(str(metadata[f"rows: {name}"].value)) for name in SPLITS) == metadata["rows"].value
    assert finished.metadata("exports/pickle")["file"].value == str(finished.load("exports/pickle"))


def test_the_report_shows_its_path_and_a_summary(finished: Workspace) -> None:
    metadata = finished.metadata("report/html")
    assert metadata["file"].value == str(finished.load("report/html"))
    left = {record.data["split"]: record.data["sanitized"] for record in records_of(metadata["rows_by_split"])}
    assert left["test"] == len(finished.load("sanitized/test"))


def test_removed_rows_are_counted_by_split_and_reason(finished: Workspace) -> None:
    metadata, removed = finished.metadata("sanitized/removed"), finished.load("sanitized/removed")
    for record in records_of(metadata["counts"]):
        rows = removed[removed["split"] == record.data["split"]]
        assert metadata[f"removed: {record.data['split']}"].value == record.data["removed"] == len(rows)
        assert record.data["left"] == len(finished.load(f"sanitized/{record.data['split']}"))
        heads = {"also in train": "in train", "also in valid": "in valid", "conflicting letters": "letters"}
        for reason in set(rows["reason"]):
            assert record.data[heads.get(reason, reason)] == (rows["reason"] == reason).sum()


def test_long_file_names_are_in_the_last_column(finished: Workspace) -> None:
    def columns_of(key: str, label: str) -> list[str]:
        value = finished.metadata(key)[label]
        assert isinstance(value, dg.TableMetadataValue)
        return [column.name for column in value.schema.columns]

    (rejected,) = records_of(finished.metadata("letters/small/A")["rejected_files"])
    assert columns_of("letters/small/A", "rejected_files") == ["reason", "font", "bytes", "name"]
    assert rejected.data["font"] == "Empty.ttf"
    for key, label in (("overlap/label_conflicts", "groups"), ("sanitized/removed", "sample_rows")):
        names = columns_of(key, label)
        assert names.index("font") < names.index("name") == len(names) - 1, key


def test_sample_rows_of_near_pairs_are_rows_with_these_images(finished: Workspace) -> None:
    pairs = finished.load("overlap/near_pairs")
    digests = {name: finished.load(f"hashes/{name}").set_index("row")["exact"] for name in SPLITS}
    known = set(zip(pairs["exact_a"], pairs["exact_b"], strict=True))
    for record in records_of(finished.metadata("overlap/near_pairs")["sample_rows"]):
        where = [str(record.data[column]).split() for column in ("image_a", "image_b")]
        one, other = (digests[split][int(row)] for split, row, _ in where)
        assert (one, other) in known
        for split, row, letter in where:
            assert finished.load(f"splits/{split}").sources["letter"][int(row)] == letter


@pytest.mark.parametrize("key", [spec.key.to_user_string() for spec in SPECS])
def test_a_page_begins_with_its_answer(finished: Workspace, key: str) -> None:
    metadata = finished.metadata(key)
    labels = list(metadata)
    assert labels[0] == SUMMARY
    text = str(metadata[SUMMARY].value)
    assert 3 <= len(plain_lines(text)) <= MOST_LINES
    assert len(text) < LONGEST
    assert [span.style for span in next(spans(text))].count("bold") == 1, "the first line has the number that matters"
    known = {spec.key.to_user_string() for spec in SPECS}
    assert set(re.findall(r"\]\(/assets/([^)]+)\)", text)) <= known
    pictures = [label for label in labels if "data:image" in str(metadata[label].value)]
    assert not pictures or isinstance(metadata[labels[1]], dg.MarkdownMetadataValue)
    numbers = [
        label
        for label in own_labels(labels)
        if isinstance(metadata[label], dg.IntMetadataValue | dg.FloatMetadataValue)
    ]
    assert len(numbers) <= MOST_NUMBERS
    for label in labels:
        value = metadata[label]
        if isinstance(value, dg.TableMetadataValue):
            assert len(value.records) <= MOST_RECORDS, label
        if isinstance(value, dg.FloatMetadataValue) and value.value is not None:
            assert value.value == rounded(value.value), label
    assert sum(len(str(metadata[label].value)) for label in pictures) <= PICTURE_BUDGET


def own_labels(labels: Sequence[str]) -> list[str]:
    """Return the labels of an asset's own entries, without those that all assets have."""
    return [label for label in labels if not label.startswith("dagster/")]
