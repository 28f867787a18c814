"""The check of exported files reads them back."""

from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from upath import UPath

from notmnist_assets.checks.exports import export_checks
from notmnist_assets.curation.pickle_export import write_pickle
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.values import Split
from notmnist_assets_tests.builders import random_split
from notmnist_assets_tests.checks.judging import shown


def splits() -> dict[str, Split]:
    return {name: random_split(20, seed) for seed, name in enumerate(SPLITS)}


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    path = tmp_path / "notMNIST.pickle"
    with path.open("wb") as file:
        write_pickle(splits(), file)
    return path


def judge(path: Path, given: dict[str, Split]) -> dg.AssetCheckResult:
    result = export_checks(UPath(path), **given)
    assert isinstance(result, dg.AssetCheckResult)
    return result


def test_a_faithful_file_passes(exported: Path) -> None:
    assert judge(exported, splits()).passed


def test_one_other_pixel_fails(exported: Path) -> None:
    given = splits()
    given["valid"].images[3, 4, 5] ^= 1
    result = judge(exported, given)
    assert not result.passed
    assert shown(result) == (1, 0)
    assert "valid" in str(result.metadata["problems"].value)


def test_rows_in_another_order_fail(exported: Path) -> None:
    given = splits()
    given["test"] = given["test"].take(np.arange(20)[::-1])
    assert not judge(exported, given).passed


def test_a_file_cut_short_fails_and_does_not_raise(exported: Path) -> None:
    exported.write_bytes(exported.read_bytes()[:-1000])
    result = judge(exported, splits())
    assert not result.passed
    assert result.metadata["problems"].value != "none"
