"""Unreconciled rows, compared with a loop over all rows and files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.sanitizing import reconciliation
from notmnist_assets.curation.sanitizing.reconciliation import unreconciled_rows
from notmnist_assets_tests.builders import random_split

RAW = random_split(6)
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
    return problems + [(-1, "not in the merged split")] * len(strangers)


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
