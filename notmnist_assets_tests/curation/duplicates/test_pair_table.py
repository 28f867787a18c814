"""The table of near pairs of all splits, compared with loops over all pairs of rows."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.images import shift_pixels
from notmnist_assets.curation.duplicates.hashes import hash_table
from notmnist_assets.curation.duplicates.pair_table import (
    chosen_radius,
    images_of,
    pairs_by_distance,
    radius_table,
    search_near,
)
from notmnist_assets.curation.duplicates.radius import FALLBACK_RADIUS
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets_tests.builders import World, distance_of, drawing, split_of, worlds


def by_brute_force(world: World, radius: float) -> list[tuple[str, str, float, int, int]]:
    hashes = world.hashes()
    rows = [(row.image, hashes[row.split]["exact"].iloc[row.row]) for row in world.rows()]
    first = {digest: image for image, digest in reversed(rows)}
    digests = list(dict.fromkeys(digest for _, digest in rows))
    digest_of_row = [digest for _, digest in rows]
    return [
        (a, b, distance_of(first[a], first[b]), digest_of_row.count(a), digest_of_row.count(b))
        for place, a in enumerate(digests)
        for b in digests[place + 1 :]
        if distance_of(first[a], first[b]) <= radius + 1e-9
    ]


@given(world=worlds())
@settings(max_examples=60)
def test_the_table_contains_every_pair_of_distinct_images_within_the_radius_once(world: World) -> None:
    table = search_near(RowIndex(world.hashes()), world.splits, world.radius).pairs
    assert table.columns.tolist() == ["exact_a", "exact_b", "distance", "rows_a", "rows_b"]
    assert list(table.itertuples(index=False, name=None)) == by_brute_force(world, world.radius)


@given(world=worlds())
@settings(max_examples=30)
def test_pairs_from_a_table_have_the_distances_of_their_images(world: World) -> None:
    index = RowIndex(world.hashes())
    pairs = index.pairs_of_table(search_near(index, world.splits, world.radius).pairs)
    images = images_of(index, world.splits, index.first_rows)
    assert pairs.a.dtype == pairs.b.dtype == pairs.distance.dtype == np.int32
    for a, b, gray_levels in zip(pairs.a, pairs.b, pairs.distance, strict=True):
        assert gray_levels == round(distance_of(images[a], images[b]) * 255)


@given(grays=st.lists(st.integers(0, 5 * 255), max_size=30), radius=st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.3, 5.0]))
def test_pairs_are_counted_by_distance_as_a_loop_counts_them(grays: list[int], radius: float) -> None:
    distances = [gray / 255 for gray in grays if gray / 255 <= radius]
    counts = pairs_by_distance(pd.DataFrame({"distance": np.array(distances, np.float64)}), radius)
    steps = range(1, math.ceil(radius) + 1)
    assert counts["distance"].tolist() == list(steps)
    nearest_step = [max(1, math.ceil(distance)) for distance in distances]
    assert counts["pairs"].tolist() == [nearest_step.count(step) for step in steps]


def test_the_index_reads_the_table_back() -> None:
    world = World(
        {
            name: split_of(np.stack([drawing(0, visible=v)]), [0], name=name)
            for v, name in enumerate(("train", "valid", "test"))
        },
        0.2,
    )
    table = search_near(RowIndex(world.hashes()), world.splits, 5.0).pairs
    assert len(table) == 3
    index = RowIndex(world.hashes(), table, 0.2)
    assert sorted(zip(*(part.tolist() for part in index.edges[:2]), strict=True)) == [(0, 1), (1, 0), (1, 2), (2, 1)]


def test_a_copy_moved_by_one_pixel_is_found_with_shifts() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 10:18, 10:18] = 255
    splits = {
        "train": split_of(image, [0]),
        "valid": split_of(shift_pixels(image, 0, 1), [0]),
        "test": split_of(np.empty((0, 28, 28), np.uint8), []),
    }
    index = RowIndex(World(splits, 1.0).hashes())
    assert len(search_near(index, splits, 1.0).pairs) == 0
    assert search_near(index, splits, 1.0, shifts=True).pairs["distance"].tolist() == [0.0]


def test_one_radius_is_marked_as_chosen_and_a_fixed_radius_is_preferred() -> None:
    images = np.stack([drawing(0, hidden, visible) for hidden in range(4) for visible in range(4)])
    splits = {
        "train": split_of(images, [0] * 16),
        "valid": split_of(drawing(1)[None], [1]),
        "test": split_of(drawing(2)[None], [2]),
    }
    index = RowIndex(World(splits, 5.0).hashes())
    table = search_near(index, splits, 5.0).pairs
    free = radius_table(index, table, searched=5.0, fixed=None)
    assert free["radius"].max() == 5.0
    assert free["chosen"].sum() == 1
    assert chosen_radius(free) == FALLBACK_RADIUS
    fixed = radius_table(index, table, searched=5.0, fixed=3.3)
    assert chosen_radius(fixed) == 3.3
    pd.testing.assert_frame_equal(
        fixed[fixed["radius"] != 3.3].drop(columns="chosen").reset_index(drop=True), free.drop(columns="chosen")
    )
    assert fixed.loc[fixed["radius"] == 3.3, "pairs"].tolist() == [len(by_brute_force(World(splits, 3.3), 3.3))]


@given(before=worlds(), after=worlds())
@settings(max_examples=60)
def test_an_extended_search_gives_the_same_table_as_a_new_one(before: World, after: World) -> None:
    earlier = search_near(RowIndex(before.hashes()), before.splits, 5.0)
    index = RowIndex(after.hashes())
    extended = search_near(index, after.splits, after.radius, previous=earlier)
    full = search_near(index, after.splits, after.radius)
    pd.testing.assert_frame_equal(extended.pairs, full.pairs)
    assert extended.searched.tolist() == full.searched.tolist()


def test_an_earlier_search_with_a_smaller_radius_is_ignored() -> None:
    splits = {
        "train": split_of(np.stack([drawing(1), drawing(1, visible=4)]), [0, 0]),
        "valid": split_of(np.stack([drawing(2)]), [1]),
        "test": split_of(np.stack([drawing(3)]), [2]),
    }
    index = RowIndex({name: hash_table(split) for name, split in splits.items()})
    narrow = search_near(index, splits, 0.1)
    assert len(narrow.pairs) == 0
    assert search_near(index, splits, 5.0, previous=narrow).pairs["distance"].tolist() == [
        pytest.approx(0.8),
        *search_near(index, splits, 5.0).pairs["distance"].tolist()[1:],
    ]


def chain_of(images: int) -> World:
    """Return splits with a chain of `images` images 0.2 apart in train."""
    chain = np.stack([drawing(0, visible=step) for step in range(images)])
    lone = {name: split_of(drawing(place)[None], [1]) for place, name in enumerate(("valid", "test"), 1)}
    return World({"train": split_of(chain, [0] * images), **lone}, 1.0)


@pytest.mark.parametrize(
    ("change", "extended"),
    [
        ({}, True),
        ({"radius": 1.5}, True),
        ({"radius": 0.5}, False),
        ({"shifts": True}, False),
        ({"code_version": "1"}, False),
    ],
    ids=["same", "larger radius", "smaller radius", "other shifts", "other code version"],
)
def test_a_search_is_extended_if_its_settings_and_code_version_are_the_same_and_its_radius_is_not_smaller(
    change: dict[str, Any], extended: bool
) -> None:
    """The earlier search has no pairs: missing pairs reveal that its images were not searched again."""
    before, after = (chain_of(images) for images in (3, 4))
    earlier = search_near(RowIndex(before.hashes()), before.splits, 1.0, code_version="2")
    wrong = replace(earlier, pairs=earlier.pairs[:0], **change)
    index = RowIndex(after.hashes())
    found = search_near(index, after.splits, 1.0, code_version="2", previous=wrong)
    assert len(found.pairs) == (3 if extended else 6)
    assert found.seen_before == (5 if extended else 0)
    assert found.code_version == "2"


def test_repeating_a_search_of_the_same_images_searches_all_of_them() -> None:
    world = chain_of(3)
    index = RowIndex(world.hashes())
    earlier = search_near(index, world.splits, 1.0)
    again = search_near(index, world.splits, 1.0, previous=replace(earlier, pairs=earlier.pairs[:0]))
    pd.testing.assert_frame_equal(again.pairs, earlier.pairs)
    assert again.seen_before == 0


def test_a_search_of_the_same_images_with_a_larger_radius_is_filtered() -> None:
    world = chain_of(3)
    index = RowIndex(world.hashes())
    wider = search_near(index, world.splits, 1.0)
    narrowed = search_near(index, world.splits, 0.2, previous=wider)
    pd.testing.assert_frame_equal(narrowed.pairs, search_near(index, world.splits, 0.2).pairs)
    assert narrowed.seen_before == index.images


@given(world=worlds(), sample=st.integers(1, 6), used=st.sampled_from([None, 0.0, 0.4]))
@settings(max_examples=30)
def test_of_many_images_a_sample_is_searched_up_to_the_radius_and_all_up_to_the_radius_in_use(
    world: World, sample: int, used: float | None
) -> None:
    index = RowIndex(world.hashes())
    found = search_near(index, world.splits, 5.0, used=used, sample=sample)
    if index.images <= sample:
        assert found.complete is None
        pd.testing.assert_frame_equal(found.pairs, search_near(index, world.splits, 5.0).pairs)
        return
    assert found.complete is not None
    smallest = sorted(index.digests)[:sample]
    assert list(found.pairs.itertuples(index=False, name=None)) == [
        pair
        for pair in by_brute_force(world, 5.0)
        if pair[2] <= found.complete + 1e-9 or (pair[0] in smallest and pair[1] in smallest)
    ]
    curve = radius_table(index, found.pairs, searched=5.0, fixed=used, sample=sample)
    assert chosen_radius(curve) == found.complete
    everything = search_near(index, world.splits, 5.0).pairs
    pd.testing.assert_frame_equal(radius_table(index, everything, searched=5.0, fixed=used, sample=sample), curve)
    extended = search_near(index, world.splits, 5.0, used=used, sample=index.images, previous=replace(found, radius=9))
    assert extended.seen_before == 0, "pairs are missing in it"
