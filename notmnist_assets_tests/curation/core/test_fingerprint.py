"""Equal contents have equal fingerprints, and any change gives another one."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.values import LetterImages, Split
from notmnist_assets_tests.builders import random_split

REJECTED = pd.DataFrame({"name": ["x.png"], "bytes": [0], "reason": ["empty"]})


def letter(names: list[str] | None = None, rejected: pd.DataFrame = REJECTED) -> LetterImages:
    images = np.random.default_rng(3).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    return LetterImages(images, np.array(names or ["a.png", "b.png", "é.png"], dtype=object), rejected)


def test_a_fingerprint_is_64_hexadecimal_digits_and_repeats() -> None:
    assert fingerprint(random_split(5)) == fingerprint(random_split(5))
    assert int(fingerprint(random_split(5)), 16) < 2**256
    assert len(fingerprint(letter())) == len(fingerprint(REJECTED)) == 64


@given(row=st.integers(0, 4), pixel=st.integers(0, 783), bit=st.integers(0, 7))
@settings(max_examples=40)
def test_any_changed_bit_of_a_pixel_changes_the_fingerprint(row: int, pixel: int, bit: int) -> None:
    split = random_split(5)
    images = split.images.copy()
    images.reshape(5, 784)[row, pixel] ^= 1 << bit
    assert fingerprint(Split(images, split.labels, split.sources)) != fingerprint(split)


def test_labels_names_fonts_and_the_order_of_rows_change_the_fingerprint() -> None:
    split = random_split(5)
    labels = split.labels.copy()
    labels[2] = (labels[2] + 1) % 10
    changed = [
        Split(split.images, labels, split.sources),
        Split(split.images, split.labels, split.sources.assign(name=split.sources["name"].str.upper())),
        Split(split.images, split.labels, split.sources.assign(font="another")),
        Split(split.images[::-1], split.labels, split.sources),
        Split(split.images, split.labels, split.sources.iloc[::-1]),
        split.take(np.array([1, 0, 2, 3, 4])),
        split.take(np.arange(4)),
    ]
    assert len({fingerprint(value) for value in [split, *changed]}) == len(changed) + 1


def test_names_and_rejected_files_of_a_letter_change_the_fingerprint() -> None:
    values = [
        letter(),
        letter(["a.png", "b.png", "e.png"]),
        letter(["a.pn", "gb.png", "é.png"]),
        letter(rejected=REJECTED.iloc[:0]),
        letter(rejected=REJECTED.assign(reason="not a PNG")),
        letter(rejected=REJECTED.assign(bytes=1)),
    ]
    assert len({fingerprint(value) for value in values}) == len(values)


def test_a_memory_map_another_byte_order_and_a_strided_view_have_the_fingerprint_of_the_array(tmp_path: Path) -> None:
    split = random_split(6)
    np.save(tmp_path / "images.npy", split.images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert fingerprint(Split(mapped, split.labels, split.sources)) == fingerprint(split)
    doubled = np.repeat(split.images, 2, axis=0)[::2]
    assert fingerprint(Split(doubled, split.labels, split.sources)) == fingerprint(split)
    numbers = pd.DataFrame({"x": np.array([1, 2, 3], "<i4")})
    assert fingerprint(numbers) == fingerprint(pd.DataFrame({"x": np.array([1, 2, 3], ">i4")}))


def test_storage_of_strings_in_pandas_does_not_matter() -> None:
    words = ["b", "a", "", "b", "longer ü", "a"]
    column = pd.Series(words, dtype="str")
    stored = [
        column,
        pd.Series(words, dtype=object),
        pd.Series(words, dtype="category"),
        pd.Series(pd.Categorical(words, categories=["unused", *sorted(set(words))])),
        pd.concat([column[:2], column[2:]]),
        pd.concat([pd.Series(["zz"], dtype="str"), column])[1:],
    ]
    assert len({fingerprint(pd.DataFrame({"x": values})) for values in stored}) == 1


def test_a_table_has_the_fingerprint_of_its_parquet_copy(tmp_path: Path) -> None:
    sources = random_split(9).sources.assign(score=np.linspace(0, 1, 9), flag=True)
    sources.to_parquet(tmp_path / "table.parquet", index=False)
    assert fingerprint(pd.read_parquet(tmp_path / "table.parquet")) == fingerprint(sources)


def test_tables_that_differ_in_anything_have_different_fingerprints() -> None:
    tables: list[dict[str, Any]] = [
        {"x": [1, 2, 3]},
        {"x": [1, 3, 2]},
        {"y": [1, 2, 3]},
        {"x": np.array([1, 2, 3], np.int32)},
        {"x": [1.0, 2.0, 3.0]},
        {"x": [1.0, 2.0, np.nan]},
        {"x": [True, False, True]},
        {"x": ["1", "2", "3"]},
        {"x": ["1", "2", "4"]},
        {"x": ["1", "23", ""]},
        {"x": ["1", None, "3"]},
        {"x": ["1", "None", "3"]},
        {"x": ["1", "nan", "3"]},
        {"x": ["1", "", "3"]},
        {"x": [1, 2, 3], "z": [1, 2, 3]},
        {"z": [1, 2, 3], "x": [1, 2, 3]},
        {"x": []},
        {},
    ]
    assert len({fingerprint(pd.DataFrame(columns)) for columns in tables}) == len(tables)


@given(
    one=st.lists(st.text(st.characters(codec="utf-8"), max_size=4), max_size=4),
    other=st.lists(st.text(st.characters(codec="utf-8"), max_size=4), max_size=4),
)
def test_lists_of_strings_have_equal_fingerprints_only_when_equal(one: list[str], other: list[str]) -> None:
    prints = [fingerprint(pd.DataFrame({"x": pd.Series(words, dtype="str")})) for words in (one, other)]
    assert (prints[0] == prints[1]) == (one == other)


def test_excluded_columns_do_not_change_the_fingerprint() -> None:
    table = pd.DataFrame({"x": [1, 2], "seconds": [0.1, 0.2]})
    slower = table.assign(seconds=[3.0, 4.0])
    assert fingerprint(table) != fingerprint(slower)
    assert fingerprint(table, leave_out=["seconds"]) == fingerprint(slower, leave_out=["seconds"])
    assert fingerprint(table, leave_out=["seconds"]) != fingerprint(table.assign(x=0), leave_out=["seconds"])


def test_a_column_of_another_type_is_refused() -> None:
    dates = pd.Series(pd.to_datetime(["2011-09-08", "2011-09-09"]))
    nullable = pd.Series([1, None], dtype="Int64")
    columns: list[pd.Series] = [pd.Series([[1], [2]]), pd.Series([1, "2"]), dates, nullable]
    columns += [pd.Series([b"x"]), pd.Series([b"\xff"]), pd.Series(["x", b"x"]), pd.Series([b"x"], dtype="category")]
    for column in columns:
        with pytest.raises(TypeError):
            fingerprint(pd.DataFrame({"x": column}))
