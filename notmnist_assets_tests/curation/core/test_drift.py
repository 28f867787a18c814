"""Limits of changes: a share, an amount, chance, a confidence interval."""

import pytest

from notmnist_assets.curation.core.drift import (
    DRIFT_COLUMNS,
    Limit,
    compare,
    describe_changes,
    within,
    within_chance,
    within_interval,
    within_share,
)
from notmnist_assets.curation.core.intervals import wilson_interval


def drifts(limit: Limit, previous: float, actual: float) -> bool:
    return bool(compare({"n": previous}, {"n": actual}, {"n": limit})["drifted"].item())


@pytest.mark.parametrize(
    ("limit", "previous", "inside", "outside"),
    [
        (within_share(0.05), 2000, (1900, 2100), (1899, 2101)),
        (within_share(0.05), 0, (0,), (1,)),
        (within(0.5), -0.25, (0.25, -0.75), (0.26, -0.76)),
        (within_chance(3), 0, (9,), (10,)),
        (within_chance(3), 1067, (1210, 933), (1211, 932)),
    ],
    ids=["share", "share of nothing", "amount", "chance of nothing", "chance"],
)
def test_a_change_beyond_the_limit_is_drift_in_either_direction(
    limit: Limit, previous: float, inside: tuple[float, ...], outside: tuple[float, ...]
) -> None:
    assert not any(drifts(limit, previous, actual) for actual in inside)
    assert all(drifts(limit, previous, actual) for actual in outside)


def test_an_accuracy_may_move_inside_its_wilson_interval() -> None:
    low, high = (100 * float(end) for end in wilson_interval(890, 1000))
    limit = within_interval(1000)
    assert not drifts(limit, 89, low + 1e-9)
    assert not drifts(limit, 89, high - 1e-9)
    assert drifts(limit, 89, low - 1e-9)
    assert drifts(limit, 89, high + 1e-9)
    assert not drifts(limit, 100, 100)


def test_a_comparison_shows_both_values_the_change_and_the_limit() -> None:
    limits = {"rows": within_share(0.1), "mean": within(0.01), "new": within(0), "gone": within(0)}
    compared = compare({"rows": 30, "mean": 0.1, "gone": 1}, {"rows": 20, "mean": 0.105, "new": 1}, limits)
    assert tuple(compared.columns) == DRIFT_COLUMNS
    assert compared["quantity"].tolist() == ["rows", "mean"]
    assert compared.iloc[0].tolist() == ["rows", 30, 20, -10, 3, True]
    assert compared["drifted"].tolist() == [True, False]
    assert describe_changes(compared[compared["drifted"]]) == "rows: 30 to 20 (-10, at most 3)"


def test_versions_without_common_quantities_have_an_empty_comparison() -> None:
    compared = compare({"rows": 1}, {"images": 1}, {"rows": within(0), "images": within(0)})
    assert compared.empty
    assert compared[compared["drifted"]].empty
