"""The `.npz` file: NumPy loads it, and the comparison with the splits finds every difference."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.exports.npz import find_differences, write_npz
from notmnist_assets_tests.exported import SIZES, differs, memory_mapped, three_splits


def written(splits: Mapping[str, Split]) -> bytes:
    file = io.BytesIO()
    write_npz(splits, file)
    return file.getvalue()


SPLITS = three_splits()
WRITTEN = written(SPLITS)


def compare(splits: Mapping[str, Split], content: bytes) -> list[str]:
    return find_differences(splits, io.BytesIO(content))


@pytest.mark.parametrize("rows", SIZES)
def test_numpy_loads_all_arrays_without_unpickling(tmp_path: Path, rows: tuple[int, int, int]) -> None:
    splits = three_splits(*rows)
    path = tmp_path / "notMNIST.npz"
    path.write_bytes(written(splits))
    with np.load(path, allow_pickle=False) as loaded:
        assert set(loaded) == {f"{name}_{part}" for name in splits for part in ("images", "labels", "names")}
        for name, split in splits.items():
            assert loaded[f"{name}_images"].dtype == np.uint8
            assert loaded[f"{name}_labels"].dtype == np.int32
            np.testing.assert_array_equal(loaded[f"{name}_images"], split.images)
            np.testing.assert_array_equal(loaded[f"{name}_labels"], split.labels)
            assert [text.decode() for text in loaded[f"{name}_names"]] == split.sources["name"].tolist()


def test_equal_splits_give_equal_bytes_in_any_memory_layout(tmp_path: Path) -> None:
    assert written(memory_mapped(SPLITS, tmp_path)) == written(three_splits()) == WRITTEN


def test_members_do_not_depend_on_the_time_or_the_system() -> None:
    with zipfile.ZipFile(io.BytesIO(WRITTEN)) as archive:
        assert {(member.date_time[0], member.create_system) for member in archive.infolist()} == {(1980, 3)}


@pytest.mark.parametrize("rows", SIZES)
def test_a_written_file_does_not_differ(rows: tuple[int, int, int]) -> None:
    splits = three_splits(*rows)
    assert compare(splits, written(splits)) == []


@pytest.mark.parametrize("part", ["images", "labels", "names"])
def test_a_difference_names_the_array_and_the_row(part: str) -> None:
    other = three_splits()
    if part == "images":
        other["valid"].images[2, 27, 27] ^= 1
    elif part == "labels":
        other["valid"].labels[2] = 9 - other["valid"].labels[2]
    else:
        other["valid"].sources.loc[2, "name"] = "another"
    (problem,) = compare(other, WRITTEN)
    assert f"valid_{part} differs first in row 2" in problem


def test_a_missing_row_and_a_missing_split_are_found() -> None:
    assert "valid_images is uint8 (4, 28, 28), expected uint8 (3" in compare(three_splits(12, 3, 3), WRITTEN)[0]
    file = io.BytesIO()
    np.savez(file, train_images=SPLITS["train"].images)
    assert "the file contains ['train_images']" in compare(SPLITS, file.getvalue())[0]


@pytest.mark.parametrize("content", [b"", b"PK", WRITTEN[:-1], WRITTEN[: len(WRITTEN) // 2], b"\x80\x03}."])
def test_a_damaged_file_is_found(content: bytes) -> None:
    assert differs(lambda: compare(SPLITS, content))


@settings(max_examples=300)
@given(at=st.integers(0, len(WRITTEN) - 1), mask=st.integers(1, 255))
def test_a_changed_byte_is_found_or_changes_nothing_that_numpy_loads(at: int, mask: int) -> None:
    changed = bytearray(WRITTEN)
    changed[at] ^= mask
    if differs(lambda: compare(SPLITS, bytes(changed))):
        return
    with np.load(io.BytesIO(changed), allow_pickle=False) as found, np.load(io.BytesIO(WRITTEN)) as wanted:
        assert list(found) == list(wanted)
        assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
