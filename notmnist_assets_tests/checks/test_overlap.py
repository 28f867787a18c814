"""The checks of the overlap report: shared images of merged splits are a warning."""

import dagster as dg
import pandas as pd
import pytest

from notmnist_assets.checks.overlap import overlap_checks
from notmnist_assets.curation.relation import METHODS
from notmnist_assets_tests.checks.judging import by_name, failed, results_of, shown


def report(rows_of: str, found_in: str, rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": list(METHODS),
            "rows_of": rows_of,
            "found_in": found_in,
            "rows": [0, rows, 0],
            "distinct": [0, rows, 0],
            "share": [0.0, rows / 100, 0.0],
        }
    )


def judge_overlap(table: pd.DataFrame) -> list[dg.AssetCheckResult]:
    return results_of(overlap_checks(dg.build_asset_check_context(), table))


@pytest.mark.parametrize(("rows_of", "found_in"), [("valid", "train"), ("test", "train"), ("test", "valid")])
def test_shared_images_of_merged_splits_are_a_warning_for_their_method(rows_of: str, found_in: str) -> None:
    results = by_name(judge_overlap(report(rows_of, found_in, 3)))
    assert failed(results.values()) == {"overlap/report:no_leakage_cells"}
    result = results["overlap/report:no_leakage_cells"]
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert shown(result) == (3, 0)


@pytest.mark.parametrize(("rows_of", "found_in"), [("train", "test"), ("train", "train"), ("valid", "valid")])
def test_repeats_and_training_rows_are_no_leakage(rows_of: str, found_in: str) -> None:
    assert failed(judge_overlap(report(rows_of, found_in, 3))) == set()
