"""The checks of label issues, on the values of a run and on changed tables."""

from typing import Any

import dagster as dg
import pandas as pd
import pytest

from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.checks.labels import label_checks
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets_tests.checks.results import by_name, failed, results_of, shown
from notmnist_assets_tests.workspace import Workspace

INPUTS = ("splits/train", "splits/valid", "splits/test", "labels/issues", "overlap/near_pairs", "overlap/radius")


@pytest.fixture
def stored(finished: Workspace) -> dict[str, Any]:
    return {key.split("/")[-1]: value for key, value in finished.load_all(INPUTS).items()}


def check(finished: Workspace, stored: dict[str, Any], **changes: Any) -> list[dg.AssetCheckResult]:
    with finished.instance() as instance:
        context = dg.build_asset_check_context(instance=instance)
        values = ValueLoader(settings=SettingsResource())
        return results_of(label_checks(context, values=values, **{**stored, **changes}))


def test_the_table_of_a_run_is_complete_and_judged_by_other_rows(finished: Workspace, stored: dict[str, Any]) -> None:
    results = by_name(check(finished, stored))
    assert len(results) == 3
    assert results["labels/issues:every_image_once"].passed
    assert results["labels/issues:judged_by_other_rows"].passed
    assert "large: " in str(shown(results["labels/issues:few_wrong_labels"])[0])


def test_a_lost_row_and_a_row_without_images_fail(finished: Workspace, stored: dict[str, Any]) -> None:
    issues: pd.DataFrame = stored["issues"]
    assert "labels/issues:every_image_once" in failed(check(finished, stored, issues=issues.iloc[1:]))
    renamed = issues.assign(name=issues["name"].where(issues["rank"] > 1, "other.png"))
    assert "labels/issues:every_image_once" in failed(check(finished, stored, issues=renamed))


def test_a_row_that_was_fitted_on_and_judged_with_its_twin_fails(finished: Workspace, stored: dict[str, Any]) -> None:
    issues: pd.DataFrame = stored["issues"]
    twins = issues["font"].duplicated(keep=False)
    moved = issues.assign(fold=issues["fold"].where(~twins, issues["rank"] % 2), fitted=True)
    result = by_name(check(finished, stored, issues=moved))["labels/issues:judged_by_other_rows"]
    assert not result.passed
    assert int(str(result.metadata["fonts"].value)) > 0
    assert int(str(result.metadata["images"].value)) > 0


def test_without_fits_the_check_warns_that_nothing_was_judged(finished: Workspace, stored: dict[str, Any]) -> None:
    result = by_name(check(finished, stored, issues=stored["issues"].assign(fitted=False)))[
        "labels/issues:judged_by_other_rows"
    ]
    assert not result.passed
    assert result.severity is dg.AssetCheckSeverity.WARN
