"""The split by duplicate groups, compared with loops over all pairs of images."""

import base64
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.file_names import font_name
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.values import LetterImages
from notmnist_assets.curation.sanitizing import grouping
from notmnist_assets.curation.sanitizing.decision import Policy, sanitize
from notmnist_assets.curation.sanitizing.grouping import (
    GROUP_TOO_LARGE,
    NO_ROOM,
    NO_SPLIT,
    Pool,
    assign_groups,
    connected_groups,
    gather_splits,
    group_images,
    index_pool,
    left_out_images,
    pool_letters,
    reasons_left_out,
    split_pool,
)
from notmnist_assets.curation.splitting.splits import SPLITS, SplitSizes
from notmnist_assets_tests.builders import World, components, distance_of, drawing, split_of
from notmnist_assets_tests.remote import remote_map

RADIUS = 0.2


def file_name(font: int, number: int) -> str:
    return base64.b64encode(f"Font{font}.ttf".encode()).decode() + f"{number}.png"


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    """Generate both sets with up to three images per letter, many of them near or equal, in four fonts."""
    image = st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 2))
    letters: dict[str, dict[str, LetterImages]] = {}
    for set_name in SETS:
        letters[set_name] = {}
        for letter in LETTERS:
            rows = draw(st.lists(st.tuples(image, st.integers(0, 3)), max_size=3))
            images = np.array([drawing(*which) for which, _ in rows], np.uint8).reshape(-1, 28, 28)
            names = np.array([file_name(font, number) for number, (_, font) in enumerate(rows)], dtype=object)
            rejected = pd.DataFrame({"name": [], "bytes": [], "reason": []})
            letters[set_name][letter] = LetterImages(images, names, rejected)
    return pool_letters(letters)


def rows_of(pool: Pool) -> list[tuple[str, str, str, bytes]]:
    """Return set, letter, name and pixels of each image, in the pool's order."""
    return [
        (set_name, letter, str(name), image.tobytes())
        for set_name in SETS
        for letter in LETTERS
        for part in [pool.letters[set_name][letter]]
        for name, image in zip(part.names, part.images, strict=True)
    ]


def groups_by_brute_force(pool: Pool, *, by_font: bool) -> list[int]:
    rows = rows_of(pool)
    images = [np.frombuffer(row[3], np.uint8).reshape(28, 28) for row in rows]
    linked = (
        (a, b)
        for a, b in itertools.combinations(range(len(rows)), 2)
        if distance_of(images[a], images[b]) <= RADIUS + 1e-9
        or (by_font and font_name(rows[a][2]) == font_name(rows[b][2]))
    )
    return components(len(rows), linked)


@pytest.mark.parametrize("by_font", [False, True])
@given(pool=pools())
@settings(max_examples=25)
def test_groups_are_the_connected_components(pool: Pool, by_font: bool) -> None:
    groups = group_images(pool, RADIUS, by_font=by_font)
    assert groups.tolist() == pd.factorize(np.array(groups_by_brute_force(pool, by_font=by_font)))[0].tolist()


