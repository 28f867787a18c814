"""Builds the results of checks: the actual value beside its threshold, and further details."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import dagster as dg

from notmnist_assets.metadata.display import plain, short
from notmnist_assets.staleness.outcomes import NOT_COMPARED

_GALLERY: Final = dg.AssetKey(["report", "gallery"])
"""The page to browse rows, which a failed check with examples links."""


def only_selected(
    context: dg.AssetCheckExecutionContext, results: Iterable[dg.AssetCheckResult]
) -> Iterator[dg.AssetCheckResult]:
    """Yield the results of the checks that this run selects; Dagster raises an error for any other result."""
    for result in results:
        selected = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
        if (result.asset_key, result.check_name) in selected:
            yield result


def check_result(
    key: dg.AssetKey,
    name: str,
    *,
    passed: bool,
    actual: Any,
    threshold: Any,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    gallery: str = "",
    **details: Any,
) -> dg.AssetCheckResult:
    """Return a result whose metadata shows the actual value and its threshold, fractions with three significant digits.

    Args:
        key: the asset.
        name: the check.
        passed: whether the check passed.
        actual: the value that was compared.
        threshold: the value that it was compared with; a text if the comparison is not plain equality.
        severity: severity if the check failed.
        gallery: address within the gallery of the rows to look at if the check failed, such as `removed&split=test`.
        details: further metadata by label.
    """
    metadata = {"actual": short(plain(actual)), "threshold": short(plain(threshold))}
    metadata |= {label: short(plain(value)) for label, value in details.items()}
    if not passed and (gallery or "examples" in details):
        metadata["look_at_rows"] = dg.MetadataValue.asset(_GALLERY)
    if not passed and gallery:
        metadata["rows_in_gallery"] = f"gallery.html#{gallery} (notmnist gallery opens it)"
    return dg.AssetCheckResult(
        passed=bool(passed), asset_key=key, check_name=name, severity=severity, metadata=metadata
    )


def not_compared(
    key: dg.AssetKey,
    name: str,
    reason: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    **details: Any,
) -> dg.AssetCheckResult:
    """Return the result of a check that has nothing to compare with: it passes, and `actual` shows the reason."""
    actual = f"{NOT_COMPARED}: {reason}"
    return check_result(key, name, passed=True, actual=actual, threshold="none", severity=severity, **details)
