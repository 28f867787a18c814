"""Parquet files: Hugging Face `datasets` loads them, and the comparison with the splits finds every difference."""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import SOURCE_COLUMNS, Split
from notmnist_assets.curation.exports.dataset_card import FILE_NAME, dataset_card
from notmnist_assets.curation.exports.parquet import find_differences, write_files
from notmnist_assets.curation.sanitizing.decision import Policy
from notmnist_assets_tests.exported import SIZES, contents_of, differs, memory_mapped, opener, three_splits

SPLITS = three_splits()
WRITTEN = contents_of(write_files(SPLITS))
NAMES = {"train": "train", "valid": "validation", "test": "test"}


def compare(splits: Mapping[str, Split], contents: Mapping[str, bytes]) -> list[str]:
    return find_differences(splits, opener(contents))


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The library, offline and with a temporary cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        cache = tmp_path_factory.mktemp("huggingface")
        patch.setenv("HF_HOME", str(cache))
        import datasets

        # Another library may have imported it before; then the variable comes too late.
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", cache / "datasets")
        datasets.disable_progress_bars()
        yield datasets


def export_to(folder: Path, splits: Mapping[str, Split]) -> None:
    for name, content in contents_of(write_files(splits)).items():
        (folder / name).write_bytes(content)
    card = dataset_card(splits, Policy(), title="Letters: a test", origin="From nowhere.", radius=5)
    (folder / FILE_NAME).write_text(card, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    export_to(tmp_path, SPLITS)
    return tmp_path


@pytest.mark.parametrize("way", ["folder", "parquet"])
def test_datasets_loads_images_class_labels_and_sources(datasets: ModuleType, folder: Path, way: str) -> None:
    arguments = {"path": str(folder)} if way == "folder" else {"path": "parquet", "data_dir": str(folder)}
    loaded = datasets.load_dataset(**arguments)
    assert set(loaded) == set(NAMES.values())
    for name, split in SPLITS.items():
        rows = loaded[NAMES[name]]
        assert rows.column_names == ["image", "label", *SOURCE_COLUMNS]
        assert isinstance(rows.features["image"], datasets.Image)
        assert rows.features["label"].names == list(LETTERS)
        assert [rows.features["label"].int2str(label) for label in rows["label"]] == split.sources["letter"].tolist()
        assert np.array_equal([np.asarray(image) for image in rows["image"]], split.images)
        assert rows["label"][:] == split.labels.tolist()
        for column in SOURCE_COLUMNS:
            assert rows[column][:] == split.sources[column].tolist()


def test_datasets_reloads_a_folder_whose_content_changed(datasets: ModuleType, folder: Path) -> None:
    assert len(datasets.load_dataset(str(folder))["test"]) == 3
    export_to(folder, three_splits(12, 4, 5))
    assert len(datasets.load_dataset(str(folder))["test"]) == 5


def test_datasets_loads_a_folder_in_which_a_split_has_no_rows(datasets: ModuleType, tmp_path: Path) -> None:
    export_to(tmp_path, three_splits(12, 0, 0))
    loaded = datasets.load_dataset(str(tmp_path))
    assert {name: len(rows) for name, rows in loaded.items()} == {"train": 12}


def test_pandas_reads_the_files() -> None:
    table = pd.read_parquet(io.BytesIO(WRITTEN["test.parquet"]))
    assert table["label"].tolist() == SPLITS["test"].labels.tolist()
    assert table["name"].tolist() == SPLITS["test"].sources["name"].tolist()
    large = SPLITS["test"].sources
    assert [image["path"] for image in table["image"]] == [
        f"{row.set}/{row.letter}/{row.name}" for row in large.itertuples(index=False)
    ]


def test_equal_splits_give_equal_bytes_in_any_memory_layout(tmp_path: Path) -> None:
    assert contents_of(write_files(memory_mapped(SPLITS, tmp_path))) == WRITTEN


@pytest.mark.parametrize("rows", SIZES)
def test_written_files_do_not_differ(rows: tuple[int, int, int]) -> None:
    splits = three_splits(*rows)
    assert compare(splits, contents_of(write_files(splits))) == []


@pytest.mark.parametrize("part", ["image", "label", *SOURCE_COLUMNS])
def test_a_difference_names_the_file_and_the_column(part: str) -> None:
    other = three_splits()
    sources = other["valid"].sources.astype(object)
    if part == "image":
        other["valid"].images[2, 27, 27] ^= 1
    elif part == "label":
        other["valid"].labels[2] = 9 - other["valid"].labels[2]
    else:
        sources.loc[2, part] = "other"
    other["valid"] = Split(other["valid"].images, other["valid"].labels, sources)
    problems = compare(other, WRITTEN)
    assert problems[0].startswith(f"validation.parquet: {part} ")


def test_missing_rows_and_a_changed_schema_are_found() -> None:
    assert compare(three_splits(12, 3, 3), WRITTEN) == ["validation.parquet: 4 rows, expected 3"]
    table = pq.read_table(io.BytesIO(WRITTEN["test.parquet"]))
    features = json.loads(table.schema.metadata[b"huggingface"])
    features["info"]["features"]["label"]["names"].reverse()
    file = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), file)
    (problem,) = compare(SPLITS, WRITTEN | {"test.parquet": file.getvalue()})
    assert "the schema describes the columns as" in problem


@pytest.mark.parametrize("content", [b"", b"PAR1", WRITTEN["test.parquet"][:-1], None])
def test_a_damaged_or_missing_file_is_an_error_that_names_it(content: bytes | None) -> None:
    contents = {name: data for name, data in WRITTEN.items() if name != "test.parquet"}
    if content is not None:
        contents["test.parquet"] = content
    with pytest.raises(CurationError) as caught:
        compare(SPLITS, contents)
    assert caught.value.subject == "test.parquet"


@settings(max_examples=200)
@given(at=st.integers(0, len(WRITTEN["test.parquet"]) - 1), mask=st.integers(1, 255))
def test_a_changed_byte_is_found_or_changes_nothing_that_is_read(at: int, mask: int) -> None:
    changed = bytearray(WRITTEN["test.parquet"])
    changed[at] ^= mask
    if not differs(lambda: compare(SPLITS, WRITTEN | {"test.parquet": bytes(changed)})):
        found, wanted = (pq.read_table(io.BytesIO(content)) for content in (changed, WRITTEN["test.parquet"]))
        assert found.to_pylist() == wanted.to_pylist()
