"""The checks of learning curves, of the assignment's models, and of the positive control of leakage."""

from typing import cast

import dagster as dg
import pandas as pd
import pytest

from notmnist_assets.checks.baselines import (
    agrees_with_metrics,
    baseline_checks,
    control_remembers,
    reference_above_chance,
)
from notmnist_assets.curation.baselines.leakage import CHANGE, LEAKAGE_COLUMNS, TWINS
from notmnist_assets.curation.baselines.nearest import NEAREST_NEIGHBOUR
from notmnist_assets_tests.checks.results import by_name, failed, results_of, shown


def curve(*accuracies: float, eval_rows: str = "raw", margin: float = 0.02) -> pd.DataFrame:
    sizes = [50, 100, 1000, 5000][: len(accuracies)]
    return pd.DataFrame(
        {
            "model": "logistic",
            "train_on": "raw",
            "train_rows": [str(size) for size in sizes],
            "fitted_rows": sizes,
            "eval_on": "test",
            "eval_rows": eval_rows,
            "accuracy": accuracies,
            "ci_low": [accuracy - margin for accuracy in accuracies],
            "ci_high": [accuracy + margin for accuracy in accuracies],
        }
    )


def check(metrics: pd.DataFrame) -> list[dg.AssetCheckResult]:
    return results_of(baseline_checks(dg.build_asset_check_context(), metrics))


def test_a_rising_curve_passes() -> None:
    assert failed(check(curve(0.5, 0.7, 0.83, 0.85))) == set()


def test_an_accuracy_at_chance_fails() -> None:
    result = by_name(check(curve(0.11, 0.7)))["baselines/metrics:above_chance"]
    assert not result.passed
    assert shown(result) == ("9 %", "more than 10 %")


def test_a_fall_beyond_the_intervals_fails_in_any_order_of_rows() -> None:
    result = by_name(check(curve(0.5, 0.85, 0.7)[::-1]))["baselines/metrics:rises_with_rows"]
    assert not result.passed
    assert shown(result) == (1, 0)


def test_a_fall_within_the_intervals_passes() -> None:
    assert failed(check(curve(0.5, 0.85, 0.83))) == set()


def test_each_curve_is_checked_alone_and_duplicates_are_ignored() -> None:
    clean = curve(0.3, 0.4, eval_rows="clean")
    duplicates = curve(0.9, 0.05, eval_rows="removed")
    assert failed(check(pd.concat([curve(0.5, 0.6), clean, duplicates]))) == set()


def test_an_empty_table_fails() -> None:
    assert failed(check(curve())) == {"baselines/metrics:above_chance", "baselines/metrics:rises_with_rows"}


def test_a_model_of_the_assignment_at_chance_fails() -> None:
    scored = curve(0.5, 0.11)
    assert failed([cast("dg.AssetCheckResult", reference_above_chance(scored))]) == {"baselines/reference:above_chance"}
    others = scored.assign(eval_rows="shared")
    better = pd.concat([curve(0.5), others])
    assert failed([cast("dg.AssetCheckResult", reference_above_chance(better))]) == set()


def control(low: float) -> pd.DataFrame:
    row = (NEAREST_NEIGHBOUR, TWINS, CHANGE, 40, 30, 0.1, low, 0.2, 5, 0, 0.06)
    return pd.DataFrame([row], columns=list(LEAKAGE_COLUMNS))


@pytest.mark.parametrize(
    ("table", "passed"),
    [(control(0.02), True), (control(0.0), False), (pd.DataFrame(columns=list(LEAKAGE_COLUMNS)), False)],
)
def test_the_positive_control_must_remember(table: pd.DataFrame, passed: bool) -> None:
    result = cast("dg.AssetCheckResult", control_remembers(table))
    assert result.passed == passed
    assert result.severity == dg.AssetCheckSeverity.WARN


@pytest.mark.parametrize(("listed", "passed"), [(["valid", "test", "test"], True), (["test", "test"], False)])
def test_mistakes_are_as_many_as_the_accuracies_say(listed: list[str], passed: bool) -> None:
    rows = [("m", "sanitized", "all", "valid", "raw", 10, 0.9), ("m", "sanitized", "all", "test", "raw", 7, 5 / 7)]
    columns = ["model", "train_on", "train_rows", "eval_on", "eval_rows", "rows", "accuracy"]
    result = agrees_with_metrics(pd.DataFrame({"split": listed}), pd.DataFrame(rows, columns=columns))
    assert cast("dg.AssetCheckResult", result).passed == passed
    assert cast("dg.AssetCheckResult", result).metadata["threshold"].value == "valid 1, test 2"
