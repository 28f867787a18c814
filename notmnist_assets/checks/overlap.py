"""Checks of `overlap/report`: images that merged splits share.

Belongs here: warnings of leaks. That merged splits leak is a fact of the data, not an error; `checks.sanitized` is
strict.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import pandas as pd

from notmnist_assets.assets.inputs import for_check, table_input
from notmnist_assets.checks.results import judged, only_selected
from notmnist_assets.curation.relation import METHODS
from notmnist_assets.curation.splits import EARLIER
from notmnist_assets.metadata import table
from notmnist_assets.types import OverlapReportType

_REPORT = dg.AssetKey(["overlap", "report"])


@dg.multi_asset_check(
    name="overlap_checks",
    specs=[
        dg.AssetCheckSpec(
            f"no_leakage_{method}",
            asset=_REPORT,
            description=f"No valid row is in train and no test row in train or valid ({method}). A warning: the"
            " merged splits are what the assignment uses; the sanitized ones are free of it.",
        )
        for method in METHODS
    ],
    ins=for_check({"report": table_input("overlap", "report", OverlapReportType)}),
    can_subset=True,
)
def overlap_checks(context: dg.AssetCheckExecutionContext, report: pd.DataFrame) -> Iterator[dg.AssetCheckResult]:
    """Warn of evaluation rows that training rows give away."""
    yield from only_selected(context, _judge_leaks(report))


def _judge_leaks(report: pd.DataFrame) -> Iterator[dg.AssetCheckResult]:
    pairs = zip(report["rows_of"], report["found_in"], strict=True)
    leaks = pd.Series([found_in in EARLIER.get(rows_of, ()) for rows_of, found_in in pairs], report.index, "bool")
    for method in METHODS:
        part = report[(report["method"] == method) & leaks]
        rows = int(part["rows"].sum())
        yield judged(
            _REPORT,
            f"no_leakage_{method}",
            passed=rows == 0,
            actual=rows,
            threshold=0,
            severity=dg.AssetCheckSeverity.WARN,
            rows=table(part),
        )


CHECKS: Sequence[dg.AssetChecksDefinition] = [overlap_checks]
