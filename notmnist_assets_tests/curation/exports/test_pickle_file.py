"""The assignment's pickle: Python loads it, and the comparison with the splits finds every difference.

The tests unpickle only bytes that they have written themselves, unchanged or with a few bits changed.
"""

import io
import pickle
import pickletools
import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.exports.pickle_file import find_differences, write_pickle
from notmnist_assets_tests.builders import ORDER, random_split, split_of
from notmnist_assets_tests.exported import SIZES, differs, memory_mapped, three_splits

NAMES = [f"{name}_{part}" for name in ORDER for part in ("dataset", "labels")]


def written(splits: Mapping[str, Split]) -> bytes:
    file = io.BytesIO()
    write_pickle(splits, file)
    return file.getvalue()


SPLITS = three_splits()
WRITTEN = written(SPLITS)


def is_found(content: bytes) -> bool:
    return differs(lambda: find_differences(SPLITS, io.BytesIO(content)))


@pytest.mark.parametrize("rows", SIZES)
def test_python_loads_the_assignments_six_arrays(rows: tuple[int, int, int]) -> None:
    splits = three_splits(*rows)
    loaded = pickle.loads(written(splits))  # noqa: S301
    assert list(loaded) == NAMES
    for name, split in splits.items():
        images, labels = loaded[f"{name}_dataset"], loaded[f"{name}_labels"]
        wanted = np.array([(pixel - 127.5) / 255 for pixel in range(256)]).astype(np.float32)[split.images]
        assert images.dtype == np.float32
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(images, wanted)
        np.testing.assert_array_equal(labels, split.labels)
        assert images.flags.writeable


def test_the_arrays_equal_those_of_the_assignments_own_pickle() -> None:
    save: dict[str, npt.NDArray[np.float32] | npt.NDArray[np.int32]] = {}
    for name, split in SPLITS.items():
        save[f"{name}_dataset"] = ((split.images.astype(float) - 255 / 2) / 255).astype(np.float32)
        save[f"{name}_labels"] = split.labels
    theirs = pickle.loads(pickle.dumps(save, pickle.HIGHEST_PROTOCOL))  # noqa: S301
    ours = pickle.loads(WRITTEN)  # noqa: S301
    assert all(np.array_equal(theirs[name], ours[name]) for name in NAMES)


def test_equal_splits_give_equal_bytes_in_any_memory_layout(tmp_path: Path) -> None:
    assert written(memory_mapped(SPLITS, tmp_path)) == written(three_splits()) == WRITTEN


@pytest.mark.parametrize("rows", SIZES)
def test_a_written_file_does_not_differ(rows: tuple[int, int, int]) -> None:
    splits = three_splits(*rows)
    assert find_differences(splits, io.BytesIO(written(splits))) == []


def places_of_data() -> list[range]:
    parts = [values for split in SPLITS.values() for values in (split.as_float32(), split.labels)]
    starts = [WRITTEN.index(values.tobytes()) for values in parts]
    return [range(start, start + values.nbytes) for start, values in zip(starts, parts, strict=True)]


def test_a_changed_byte_outside_the_arrays_is_found_unless_it_changes_nothing() -> None:
    data = {place for places in places_of_data() for place in places}
    expected = pickle.loads(WRITTEN)  # noqa: S301
    for place in sorted(set(range(len(WRITTEN))) - data):
        for flip in (1, 2, 255):
            changed = bytearray(WRITTEN)
            changed[place] ^= flip
            if not is_found(bytes(changed)):
                loaded = pickle.loads(bytes(changed))  # noqa: S301
                assert list(loaded) == NAMES
                assert all(np.array_equal(loaded[name], expected[name]) for name in NAMES)
                assert all(loaded[name].dtype == expected[name].dtype for name in NAMES)


@given(data=st.data(), flip=st.integers(1, 255))
@settings(max_examples=100)
def test_a_changed_byte_of_any_array_is_found(data: st.DataObject, flip: int) -> None:
    changed = bytearray(WRITTEN)
    changed[data.draw(st.sampled_from(data.draw(st.sampled_from(places_of_data()))))] ^= flip
    assert is_found(bytes(changed))


@pytest.mark.parametrize(("part", "place"), [("train_dataset", 0), ("valid_dataset", 2), ("test_labels", 5)])
def test_a_difference_names_the_array_and_the_row(part: str, place: int) -> None:
    changed = bytearray(WRITTEN)
    changed[places_of_data()[place][-1]] ^= 1
    (problem,) = find_differences(SPLITS, io.BytesIO(bytes(changed)))
    assert problem.startswith(f"{part} differs first in row ")


@given(size=st.integers(0, len(WRITTEN) - 1))
@settings(max_examples=100)
def test_a_truncated_file_is_found(size: int) -> None:
    assert is_found(WRITTEN[:size])


