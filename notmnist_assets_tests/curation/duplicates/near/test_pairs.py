"""Sorted pairs and the unit of the radius."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.duplicates.near import largest_sum, near_pairs
from notmnist_assets.curation.duplicates.near.pairs import collect
from notmnist_assets_tests.curation.duplicates.near.tables import noisy_copies, triples

seeds = st.integers(0, 2**32)


@given(st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 9)), max_size=8), max_size=4))
def test_collected_pairs_are_sorted_with_the_smallest_distance_of_each(parts: list[list[tuple[int, int, int]]]) -> None:
    columns = [np.array(part, np.int32).reshape(-1, 3).T for part in parts]
    smallest: dict[tuple[int, int], int] = {}
    for a, b, distance in (triple for part in parts for triple in part):
        smallest[a, b] = min(distance, smallest.get((a, b), distance))
    collected = collect([(a, b, distance) for a, b, distance in columns])
    assert triples(collected) == [(*pair, distance) for pair, distance in sorted(smallest.items())]


@given(seed=seeds, radius=st.floats(0, 200), smaller=st.floats(0, 1))
@settings(max_examples=30)
def test_pairs_within_a_smaller_radius_are_those_of_a_new_search(seed: int, radius: float, smaller: float) -> None:
    images = noisy_copies(40, seed)
    narrowed = near_pairs(images, radius).within(radius * smaller)
    assert triples(narrowed) == triples(near_pairs(images, radius * smaller))


def test_a_radius_equal_to_a_distance_includes_that_distance() -> None:
    assert all(largest_sum(distance / 255) == distance for distance in range(784 * 255 + 1))
