"""The checks `drift`: each number within and beyond its limit, and the warning after a run."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pytest

from notmnist_assets.checks.drift import build_checks
from notmnist_assets.checks.earlier_content import compare_with_history, recorded_numbers
from notmnist_assets.definitions import DECLARATIONS, STAGES
from notmnist_assets.settings.recorded import MADE_WITH
from notmnist_assets.staleness.outcomes import latest_evaluations
from notmnist_assets_tests.archives import LARGE_PER_LETTER, tiny_members, write_archive
from notmnist_assets_tests.checks.recorded import SETTINGS, Reported
from notmnist_assets_tests.checks.results import by_name, results_of, shown
from notmnist_assets_tests.workspace import Workspace

WATCHED = [spec.asset_key for check in build_checks(STAGES) for spec in check.check_specs]
TEST_HASHES = dg.AssetKey(["hashes", "test"])


def check_all(
    histories: Mapping[dg.AssetKey, Sequence[Reported]],
) -> tuple[dict[dg.AssetKey, dg.AssetCheckResult], dict[dg.AssetKey, str]]:
    """Return the results of all checks after these materializations, oldest first, and the reasons of skipped ones."""
    with dg.DagsterInstance.ephemeral() as instance:
        for key, history in histories.items():
            for materialization in history:
                materialization.report(instance, key)
        context = dg.build_asset_check_context(instance=instance)
        results = by_name(result for check in build_checks(STAGES) for result in results_of(check(context)))
        reasons = {key: compare_with_history(instance, key).reason for key in WATCHED}
    assert all(result.severity == dg.AssetCheckSeverity.WARN for result in results.values())
    found = {dg.AssetKey(name.removesuffix(":drift").split("/")): result for name, result in results.items()}
    assert {key for key, reason in reasons.items() if not reason} == set(found)
    return found, reasons


def check(*history: Reported, key: dg.AssetKey = TEST_HASHES) -> dg.AssetCheckResult:
    """Return the result for one asset, the only one with materializations."""
    results, reasons = check_all({key: history})
    assert set(results) == {key}
    assert {reason for other, reason in reasons.items() if other != key} == {"the asset was never materialized"}
    return results[key]


def records(result: dg.AssetCheckResult, label: str) -> list[Mapping[str, Any]]:
    value = result.metadata[label]
    assert isinstance(value, dg.TableMetadataValue)
    return [record.data for record in value.records]


def of(content: str, distinct: int, **settings: Any) -> Reported:
    return Reported(content, {"distinct_images": distinct}, {**SETTINGS, **settings})


def test_a_change_within_the_limit_passes_and_is_shown() -> None:
    result = check(of("a", 1000), of("b", 990))
    assert result.passed
    assert shown(result) == (0, 0)
    (row,) = records(result, "compared")
    assert row == {
        "quantity": "distinct_images",
        "previous": 1000.0,
        "actual": 990.0,
        "change": -10.0,
        "threshold": 10.0,
        "drifted": False,
    }
    assert records(result, "drifted") == []


def test_a_change_beyond_the_limit_is_a_warning_with_the_numbers() -> None:
    result = check(of("a", 1000), of("b", 989))
    assert not result.passed
    assert shown(result) == (1, 0)
    assert result.metadata["summary"].value == "distinct_images: 1000 to 989 (-11, at most 10)"
    assert isinstance(result.metadata["previous_made"], dg.TimestampMetadataValue)


def test_materializing_the_same_content_again_keeps_the_result() -> None:
    before, after = of("a", 1000), of("b", 500)
    assert not check(before, after).passed
    assert not check(before, after, after, after, after).passed
    assert check(before, of("c", 995), of("c", 995)).passed


def test_content_is_compared_with_the_last_different_content() -> None:
    assert check(of("a", 1000), of("b", 500), of("c", 498)).passed
    assert not check(of("a", 1000), of("b", 500), of("a", 1000)).passed


def test_a_number_that_was_not_recorded_before_is_no_drift() -> None:
    assert check(Reported("a", {"rows": 100}), of("b", 50)).passed


CASES: dict[str, tuple[str, dict[str, float], dict[str, float], str]] = {
    "images": ("letters/small/C", {"images": 1873}, {"images": 1779}, "images"),
    "rejected": ("letters/small/C", {"rejected": 0, "members": 1873}, {"rejected": 10, "members": 1883}, "rejected"),
    "mean of a letter": ("letters/large/I", {"mean": 0.0308}, {"mean": 0.0199}, "mean"),
    "rows": ("splits/train", {"rows": 200_000}, {"rows": 189_990}, "rows"),
    "mean of a split": ("splits/test", {"mean": -0.0806}, {"mean": -0.0755}, "mean"),
    "distinct images": ("hashes/train", {"distinct_images": 187_217}, {"distinct_images": 185_000}, "distinct_images"),
    "overlap, exact": (
        "overlap/report",
        {"valid in train (exact)": 1067},
        {"valid in train (exact)": 1211},
        "valid in train (exact)",
    ),
    "overlap, near": (
        "overlap/report",
        {"test in valid (near)": 0},
        {"test in valid (near)": 10},
        "test in valid (near)",
    ),
    "rows of a letter": ("sanitized/test", {"rows of I": 882}, {"rows of I": 837}, "rows of I"),
    "accuracy": (
        "baselines/metrics",
        {"accuracy (%): raw, test clean": 88.0, "groups of clean": 8639},
        {"accuracy (%): raw, test clean": 87.23, "groups of clean": 8639},
        "accuracy (%): raw, test clean",
    ),
}


@pytest.mark.parametrize(("key", "previous", "actual", "drifted"), CASES.values(), ids=list(CASES))
def test_each_number_drifts_just_beyond_its_limit_and_not_at_half_of_it(
    key: str, previous: dict[str, float], actual: dict[str, float], drifted: str
) -> None:
    asset = dg.AssetKey(key.split("/"))
    result = check(Reported("a", previous), Reported("b", actual), key=asset)
    assert [row["quantity"] for row in records(result, "drifted")] == [drifted]
    halfway = {label: (before + actual[label]) / 2 for label, before in previous.items()}
    assert check(Reported("a", previous), Reported("b", halfway), key=asset).passed


def evaluations(workspace: Workspace) -> dict[str, dg.AssetCheckEvaluation]:
    """Return the last evaluation of every check `drift` that has one."""
    keys = [key for key in workspace.definitions.resolve_asset_graph().asset_check_keys if key.name == "drift"]
    with workspace.instance() as instance:
        found = latest_evaluations(instance, keys)
    return {key.asset_key.to_user_string(): evaluation for key, evaluation in found.items()}


def test_the_numbers_compared_are_recorded_under_their_labels(finished: Workspace) -> None:
    keys = WATCHED
    with finished.instance() as instance:
        events = {key: instance.get_latest_materialization_event(key) for key in keys}
    histories = {}
    for key, event in events.items():
        assert event is not None
        assert event.asset_materialization is not None
        recorded = event.asset_materialization.metadata
        assert isinstance(recorded[MADE_WITH].value, dict)
        drift = DECLARATIONS[key.to_user_string()].drift
        assert drift is not None
        numbers = recorded_numbers(recorded, drift.table)
        histories[key] = [Reported("a", numbers), Reported("b", numbers)]
    expected = {"letters": 3, "splits": 2, "hashes": 1, "overlap": 6, "sanitized": 11, "grouped": 11, "baselines": 6}
    results, _ = check_all(histories)
    assert set(results) == set(keys)
    for key, result in results.items():
        assert result.passed
        assert len(records(result, "compared")) == expected[key.path[0]], key


def test_after_the_first_run_the_checks_are_skipped_and_the_commands_say_why(finished: Workspace) -> None:
    assert len(WATCHED) == 20 + 3 + 3 + 1 + 3 + 3 + 1
    assert evaluations(finished) == {}
    assert "34 checks had nothing to compare with" in " ".join(finished.notmnist("status").out.split())
    shown_asset = " ".join(finished.notmnist("show", "hashes/test").out.split())
    assert "not compared" in shown_asset
    assert "this is the first materialization" in shown_asset


def test_a_letter_that_loses_a_third_of_its_images_drifts_alone(workspace: Workspace) -> None:
    large = tiny_members()["large"]
    for name in list(large["C"])[: LARGE_PER_LETTER // 3]:
        del large["C"][name]
    write_archive(workspace.archives, "large", large)
    assert workspace.run(["archives/large", "letters/large/C", "letters/large/D"]).success
    found = evaluations(workspace)
    assert [key for key, evaluation in found.items() if not evaluation.passed] == ["letters/large/C"]
    warning = found["letters/large/C"]
    assert warning.severity == dg.AssetCheckSeverity.WARN
    assert "images: 30 to 20 (-10, at most 1.5)" in str(warning.metadata["summary"].value)
    assert "letters/large/D" not in found, "its content has not changed"
    result = workspace.run(["letters/large/C"])
    assert {evaluation.asset_key.to_user_string() for evaluation in result.get_asset_check_evaluations()} == {
        "letters/large/C"
    }
    assert not evaluations(workspace)["letters/large/C"].passed, "the same archive again keeps the warning"


def test_unchanged_content_is_not_compared(workspace: Workspace) -> None:
    keys = ["letters/small/C", "hashes/test", "overlap/report"]
    assert workspace.run(keys).success
    assert evaluations(workspace) == {}
    with workspace.instance() as instance:
        reasons = {compare_with_history(instance, dg.AssetKey(key.split("/"))).reason for key in keys}
    assert reasons == {"the content has not changed in the last 2 materializations"}
