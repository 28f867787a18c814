"""The materialization that the last one is compared with: different content, the same settings."""

import dagster as dg

from notmnist_assets.checks.earlier_content import Comparison, compare_with_history
from notmnist_assets_tests.checks.recorded import SETTINGS, Reported

KEY = dg.AssetKey(["letters", "small", "C"])


def compare(*history: Reported, guards: tuple[str, ...] = ()) -> Comparison:
    """Compare an asset with these materializations, oldest first."""
    with dg.DagsterInstance.ephemeral() as instance:
        for materialization in history:
            materialization.report(instance, KEY)
        return compare_with_history(instance, KEY, guards)


def of(content: str, images: int, **settings: object) -> Reported:
    return Reported(content, {"images": images}, {**SETTINGS, **settings})


def test_an_asset_without_materializations_is_not_compared() -> None:
    assert compare() == Comparison(None, None, "the asset was never materialized")


def test_the_first_materialization_is_not_compared() -> None:
    comparison = compare(of("a", 100))
    assert (comparison.previous, comparison.reason) == (None, "this is the first materialization")


def test_the_last_materialization_with_different_content_is_the_previous_one() -> None:
    actual, previous, reason = compare(of("a", 1), of("b", 2), of("c", 3), of("c", 3))
    assert actual is not None
    assert previous is not None
    assert (actual.numbers, actual.data_version) == ({"images": 3.0}, "c")
    assert (previous.numbers, previous.data_version) == ({"images": 2.0}, "b")
    assert reason == ""


def test_unchanged_content_is_not_compared() -> None:
    assert compare(*[of("a", 100)] * 3).reason == "the content has not changed in the last 3 materializations"


def test_materializations_with_different_settings_are_skipped() -> None:
    previous = compare(of("a", 1), of("b", 2, profile="sample"), of("c", 3)).previous
    assert previous is not None
    assert previous.data_version == "a"


def test_the_reason_names_the_settings_that_differ() -> None:
    reason = compare(of("a", 1, seed=7), of("b", 2, seed=8), of("c", 3)).reason
    assert reason == "earlier content was materialized with different settings: seed 8, now 133"


def test_guards_may_differ_because_they_do_not_change_the_content() -> None:
    history = of("a", 1, min_small=1), of("b", 2, min_small=5)
    assert compare(*history).reason.endswith("min_small 1, now 5")
    assert compare(*history, guards=("min_small",)).reason == ""


def test_content_without_recorded_settings_is_not_compared() -> None:
    history = Reported("a", {"images": 1}, {}), of("b", 2)
    assert compare(*history).reason == "the settings of earlier content were not recorded"


def test_only_thirty_materializations_are_read() -> None:
    same = [of("b", 2)] * 29
    assert compare(of("a", 1), *same).reason == ""
    assert (
        compare(of("a", 1), of("b", 2), *same).reason == "the content has not changed in the last 30 materializations"
    )
