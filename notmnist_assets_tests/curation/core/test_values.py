"""The guarantees of every instance of a value."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import Archive, LetterImages, Split
from notmnist_assets_tests.builders import random_split

REJECTED = pd.DataFrame({"name": [], "bytes": [], "reason": []})


def test_an_archive_opens_its_bytes_from_the_start_each_time(tmp_path: Path) -> None:
    plain, odd = tmp_path / "x.tar.gz", tmp_path / "a::b.tar.gz"
    for path in (plain, odd):
        path.write_bytes(b"bytes")
    for uri in (str(plain), str(plain), plain.as_uri(), str(odd)):
        archive = Archive(uri, 5, "0" * 64, "here")
        with archive.open() as file:
            assert file.read() == b"bytes"


def test_letter_images_with_inconsistent_parts_are_refused() -> None:
    images, names = np.zeros((2, 28, 28), np.uint8), np.array(["a", "b"], dtype=object)
    assert len(LetterImages(images, names, REJECTED)) == 2
    with pytest.raises(ValueError, match="2 images but names"):
        LetterImages(images, names[:1], REJECTED)
    with pytest.raises(ValueError, match="columns"):
        LetterImages(images, names, REJECTED[["name", "bytes"]])
    with pytest.raises(ValueError, match="uint8"):
        LetterImages(images.astype(np.float32), names, REJECTED)


def test_a_split_with_inconsistent_parts_is_refused() -> None:
    split = random_split(3)
    with pytest.raises(ValueError, match="int32"):
        Split(split.images, split.labels.astype(np.int64), split.sources)
    with pytest.raises(ValueError, match="int32"):
        Split(split.images, split.labels[:2], split.sources)
    for wrong in (-1, 10):
        with pytest.raises(ValueError, match="between 0 and 9"):
            Split(split.images, np.array([0, wrong, 0], np.int32), split.sources)
    with pytest.raises(ValueError, match="3 rows"):
        Split(split.images, split.labels, split.sources[:2])
    with pytest.raises(ValueError, match="columns"):
        Split(split.images, split.labels, split.sources[["set", "letter", "font", "name"]])


@given(rows=st.lists(st.integers(0, 11), max_size=20))
@settings(max_examples=40)
def test_taken_rows_keep_image_label_and_source_together(rows: list[int]) -> None:
    split = random_split(12)
    taken = split.take(np.array(rows, np.intp))
    assert len(taken) == len(rows)
    assert taken.sources.index.tolist() == list(range(len(rows)))
    for place, row in enumerate(rows):
        np.testing.assert_array_equal(taken.images[place], split.images[row])
        assert taken.labels[place] == split.labels[row]
        assert taken.sources.iloc[place].tolist() == split.sources.iloc[row].tolist()
        assert LETTERS[taken.labels[place]] == taken.sources["letter"].iloc[place]


def test_both_values_return_the_float32_of_the_assignment() -> None:
    split = random_split(3)
    letter = LetterImages(split.images, np.array(["a", "b", "c"], dtype=object), REJECTED)
    expected = ((split.images.astype(float) - 127.5) / 255).astype(np.float32)
    np.testing.assert_array_equal(split.as_float32(), expected)
    np.testing.assert_array_equal(letter.as_float32(), expected)
