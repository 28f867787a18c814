"""How every check reports: the actual value beside its threshold.

Belongs here: the shape of a result. What is compared with what is in the checks.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from notmnist_assets.metadata.display import plain, short
from notmnist_assets.staleness.outcomes import NOT_COMPARED


def only_selected(
    context: dg.AssetCheckExecutionContext, results: Iterable[dg.AssetCheckResult]
) -> Iterator[dg.AssetCheckResult]:
    """Drop results that this run did not ask for; Dagster refuses them."""
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
    **evidence: Any,
) -> dg.AssetCheckResult:
    """Return a result whose metadata shows `actual`, `threshold` and further evidence.

    Of fractions, both show four digits. A threshold that is not simply met by an equal number says in words how it is
    compared.
    """
    metadata = {"actual": short(plain(actual)), "threshold": short(plain(threshold))}
    metadata |= {label: plain(value) for label, value in evidence.items()}
    return dg.AssetCheckResult(
        passed=bool(passed), asset_key=key, check_name=name, severity=severity, metadata=metadata
    )


def not_compared(
    key: dg.AssetKey,
    name: str,
    reason: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    **evidence: Any,
) -> dg.AssetCheckResult:
    """Return the result of a check that had nothing to compare with, for a reason in words: it holds nothing back."""
    actual = f"{NOT_COMPARED}: {reason}"
    return check_result(key, name, passed=True, actual=actual, threshold="none", severity=severity, **evidence)
