"""IDX files: readers of MNIST load them, and the comparison with the splits finds every difference."""

import gzip
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path

import idx2numpy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.exports.idx import FILE_PREFIXES, find_differences, write_files
from notmnist_assets_tests.exported import SIZES, contents_of, differs, memory_mapped, opener, three_splits

SPLITS = three_splits()
WRITTEN = contents_of(write_files(SPLITS))
IMAGES = "t10k-images-idx3-ubyte"


def compare(splits: Mapping[str, Split], contents: Mapping[str, bytes]) -> list[str]:
    return find_differences(splits, opener(contents))


def test_the_files_are_named_as_those_of_mnist_plus_a_validation_set() -> None:
    assert set(WRITTEN) == {
        f"{prefix}-{part}-ubyte" for prefix in ("train", "valid", "t10k") for part in ("images-idx3", "labels-idx1")
    }


@pytest.mark.parametrize("rows", SIZES)
def test_idx2numpy_reads_the_arrays(rows: tuple[int, int, int]) -> None:
    splits = three_splits(*rows)
    written = contents_of(write_files(splits))
    for name, split in splits.items():
        images, labels = (
            idx2numpy.convert_from_string(written[f"{FILE_PREFIXES[name]}-{part}-ubyte"])
            for part in ("images-idx3", "labels-idx1")
        )
        assert images.dtype == labels.dtype == np.uint8
        np.testing.assert_array_equal(images, split.images)
        np.testing.assert_array_equal(labels, split.labels)


def test_python_mnist_reads_the_folder(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # it compares strings with `is`
        import mnist
    for name, content in WRITTEN.items():
        (tmp_path / name).write_bytes(content)
    reader = mnist.MNIST(str(tmp_path))
    for name, (images, labels) in {"train": reader.load_training(), "test": reader.load_testing()}.items():
        assert np.array_equal(np.array(images).reshape(-1, 28, 28), SPLITS[name].images)
        assert list(labels) == SPLITS[name].labels.tolist()


def test_equal_splits_give_equal_bytes_in_any_memory_layout(tmp_path: Path) -> None:
    assert contents_of(write_files(memory_mapped(SPLITS, tmp_path))) == WRITTEN


@pytest.mark.parametrize("rows", SIZES)
def test_written_files_do_not_differ(rows: tuple[int, int, int]) -> None:
    splits = three_splits(*rows)
    assert compare(splits, contents_of(write_files(splits))) == []


def test_a_difference_names_the_file_and_the_row() -> None:
    other = three_splits()
    other["test"].images[2, 27, 27] ^= 1
    other["valid"].labels[1] = 9 - other["valid"].labels[1]
    first, second = compare(other, WRITTEN)
    assert "valid-labels-idx1-ubyte differs first in row 1" in first
    assert f"{IMAGES} differs first in row 2" in second
    assert "(4,), expected uint8 (3,)" in compare(three_splits(12, 3, 3), WRITTEN)[1]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        WRITTEN[IMAGES][:-9],
        b"\0\0\x08\x03",
        struct.pack(">BBBBI", 0, 0, 13, 1, 1) + b"1234",
        WRITTEN[IMAGES] + b"\0",
        gzip.compress(WRITTEN[IMAGES]),
        None,
    ],
    ids=["empty", "truncated", "no dimensions", "floats", "too long", "compressed", "missing"],
)
def test_a_damaged_or_missing_file_is_an_error_that_names_it(content: bytes | None) -> None:
    contents = {name: data for name, data in WRITTEN.items() if name != IMAGES}
    if content is not None:
        contents[IMAGES] = content
    with pytest.raises(CurationError) as caught:
        compare(SPLITS, contents)
    assert caught.value.subject == IMAGES


@given(at=st.integers(0, len(WRITTEN[IMAGES]) - 1), mask=st.integers(1, 255))
def test_any_changed_byte_is_found(at: int, mask: int) -> None:
    changed = bytearray(WRITTEN[IMAGES])
    changed[at] ^= mask
    assert differs(lambda: compare(SPLITS, WRITTEN | {IMAGES: bytes(changed)}))
