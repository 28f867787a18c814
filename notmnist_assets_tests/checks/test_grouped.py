"""The checks of grouped splits find torn groups."""

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.checks.grouped import grouped_checks
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.values import Split
from notmnist_assets_tests.builders import split_of
from notmnist_assets_tests.checks.judging import BALANCED, by_name, failed, results_of

RADIUS = 2.0


def clean() -> dict[str, Split]:
    return {
        name: split_of(
            np.random.default_rng(seed).integers(0, 256, (len(BALANCED), 28, 28), np.uint8), BALANCED, name=name
        )
        for seed, name in enumerate(SPLITS)
    }


def judge(splits: dict[str, Split]) -> list[dg.AssetCheckResult]:
    radius = pd.DataFrame({"radius": [0.0, RADIUS], "chosen": [False, True]})
    return results_of(grouped_checks(dg.build_asset_check_context(), **splits, radius=radius))


def with_row(split: Split, image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Split:
    images = np.array(split.images)
    images[7] = image
    return Split(images, split.labels, split.sources)


def test_splits_that_share_nothing_pass() -> None:
    results = by_name(judge(clean()))
    assert len(results) == 4
    assert all(result.passed for result in results.values())


def test_an_image_in_two_splits_fails() -> None:
    splits = clean()
    splits["test"] = with_row(splits["test"], splits["valid"].images[3])
    assert failed(judge(splits)) == {"grouped/test:no_shared_images", "grouped/test:no_near_duplicates"}


def test_a_near_image_in_two_splits_fails_as_an_error() -> None:
    splits = clean()
    near = np.array(splits["train"].images[3])
    near[0, 0] ^= 0x40
    splits["valid"] = with_row(splits["valid"], near)
    results = judge(splits)
    assert failed(results) == {"grouped/valid:no_near_duplicates"}
    assert by_name(results)["grouped/valid:no_near_duplicates"].severity == dg.AssetCheckSeverity.ERROR
