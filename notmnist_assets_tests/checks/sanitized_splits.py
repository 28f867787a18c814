"""Splits that pass all checks of sanitized splits, changes of them, and what the checks show."""

from collections.abc import Mapping

import dagster as dg
import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.checks.sanitized import sanitized_checks
from notmnist_assets.curation.core.images import Images
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets_tests.builders import split_of
from notmnist_assets_tests.checks.results import BALANCED, by_name, results_of

RADIUS = 2.0


def noise(seed: int) -> Images:
    return np.random.default_rng(seed).integers(0, 256, (len(BALANCED), 28, 28), np.uint8)


def clean() -> dict[str, Split]:
    return {name: split_of(noise(seed), BALANCED, name=name) for seed, name in enumerate(SPLITS)}


def check_splits(
    splits: Mapping[str, Split],
    raw: Mapping[str, Split] | None = None,
    removed: Mapping[str, int] | None = None,
) -> dict[str, dg.AssetCheckResult]:
    raw = raw or splits
    removed_table = pd.DataFrame(
        [(name, len(BALANCED) - 1 - place) for name, rows in (removed or {}).items() for place in range(rows)],
        columns=["split", "row"],
    )
    radius = pd.DataFrame({"radius": [0.0, RADIUS], "chosen": [False, True]})
    before = {f"raw_{name}": split for name, split in raw.items()}
    context = dg.build_asset_check_context()
    called = sanitized_checks(context, SettingsResource(), **splits, **before, removed=removed_table, radius=radius)
    return by_name(results_of(called))


def with_row(split: Split, row: int, image: npt.NDArray[np.uint8]) -> Split:
    images = split.images.copy()
    images[row] = image
    return Split(images, split.labels, split.sources)


def records(result: dg.AssetCheckResult, table: str = "examples") -> list[Mapping[str, object]]:
    value = result.metadata[table]
    assert isinstance(value, dg.TableMetadataValue)
    return [record.data for record in value.records]


def rows_of(result: dg.AssetCheckResult, table: str = "examples") -> list[object]:
    return [record["row"] for record in records(result, table)]


def emptied(splits: Mapping[str, Split], name: str) -> dict[str, Split]:
    return {**splits, name: splits[name].take(np.empty(0, np.intp))}
