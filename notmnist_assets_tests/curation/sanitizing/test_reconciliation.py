"""Rows that differ from the rows or letters they were taken from, compared with a loop over all rows and files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.file_names import source_table
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.sanitizing import reconciliation
from notmnist_assets.curation.sanitizing.reconciliation import rows_unlike_letters, unreconciled_rows
from notmnist_assets_tests.builders import letters_of, random_split

RAW = random_split(6)
OF_LETTERS = {set_name: letters_of(set_name, [2] * 10, seed) for seed, set_name in enumerate(SETS)}
Problems = list[tuple[int, str]]


def altered(split: Split, pixels: set[int], labels: set[int], names: set[int]) -> Split:
    """Return a split with different pixels, another letter or an unknown file in some rows."""
    images, letters, sources = split.images.copy(), split.labels.copy(), split.sources.copy()
    for row in range(len(split)):
        images[row, 9, 9] ^= row in pixels
        letters[row] = (letters[row] + (row in labels)) % 10
    sources["name"] = [name + "?" * (row in names) for row, name in enumerate(sources["name"])]
    return Split(images, letters, sources)


def by_brute_force(left: Split, raw: Split, removed: list[int]) -> Problems:
    def rows(split: Split) -> list[tuple[str, bytes, int]]:
        files = ["/".join(file) for file in split.sources[["set", "letter", "name"]].to_numpy(str)]
        return list(zip(files, (image.tobytes() for image in split.images), split.labels.tolist(), strict=True))

    here, wanted, problems = rows(left), rows(raw), []
    for row, (file, pixels, label) in enumerate(wanted):
        found = [content for name, *content in here if name == file]
        times = removed.count(row)
        problems += [(row, "lost")] * (not found and not times)
        problems += [(row, "kept twice")] * (len(found) > 1)
        problems += [(row, "kept and removed")] * (bool(found) and times > 0)
        problems += [(row, "removed twice")] * (times > 1)
        problems += [(row, "different pixels or letter")] * any(content != [pixels, label] for content in found)
    strangers = [name for name, *_ in here if name not in {file for file, *_ in wanted}]
    strangers += [str(row) for row in removed if row not in range(len(raw))]
    return problems + [(-1, "not in the split before sanitizing")] * len(strangers)


some = st.sets(st.integers(0, 7), max_size=2)


@pytest.mark.parametrize("chunk", [2, 4096])
@given(
    kept=st.lists(st.integers(0, 5), max_size=8),
    removed=st.lists(st.integers(-1, 6), max_size=4),
    changes=st.tuples(some, some, some),
    rows=st.integers(0, 6),
)
@settings(max_examples=60)
def test_rows_that_are_not_unchanged_and_kept_or_removed_once_are_problems(
    chunk: int, kept: list[int], removed: list[int], changes: tuple[set[int], set[int], set[int]], rows: int
) -> None:
    raw, left = RAW.take(np.arange(rows)), altered(RAW.take(np.array(kept, np.intp)), *changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconciliation, "_CHUNK", chunk)
        found = unreconciled_rows(left, raw, np.array(removed, np.int64))
    assert found.columns.tolist() == ["row", "problem", "set", "letter", "name"]
    problems = list(zip(found["row"].tolist(), found["problem"].tolist(), strict=True))
    assert sorted(problems) == sorted(by_brute_force(left, raw, removed))
    for row, name in found.loc[found["row"] >= 0, ["row", "name"]].itertuples(index=False):
        assert name == raw.sources["name"].iloc[row]


def test_kept_and_removed_rows_in_any_order_have_no_problems() -> None:
    assert unreconciled_rows(RAW.take(np.array([5, 0, 3])), RAW, np.array([4, 2, 1])).empty


def split_of_letters(files: list[tuple[str, int, int]]) -> Split:
    """Return a split of images of the letters, given the set, label and place of each."""
    images = np.array([OF_LETTERS[of][LETTERS[label]].images[place] for of, label, place in files], np.uint8)
    labels = np.array([label for _, label, _ in files], np.int32)
    names = np.array([OF_LETTERS[of][LETTERS[label]].names[place] for of, label, place in files], object)
    set_of = np.array([SETS.index(of) for of, *_ in files], np.int64)
    return Split(images.reshape(-1, 28, 28), labels, source_table(SETS, set_of, labels, names))


files_of_letters = st.lists(st.tuples(st.sampled_from(SETS), st.integers(0, 9), st.integers(0, 1)), max_size=5)


@given(files=st.tuples(files_of_letters, files_of_letters), changes=st.tuples(some, some, some))
@settings(max_examples=60)
def test_rows_that_are_not_one_image_of_the_letters_are_problems(
    files: tuple[list[tuple[str, int, int]], list[tuple[str, int, int]]], changes: tuple[set[int], set[int], set[int]]
) -> None:
    splits = {"train": split_of_letters(files[0]), "test": altered(split_of_letters(files[1]), *changes)}
    found = rows_unlike_letters(splits, OF_LETTERS)
    assert found.columns.tolist() == ["split", "row", "problem", "set", "letter", "name"]
    pixels, labels, names = changes
    in_letters = {("train", row): file for row, file in enumerate(files[0])}
    in_letters |= {("test", row): file for row, file in enumerate(files[1]) if row not in names}
    wanted = {("test", row): "no such file" for row in names if row < len(files[1])}
    for place, file in in_letters.items():
        if place[0] == "test" and place[1] in pixels | labels:
            wanted[place] = "different pixels or letter"
        elif list(in_letters.values()).count(file) > 1:
            wanted[place] = "file of another row"
    assert {(split, row): problem for split, row, problem, *_ in found.itertuples(index=False)} == wanted
