"""Reads the results of checks that tests call directly."""

from collections.abc import Iterable
from typing import cast

import dagster as dg

BALANCED = [row % 10 for row in range(100)]
"""Labels of a split in which every letter has ten rows."""


def results_of(called: object) -> list[dg.AssetCheckResult]:
    """Return the results of a check that was called directly; Dagster types the return value as `object`."""
    return list(cast("Iterable[dg.AssetCheckResult]", called))


def by_name(results: Iterable[dg.AssetCheckResult]) -> dict[str, dg.AssetCheckResult]:
    """Return results by `asset:check`."""
    named = {}
    for result in results:
        assert result.asset_key is not None
        assert {"actual", "threshold"} <= set(result.metadata)
        named[f"{result.asset_key.to_user_string()}:{result.check_name}"] = result
    return named


def failed(results: Iterable[dg.AssetCheckResult]) -> set[str]:
    """Return the names of the results that did not pass."""
    return {name for name, result in by_name(results).items() if not result.passed}


def shown(result: dg.AssetCheckResult) -> tuple[object, object]:
    """Return the actual value and the threshold in the metadata of a result."""
    return result.metadata["actual"].value, result.metadata["threshold"].value
