"""The checks of sanitized splits find what sanitizing could have left behind."""

from collections.abc import Mapping

import dagster as dg
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from notmnist_assets.checks.sanitized import sanitized_checks
from notmnist_assets.curation.images import Images
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.values import Split
from notmnist_assets.resources import SettingsResource
from notmnist_assets_tests.builders import split_of
from notmnist_assets_tests.checks.judging import BALANCED, by_name, failed, results_of, shown

RADIUS = 2.0


def noise(seed: int) -> Images:
    return np.random.default_rng(seed).integers(0, 256, (len(BALANCED), 28, 28), np.uint8)


def clean() -> dict[str, Split]:
    return {name: split_of(noise(seed), BALANCED, name=name) for seed, name in enumerate(SPLITS)}


def judge(
    splits: Mapping[str, Split],
    raw: Mapping[str, Split] | None = None,
    removed: Mapping[str, int] | None = None,
) -> dict[str, dg.AssetCheckResult]:
    raw = raw or splits
    last = len(BALANCED) - 1
    gone = pd.DataFrame(
        [(name, last - place) for name, rows in (removed or {}).items() for place in range(rows)],
        columns=["split", "row"],
    )
    radius = pd.DataFrame({"radius": [0.0, RADIUS], "chosen": [False, True]})
    called = sanitized_checks(
        dg.build_asset_check_context(),
        SettingsResource(),
        **splits,
        **{f"raw_{name}": split for name, split in raw.items()},
        removed=gone,
        radius=radius,
    )
    return by_name(results_of(called))


def with_row(split: Split, row: int, image: npt.NDArray[np.uint8]) -> Split:
    images = split.images.copy()
    images[row] = image
    return Split(images, split.labels, split.sources)


def test_clean_splits_pass() -> None:
    results = judge(clean())
    assert len(results) == 10
    assert failed(results.values()) == set()


@pytest.mark.parametrize(("split", "other"), [("valid", "train"), ("test", "train"), ("test", "valid")])
def test_a_shared_image_fails_and_is_named(split: str, other: str) -> None:
    splits = clean()
    splits[split] = with_row(splits[split], 5, splits[other].images[9])
    results = judge(splits)
    assert failed(results.values()) == {f"sanitized/{split}:no_shared_images", f"sanitized/{split}:no_near_duplicates"}
    result = results[f"sanitized/{split}:no_shared_images"]
    assert result.severity == dg.AssetCheckSeverity.ERROR
    assert shown(result) == (1, 0)
    examples = result.metadata["examples"]
    assert isinstance(examples, dg.TableMetadataValue)
    assert dict(examples.records[0].data) == {"found_in": other, "row": 5, "other_row": 9, "distance": 0.0}


@pytest.mark.parametrize(("levels", "passes"), [(510, False), (511, True)], ids=["at the radius", "just beyond"])
def test_a_near_duplicate_fails_up_to_the_radius(levels: int, passes: bool) -> None:
    splits = clean()
    flat = np.zeros((28, 28), np.uint8)
    moved = flat.copy()
    moved[3, :3] = (255, 255, levels - 510) if levels > 510 else (255, levels - 255, 0)
    splits["train"] = with_row(splits["train"], 1, flat)
    splits["valid"] = with_row(splits["valid"], 2, moved)
    result = judge(splits)["sanitized/valid:no_near_duplicates"]
    assert result.passed == passes
    assert result.metadata["radius"].value == RADIUS


def test_near_duplicates_only_warn_when_another_method_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_SANITIZE_METHOD", "exact")
    splits = clean()
    near = splits["train"].images[0].copy()
    near[0, 0] ^= 1
    splits["test"] = with_row(splits["test"], 0, near)
    result = judge(splits)["sanitized/test:no_near_duplicates"]
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN


def test_a_row_that_left_without_a_reason_fails() -> None:
    raw = clean()
    splits = {**raw, "test": raw["test"].take(np.arange(97))}
    result = judge(splits, raw, {"test": 2})["sanitized/test:all_rows_accounted_for"]
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.ERROR
    assert shown(result) == (99, 100)
    unaccounted = result.metadata["unaccounted"]
    assert isinstance(unaccounted, dg.TableMetadataValue)
    assert [record.data["row"] for record in unaccounted.records] == [97]
    assert unaccounted.records[0].data["name"] == raw["test"].sources["name"].iloc[97]
    assert judge(splits, raw, {"test": 3})["sanitized/test:all_rows_accounted_for"].passed


def test_a_letter_thinned_by_more_than_half_is_a_warning() -> None:
    raw = clean()
    kept = np.array([row for row in range(100) if row % 10 != 8 or row < 40])
    result = judge({**raw, "train": raw["train"].take(kept)}, raw)["sanitized/train:class_balance"]
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert shown(result) == (2.5, 2.0)
