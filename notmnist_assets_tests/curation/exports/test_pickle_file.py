"""The assignment's pickle: what Python loads from it, and what the check of the file notices.

Only what the tests have written themselves is unpickled, whole or with a bit of it changed.
"""

import io
import pickle
import pickletools
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.exports.pickle_file import disagreements, write_pickle
from notmnist_assets_tests.builders import ORDER, random_split

NAMES = [f"{name}_{part}" for name in ORDER for part in ("dataset", "labels")]


def three_splits(train: int = 12, valid: int = 4, test: int = 3) -> dict[str, Split]:
    return {"train": random_split(train, 0), "valid": random_split(valid, 1), "test": random_split(test, 2)}


def written(splits: Mapping[str, Split]) -> bytes:
    file = io.BytesIO()
    write_pickle(splits, file)
    return file.getvalue()


SPLITS = three_splits()
WRITTEN = written(SPLITS)


def noticed(content: bytes) -> bool:
    try:
        return bool(disagreements(SPLITS, io.BytesIO(content)))
    except CurationError:
        return True


@pytest.mark.parametrize("rows", [(12, 4, 3), (5000, 1, 0), (0, 0, 0)])
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


def test_the_assignments_own_pickle_holds_equal_arrays() -> None:
    save: dict[str, npt.NDArray[np.float32] | npt.NDArray[np.int32]] = {}
    for name, split in SPLITS.items():
        save[f"{name}_dataset"] = ((split.images.astype(float) - 255 / 2) / 255).astype(np.float32)
        save[f"{name}_labels"] = split.labels
    theirs = pickle.loads(pickle.dumps(save, pickle.HIGHEST_PROTOCOL))  # noqa: S301
    ours = pickle.loads(WRITTEN)  # noqa: S301
    assert all(np.array_equal(theirs[name], ours[name]) for name in NAMES)


def test_equal_splits_give_equal_bytes_and_a_memory_map_the_same(tmp_path: Path) -> None:
    mapped = {}
    for name, split in SPLITS.items():
        np.save(tmp_path / f"{name}.npy", split.images)
        images = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
        mapped[name] = Split(images, split.labels, split.sources)
    assert written(mapped) == written(three_splits()) == WRITTEN


def test_the_file_just_written_agrees() -> None:
    assert disagreements(SPLITS, io.BytesIO(WRITTEN)) == []
    empty = three_splits(0, 0, 0)
    assert disagreements(empty, io.BytesIO(written(empty))) == []


def places_of_data() -> list[range]:
    parts = [values for split in SPLITS.values() for values in (split.as_float32(), split.labels)]
    starts = [WRITTEN.index(values.tobytes()) for values in parts]
    return [range(start, start + values.nbytes) for start, values in zip(starts, parts, strict=True)]


def test_a_flipped_byte_of_the_description_is_noticed_unless_it_changes_nothing() -> None:
    data = {place for places in places_of_data() for place in places}
    expected = pickle.loads(WRITTEN)  # noqa: S301
    for place in sorted(set(range(len(WRITTEN))) - data):
        for flip in (1, 2, 255):
            changed = bytearray(WRITTEN)
            changed[place] ^= flip
            if not noticed(bytes(changed)):
                loaded = pickle.loads(bytes(changed))  # noqa: S301
                assert list(loaded) == NAMES
                assert all(np.array_equal(loaded[name], expected[name]) for name in NAMES)
                assert all(loaded[name].dtype == expected[name].dtype for name in NAMES)


@given(data=st.data(), flip=st.integers(1, 255))
@settings(max_examples=100)
def test_a_flipped_byte_of_any_array_is_noticed(data: st.DataObject, flip: int) -> None:
    changed = bytearray(WRITTEN)
    changed[data.draw(st.sampled_from(data.draw(st.sampled_from(places_of_data()))))] ^= flip
    assert noticed(bytes(changed))


@pytest.mark.parametrize(("part", "place"), [("train_dataset", 0), ("valid_dataset", 2), ("test_labels", 5)])
def test_a_changed_value_is_named(part: str, place: int) -> None:
    changed = bytearray(WRITTEN)
    changed[places_of_data()[place][-1]] ^= 1
    (problem,) = disagreements(SPLITS, io.BytesIO(bytes(changed)))
    assert problem.startswith(f"{part} differs in row ")


@given(size=st.integers(0, len(WRITTEN) - 1))
@settings(max_examples=100)
def test_a_truncated_file_is_noticed(size: int) -> None:
    assert noticed(WRITTEN[:size])


def test_bytes_behind_the_pickle_are_noticed() -> None:
    assert noticed(WRITTEN + b"\0")


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08 gzip", b"PK\x03\x04", b"<html>not found</html>", b"\0" * 100])
def test_what_is_no_pickle_is_an_error_that_says_what_to_do(content: bytes) -> None:
    with pytest.raises(CurationError, match=r"notMNIST\.pickle: it is not .* Make the export again"):
        disagreements(SPLITS, io.BytesIO(content))


@given(content=st.binary(max_size=300))
def test_any_bytes_are_noticed_without_another_kind_of_error(content: bytes) -> None:
    assert noticed(content)


def test_swapped_names_are_noticed() -> None:
    swapped = {"train": SPLITS["train"], "valid": SPLITS["test"], "test": SPLITS["valid"]}
    assert noticed(written(swapped))
    renamed = WRITTEN.replace(b"test_labels", b"tset_labels")
    (problem,) = disagreements(SPLITS, io.BytesIO(renamed))
    assert "tset_labels" in problem


def test_another_number_of_rows_is_named() -> None:
    problems = disagreements(SPLITS, io.BytesIO(written(three_splits(train=11))))
    assert problems == [
        "train_dataset is float32 (11, 28, 28), expected float32 (12, 28, 28)",
        "train_labels is int32 (11,), expected int32 (12,)",
    ]


class _Payload:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


def test_a_pickle_that_would_run_something_is_not_run(tmp_path: Path) -> None:
    made = tmp_path / "made"
    hostile = pickle.dumps({"train_dataset": _Payload(made), "train_labels": _Payload(made)}, protocol=5)
    assert noticed(hostile)
    # The same call planted behind the last array of a file that is otherwise right.
    call = pickle.dumps(_Payload(made), protocol=0)[:-1]
    assert noticed(WRITTEN[:-1] + call + b"0.")
    assert not made.exists()
    pickle.loads(hostile)  # noqa: S301
    assert made.exists()


def test_values_that_are_no_arrays_are_noticed() -> None:
    content = pickle.dumps({name: [] for name in NAMES}, protocol=5)
    assert disagreements(SPLITS, io.BytesIO(content)) == [f"{name} is no array" for name in NAMES]


def test_the_file_calls_only_what_every_numpy_has() -> None:
    called = {argument for opcode, argument, _ in pickletools.genops(WRITTEN) if opcode.name == "SHORT_BINUNICODE"}
    assert called == {"numpy", "ndarray", "<f4", "<i4", *NAMES}


def test_writing_and_comparing_hold_one_split_as_float32_at_a_time(tmp_path: Path) -> None:
    splits = {name: random_split(4000, seed) for seed, name in enumerate(ORDER)}
    one = 4000 * 784 * 4
    tracemalloc.start()
    try:
        with (tmp_path / "written").open("w+b") as file:
            write_pickle(splits, file)
            file.seek(0)
            assert disagreements(splits, file) == []
        assert one < tracemalloc.get_traced_memory()[1] < 2 * one + 20_000_000
    finally:
        tracemalloc.stop()