def test_bytes_after_the_pickle_are_found() -> None:
    assert is_found(WRITTEN + b"\0")


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08 gzip", b"PK\x03\x04", b"<html>not found</html>", b"\0" * 100])
def test_a_file_that_is_not_a_pickle_is_an_error_with_a_remedy(content: bytes) -> None:
    with pytest.raises(CurationError, match=r"notMNIST\.pickle: it is not .* Materialize the export again"):
        find_differences(SPLITS, io.BytesIO(content))


@given(content=st.binary(max_size=300))
def test_random_bytes_are_found_and_raise_no_other_error(content: bytes) -> None:
    assert is_found(content)


def test_swapped_names_are_found() -> None:
    swapped = {"train": SPLITS["train"], "valid": SPLITS["test"], "test": SPLITS["valid"]}
    assert is_found(written(swapped))
    renamed = WRITTEN.replace(b"test_labels", b"tset_labels")
    (problem,) = find_differences(SPLITS, io.BytesIO(renamed))
    assert "tset_labels" in problem


def test_a_different_number_of_rows_is_found() -> None:
    problems = find_differences(SPLITS, io.BytesIO(written(three_splits(train=11))))
    assert problems == [
        "train_dataset is float32 (11, 28, 28), expected float32 (12, 28, 28)",
        "train_labels is int32 (11,), expected int32 (12,)",
    ]


class _Payload:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


def test_calls_in_a_hostile_pickle_are_not_executed(tmp_path: Path) -> None:
    created = tmp_path / "created"
    hostile = pickle.dumps({"train_dataset": _Payload(created), "train_labels": _Payload(created)}, protocol=5)
    assert is_found(hostile)
    # The same call after the last array of a file that is otherwise correct.
    call = pickle.dumps(_Payload(created), protocol=0)[:-1]
    assert is_found(WRITTEN[:-1] + call + b"0.")
    assert not created.exists()
    pickle.loads(hostile)  # noqa: S301
    assert created.exists()


def test_values_that_are_not_arrays_are_found() -> None:
    content = pickle.dumps({name: [] for name in NAMES}, protocol=5)
    assert find_differences(SPLITS, io.BytesIO(content)) == [f"{name} is not the array {name}" for name in NAMES]


def test_the_file_calls_only_numpy_ndarray_and_slice() -> None:
    called = {argument for opcode, argument, _ in pickletools.genops(WRITTEN) if opcode.name == "SHORT_BINUNICODE"}
    assert called == {"numpy", "ndarray", "builtins", "slice", "<f4", "<i4", *NAMES}


class _Rows:
    """Pickled as a block of rows."""

    def __init__(self, rows: npt.NDArray[Any]) -> None:
        self.rows = rows

    def __reduce__(self) -> tuple[Any, ...]:
        return np.ndarray, (self.rows.shape, self.rows.dtype.str, pickle.PickleBuffer(self.rows.data))


class _Blocks:
    """Pickled as an array whose values are assigned in the given blocks of rows."""

    def __init__(self, values: npt.NDArray[Any], blocks: Sequence[slice]) -> None:
        self.values = values
        self.blocks = blocks

    def __reduce__(self) -> tuple[Any, ...]:
        items = ((block, _Rows(self.values[block])) for block in self.blocks)
        return np.ndarray, (self.values.shape, self.values.dtype.str), None, None, items


@pytest.mark.parametrize(
    ("blocks", "problems"),
    [
        ([slice(0, 12)], []),
        ([], ["train_dataset ends before row 0"]),
        ([slice(0, 7)], ["train_dataset has an unexpected block slice(0, 7, None), expected slice(0, 12, None)"]),
        ([slice(0, 12)] * 2, ["train_dataset has an unexpected block slice(0, 12, None), expected None"]),
    ],
    ids=["complete", "missing", "short", "repeated"],
)
def test_missing_short_and_repeated_blocks_are_found(blocks: list[slice], problems: list[str]) -> None:
    arrays = {}
    for name, split in SPLITS.items():
        arrays[f"{name}_dataset"] = _Blocks(split.as_float32(), [slice(0, len(split))])
        arrays[f"{name}_labels"] = _Blocks(split.labels, [slice(0, len(split))])
    arrays["train_dataset"] = _Blocks(SPLITS["train"].as_float32(), blocks)
    file = io.BytesIO()
    pickler = pickle.Pickler(file, protocol=5)
    pickler.fast = True
    pickler.dump(arrays)
    file.seek(0)
    assert find_differences(SPLITS, file) == problems


def test_memory_for_writing_and_comparing_does_not_grow_with_the_split(tmp_path: Path) -> None:
    rows = 40_000
    images = np.zeros((rows, 28, 28), np.uint8)
    splits = {"train": split_of(images, [0] * rows), "valid": random_split(0), "test": random_split(0)}
    peaks = {}
    with (tmp_path / "written").open("w+b") as file:
        for name, step in {"write": write_pickle, "compare": find_differences}.items():
            file.seek(0)
            tracemalloc.start()
            try:
                assert not step(splits, file)
                peaks[name] = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
    as_float32 = images.size * 4
    assert peaks["write"] < as_float32 / 20
    assert peaks["compare"] < as_float32 * 2 / 3, "a group of 1000 blocks"
