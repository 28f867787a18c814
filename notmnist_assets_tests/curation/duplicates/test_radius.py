"""The curve of cross-letter share by radius, and the choice of the radius."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notmnist_assets.curation.core.intervals import wilson_interval
from notmnist_assets.curation.duplicates.near import NearPairs
from notmnist_assets.curation.duplicates.radius import (
    choose_radius,
    cross_letter,
    label_noise,
    letter_shares,
    radius_curve,
)


def pairs_of(triples: list[tuple[int, int, int]]) -> NearPairs:
    columns = np.array(triples, np.int32).reshape(-1, 3).T
    return NearPairs(columns[0], columns[1], columns[2])


def curve_of(*rows: tuple[float, int, float]) -> pd.DataFrame:
    """Return a curve of (radius, pairs, cross-letter pairs)."""
    curve = pd.DataFrame(rows, columns=["radius", "pairs", "cross_letter"])
    low, high = wilson_interval(curve["cross_letter"], curve["pairs"])
    return curve.assign(share=curve["cross_letter"] / curve["pairs"].clip(lower=1), ci_low=low, ci_high=high)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 1000)), max_size=60),
    st.lists(st.integers(0, 9), min_size=6, max_size=6),
)
def test_the_curve_counts_what_a_loop_counts(triples: list[tuple[int, int, int]], letters: list[int]) -> None:
    radii = [0.0, 0.5, 1.0, 2.0, 3.0]
    curve = radius_curve(pairs_of(triples), np.eye(10, dtype=np.int64)[letters], radii)
    for row, radius in enumerate(radii):
        near = [(a, b) for a, b, distance in triples if distance / 255 <= radius]
        crossing = sum(letters[a] != letters[b] for a, b in near)
        assert curve["pairs"][row] == len(near)
        assert curve["cross_letter"][row] == crossing
        assert curve["share"][row] == (crossing / len(near) if near else 0)
        assert curve["ci_low"][row] <= curve["share"][row] <= curve["ci_high"][row]


def test_a_pair_of_images_with_several_letters_counts_by_the_chance_that_their_rows_differ() -> None:
    letters = np.zeros((2, 10), np.int64)
    letters[0, [0, 1]] = 3, 1
    letters[1, [0, 2]] = 1, 1
    crossing = cross_letter(pairs_of([(0, 1, 0)]), letters)
    rows = [(a, b) for a in "AAAB" for b in "AC"]
    assert crossing.tolist() == [sum(a != b for a, b in rows) / len(rows)]


def test_images_without_rows_and_tables_of_another_shape_are_errors() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        letter_shares(np.zeros((1, 10), np.int64))
    with pytest.raises(ValueError, match="letters must be"):
        letter_shares(np.ones((2, 9), np.int64))


def test_the_largest_radius_under_the_limit_is_chosen() -> None:
    assert choose_radius(curve_of((1, 500, 0), (2, 1000, 3), (3, 2000, 9), (4, 4000, 40))) == 3
    assert choose_radius(curve_of((4, 4000, 40), (2, 1000, 3), (1, 500, 0), (3, 2000, 9))) == 3
    assert choose_radius(curve_of((1, 500, 0), (2, 1000, 3)), limit=0.001) == 1


def test_a_share_equal_to_the_limit_is_not_under_it() -> None:
    assert choose_radius(curve_of((1, 400, 0), (2, 1000, 5))) == 1


def test_no_radius_beyond_a_ruled_out_one_is_chosen() -> None:
    assert choose_radius(curve_of((1, 500, 0), (2, 1000, 10), (3, 90_000, 20))) == 1


def test_label_noise_does_not_rule_out_a_radius() -> None:
    """2 % of pairs have different letters at any distance; from radius 3 on, similar images are added."""
    curve = curve_of((1, 500, 11), (2, 20_000, 400), (3, 40_000, 1200), (4, 80_000, 4000))
    assert 0.018 < label_noise(curve) < 0.02
    assert choose_radius(curve) == 2
    assert label_noise(curve_of((1, 150, 30))) == 0


def test_a_share_that_is_high_by_chance_does_not_rule_out_larger_radii() -> None:
    assert choose_radius(curve_of((1, 220, 2), (2, 20_000, 20))) == 2


def test_one_pair_with_different_letters_among_few_pairs_does_not_rule_out_larger_radii() -> None:
    assert choose_radius(curve_of((1, 3, 1), (2, 150, 1), (3, 1000, 2))) == 3


def test_a_radius_with_less_than_20_pairs_is_not_chosen() -> None:
    assert choose_radius(curve_of((1, 0, 0), (2, 19, 0))) == 0
    assert choose_radius(curve_of((1, 0, 0), (2, 20, 0))) == 2


def test_without_a_radius_below_the_limit_the_radius_is_0() -> None:
    assert choose_radius(curve_of((1, 500, 50), (2, 1000, 100))) == 0
    assert choose_radius(radius_curve(pairs_of([]), np.empty((0, 10), np.int64))) == 0
