"""The curve of cross-letter share by radius, and the choice of the radius."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from notmnist_assets.curation.core.intervals import wilson_interval
from notmnist_assets.curation.duplicates.near import NearPairs
from notmnist_assets.curation.duplicates.radius import (
    CROSS_LETTER_LIMIT,
    FALLBACK_RADIUS,
    RADII,
    choose_radius,
    cross_letter,
    label_noise,
    letter_shares,
    radius_curve,
    share_limit,
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


def chosen(*rows: tuple[float, int, float], limit: float = CROSS_LETTER_LIMIT, fallback: float = 2) -> float:
    return choose_radius(curve_of(*rows), limit, fallback).radius


def steps(pairs: int, share: float) -> st.SearchStrategy[list[tuple[int, float]]]:
    """Return, for each radius, pairs that are added to those of the previous one, and the share of crossing ones."""
    step = st.tuples(st.integers(0, pairs), st.floats(0, share))
    return st.lists(step, min_size=len(RADII), max_size=len(RADII))


@given(steps=steps(40, 1.0))
@settings(max_examples=25)
def test_fewer_than_200_pairs_never_change_the_radius(steps: list[tuple[int, float]]) -> None:
    pairs = np.minimum(np.cumsum([added for added, _ in steps]), 199)
    crossing = np.minimum(np.cumsum([added * share for added, share in steps]), pairs)
    curve = curve_of(*zip(RADII, pairs.tolist(), crossing.tolist(), strict=True))
    choice = choose_radius(curve)
    assert choice.radius == FALLBACK_RADIUS
    assert choice.reason.startswith("the fallback, with fewer than 200 pairs")


@given(steps=steps(3000, 0.1))
@settings(max_examples=40, phases=[Phase.explicit, Phase.generate])
def test_another_radius_than_the_fallback_is_chosen_only_on_evidence(steps: list[tuple[int, float]]) -> None:
    pairs = np.cumsum([added for added, _ in steps])
    crossing = np.minimum(np.cumsum([added * share for added, share in steps]), pairs)
    curve = curve_of(*zip(RADII, pairs.tolist(), crossing.tolist(), strict=True))
    radius, too_large = choose_radius(curve).radius, share_limit(curve)
    rows = curve.to_dict("records")
    supported = [(row["share"], row["radius"]) for row in rows if row["pairs"] >= 200 and row["radius"] <= 5]
    purest = min(supported, default=(0, -1))[1]
    rejected = [
        row["radius"] for row in rows if row["radius"] > purest and row["pairs"] >= 200 and row["ci_low"] >= too_large
    ]
    assert not any(0 < other <= radius for other in rejected)
    (at_radius,) = (row for row in rows if row["radius"] == radius)
    if radius > FALLBACK_RADIUS:
        assert at_radius["ci_high"] < too_large
    if radius < FALLBACK_RADIUS:
        assert rejected[0] <= FALLBACK_RADIUS
        assert radius == 0 or at_radius["share"] < too_large


def test_the_fallback_is_used_while_its_interval_contains_the_limit() -> None:
    assert chosen((1, 150, 0), (2, 300, 3), (3, 600, 6)) == 2
    assert "do not reject" in choose_radius(curve_of((1, 150, 0), (2, 300, 3)), fallback=2).reason


def test_the_largest_radius_whose_whole_interval_is_below_the_limit_is_chosen_beyond_the_fallback() -> None:
    assert chosen((1, 900, 0), (2, 1800, 0), (3, 3600, 2), (4, 7200, 36)) == 3
    assert chosen((4, 7200, 36), (2, 1800, 0), (1, 900, 0), (3, 3600, 2)) == 3
    assert chosen((2, 10_000, 1), (3, 30_000, 25), limit=0.001) == 2, "the interval contains the limit"


def test_beneath_a_rejected_fallback_the_largest_radius_with_a_share_below_the_limit_is_chosen() -> None:
    rows = (0, 0, 0), (0.5, 500, 0), (1, 1000, 3), (1.5, 1500, 7), (2, 3000, 40)
    assert chosen(*rows) == 1.5
    assert "the data reject larger ones" in choose_radius(curve_of(*rows), fallback=2).reason
    assert chosen((0, 0, 0), (1, 500, 50), (2, 90_000, 20_000)) == 0


def test_a_share_equal_to_the_limit_is_not_below_it() -> None:
    assert chosen((0, 0, 0), (0.5, 400, 0), (1, 1000, 5), (2, 9000, 900)) == 0.5


def test_no_radius_beyond_a_rejected_one_is_chosen() -> None:
    assert chosen((1, 500, 0), (2, 5000, 0), (3, 6000, 200), (4, 900_000, 200)) == 2


def test_label_noise_does_not_reject_a_radius() -> None:
    """2 % of pairs have different letters at any distance; from radius 3 on, similar images are added."""
    curve = curve_of((1, 500, 11), (2, 20_000, 400), (3, 40_000, 1200), (4, 80_000, 4000))
    assert 0.018 < label_noise(curve) < 0.02
    assert [choose_radius(curve, fallback=fallback).radius for fallback in (1, 2, 3)] == [1, 2, 2]
    assert label_noise(curve_of((1, 150, 30))) == 0


def test_a_larger_share_of_closer_pairs_is_label_noise_too() -> None:
    """With many pairs, all intervals are narrow: 3 % of the closest pairs have different letters, 2 % of the others."""
    assert chosen((1, 18_000, 540), (2, 150_000, 3_000), (3, 400_000, 9_200), (4, 900_000, 27_000)) == 3


def test_pairs_beyond_the_fallback_that_look_alike_are_not_taken_for_label_noise() -> None:
    curve = curve_of((1, 40, 0), (2, 90, 0), (3, 400, 40))
    assert label_noise(curve, fallback=2) == 0
    assert label_noise(curve, fallback=3) > 0.07


def test_without_pairs_the_fallback_or_the_largest_radius_below_it_is_chosen() -> None:
    nothing = pairs_of([]), np.empty((0, 10), np.int64)
    assert choose_radius(radius_curve(*nothing)).radius == FALLBACK_RADIUS
    assert choose_radius(radius_curve(*nothing, radii=[0, 1, 3])).radius == 3
