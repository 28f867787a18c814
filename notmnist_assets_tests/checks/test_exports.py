"""The checks of exports read the stored files and find differences from the splits."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from upath import UPath

from notmnist_assets.checks import exports
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.exports import idx, npz, parquet, pickle_file
from notmnist_assets_tests.checks.results import shown
from notmnist_assets_tests.exported import contents_of, three_splits

CHECKS = {check.node_def.name.removesuffix("_export_check"): check for check in exports.CHECKS}


def export_to(folder: Path, name: str) -> Path:
    """Write an export and return the path for its check."""
    splits = three_splits(20, 20, 20)
    if name in ("pickle", "npz"):
        write = {"pickle": pickle_file.write_pickle, "npz": npz.write_npz}[name]
        with (folder / name).open("wb") as file:
            write(splits, file)
        return folder / name
    write_files = {"idx": idx.write_files, "parquet": parquet.write_files}[name]
    for file_name, content in contents_of(write_files(splits)).items():
        (folder / file_name).write_bytes(content)
    return folder


@pytest.fixture(params=list(CHECKS))
def run_check(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[dict[str, Split]], dg.AssetCheckResult]:
    path = UPath(export_to(tmp_path, request.param))

    def run_check(given: dict[str, Split]) -> dg.AssetCheckResult:
        result = CHECKS[request.param](path, **given)
        assert isinstance(result, dg.AssetCheckResult)
        return result

    return run_check


def problems_of(result: dg.AssetCheckResult) -> list[str]:
    problems = result.metadata["problems"]
    assert isinstance(problems, dg.TableMetadataValue)
    return [str(record.data["problem"]) for record in problems.records]


RunCheck = Callable[[dict[str, Split]], dg.AssetCheckResult]


def test_every_export_has_a_check() -> None:
    assert set(CHECKS) == {"pickle", "npz", "idx", "parquet"}


def test_exports_as_they_were_written_pass(run_check: RunCheck) -> None:
    assert run_check(three_splits(20, 20, 20)).passed


def test_one_changed_pixel_fails(run_check: RunCheck) -> None:
    given = three_splits(20, 20, 20)
    given["valid"].images[3, 4, 5] ^= 1
    result = run_check(given)
    assert not result.passed
    assert shown(result) == (1, 0)
    (problem,) = problems_of(result)
    assert "valid" in problem


def test_rows_in_a_different_order_fail(run_check: RunCheck) -> None:
    given = three_splits(20, 20, 20)
    given["test"] = given["test"].take(np.arange(20)[::-1])
    assert not run_check(given).passed


def test_a_truncated_file_fails_and_does_not_raise(run_check: RunCheck, tmp_path: Path) -> None:
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-40])
    result = run_check(three_splits(20, 20, 20))
    assert not result.passed
    assert problems_of(result)