@given(pool=pools(), order=st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_groups_are_the_same_from_pieces_in_other_processes(
    tmp_path_factory: pytest.TempPathFactory, pool: Pool, order: int
) -> None:
    index = index_pool(pool, RADIUS, work_map=remote_map(tmp_path_factory.mktemp("pieces"), order))
    groups = connected_groups(pool, index, by_font=False)
    np.testing.assert_array_equal(groups, group_images(pool, RADIUS, by_font=False))


def test_a_moved_copy_is_in_the_group_of_its_original_with_shifts() -> None:
    image = drawing(1, visible=3)
    empty = np.empty((0, 28, 28), np.uint8)
    rejected = pd.DataFrame({"name": [], "bytes": [], "reason": []})
    letters: dict[str, dict[str, LetterImages]] = {}
    for place, set_name in enumerate(SETS):
        moved = np.roll(image, place, axis=0)[None]
        letters[set_name] = {
            letter: LetterImages(
                moved if letter == "A" else empty,
                np.array([file_name(place, 0)] if letter == "A" else [], dtype=object),
                rejected,
            )
            for letter in LETTERS
        }
    pool = pool_letters(letters)
    assert group_images(pool, RADIUS, by_font=False).tolist() == [0, 1]
    assert group_images(pool, RADIUS, by_font=False, shifts=True).tolist() == [0, 0]


@given(pool=pools(), seed=st.integers(0, 3), tenths=st.tuples(*[st.integers(0, 3)] * 3))
@settings(max_examples=40)
def test_each_group_is_in_one_split_and_no_split_has_more_rows_of_a_letter_than_its_size_allows(
    pool: Pool, seed: int, tenths: tuple[int, int, int]
) -> None:
    groups = group_images(pool, RADIUS, by_font=False)
    sizes = SplitSizes(*(10 * rows for rows in tenths))
    splits = assign_groups(groups, pool.label, sizes, seed)
    for group in set(groups.tolist()):
        assert len(set(splits[groups == group].tolist())) == 1
    counts = [np.bincount(pool.label[splits == place], minlength=10) for place in range(len(SPLITS))]
    room = [getattr(sizes, name) // 10 for name in SPLITS]
    assert all(counted.max() <= most for counted, most in zip(counts, room, strict=True))
    # An image alone in its group goes to the first split with room: those before it are full in the end.
    order = [*(SPLITS.index(name) for name in ("test", "valid", "train")), NO_SPLIT]
    for row in np.flatnonzero(np.bincount(groups)[groups] == 1):
        for place in order[: order.index(splits[row])]:
            assert counts[place][pool.label[row]] == room[place]


@given(pool=pools(), seed=st.integers(0, 3))
@settings(max_examples=25)
def test_rows_of_a_grouped_split_keep_image_label_letter_name_and_font_together(pool: Pool, seed: int) -> None:
    rows = rows_of(pool)
    positions = np.arange(len(rows)) % 4 - 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "ROWS", 3)
        splits = gather_splits(pool, positions, seed)
    for place, name in enumerate(SPLITS):
        split = splits[name]
        columns = (split.sources[column].astype(str) for column in ("set", "letter", "name"))
        found = [(*source, image.tobytes()) for *source, image in zip(*columns, split.images, strict=True)]
        assert sorted(found) == sorted(row for row, position in zip(rows, positions, strict=True) if position == place)
        assert [LETTERS[label] for label in split.labels] == split.sources["letter"].astype(str).tolist()
        assert split.sources["font"].tolist() == [font_name(file) for file in split.sources["name"]]


def test_the_same_seed_gives_the_same_assignment_and_another_seed_another() -> None:
    groups = np.arange(400)
    labels = np.tile(np.arange(10, dtype=np.int32), 40)
    sizes = SplitSizes(100, 50, 50)
    once = assign_groups(groups, labels, sizes, 1)
    assert once.tolist() == assign_groups(groups, labels, sizes, 1).tolist()
    assert once.tolist() != assign_groups(groups, labels, sizes, 2).tolist()
    assert [int((once == place).sum()) for place in range(3)] == [100, 50, 50]


@given(
    rows=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2)), max_size=40),
    tenths=st.tuples(*[st.integers(0, 3)] * 3),
)
@settings(max_examples=60)
def test_images_left_out_are_counted_by_letter_and_reason(
    rows: list[tuple[int, int]], tenths: tuple[int, int, int]
) -> None:
    groups = pd.factorize(np.array([group for group, _ in rows], np.int64))[0].astype(np.int64)
    labels = np.array([label for _, label in rows], np.int32)
    sizes = SplitSizes(*(10 * rows_per_letter for rows_per_letter in tenths))
    positions = assign_groups(groups, labels, sizes, 0)
    images = list(zip(groups.tolist(), labels.tolist(), strict=True))
    expected: dict[tuple[str, str], list[int]] = {}
    for (group, label), position in zip(images, positions.tolist(), strict=True):
        if position == NO_SPLIT:
            too_large = max(images.count((group, other)) for other in range(3)) > max(tenths)
            expected.setdefault((LETTERS[label], GROUP_TOO_LARGE if too_large else NO_ROOM), []).append(group)
    table = left_out_images(groups, labels, reasons_left_out(groups, labels, positions, sizes))
    assert table.columns.tolist() == ["letter", "reason", "images", "groups", "largest_group"]
    assert list(table.itertuples(index=False, name=None)) == [
        (*key, len(found), len(set(found)), max(groups.tolist().count(group) for group in found))
        for key, found in sorted(expected.items())
    ]


@pytest.mark.parametrize("policy", [Policy(), Policy(conflicts="majority"), Policy(repeats="exact")])
@given(pool=pools(), seed=st.integers(0, 3))
@settings(max_examples=15)
def test_images_are_removed_by_the_rules_of_sanitizing_before_their_groups_are_assigned(
    policy: Policy, pool: Pool, seed: int
) -> None:
    rows = rows_of(pool)
    images = np.array([np.frombuffer(row[3], np.uint8) for row in rows], np.uint8).reshape(-1, 28, 28)
    nothing = split_of(np.empty((0, 28, 28), np.uint8), [])
    world = World({"train": split_of(images, pool.label.tolist()), "valid": nothing, "test": nothing}, RADIUS)
    removed = sanitize(world.index(), policy).removed.set_index("row")["reason"].to_dict()
    found = split_pool(pool, index_pool(pool, RADIUS), SplitSizes(20, 10, 10), seed, policy, by_font=False)
    assert found.groups.tolist() == pd.factorize(np.array(groups_by_brute_force(pool, by_font=False)))[0].tolist()
    for row, (position, reason) in enumerate(zip(found.split_of, found.reasons, strict=True)):
        if row in removed:
            assert (position, reason) == (NO_SPLIT, removed[row])
        else:
            assert reason in ((NO_ROOM, GROUP_TOO_LARGE) if position == NO_SPLIT else ("",))
    kept = [row for row in range(len(rows)) if row not in removed]
    assert (
        found.split_of[kept].tolist()
        == assign_groups(found.groups[kept], pool.label[kept], SplitSizes(20, 10, 10), seed).tolist()
    )
