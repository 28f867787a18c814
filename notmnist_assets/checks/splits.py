"""Checks of `splits/*` and of the overlap report: balanced, shuffled, disjoint in files; shared images reported.

Belongs here: what must hold of the merged splits. That their images overlap is a fact of the data and a warning,
not an error; `checks.sanitized` is strict.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import pandas as pd

from notmnist_assets.assets.inputs import for_check, split_inputs, table_input
from notmnist_assets.checks.results import judged, only_selected
from notmnist_assets.curation.relation import METHODS
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.statistics import label_counts, shuffle_score
from notmnist_assets.curation.values import Split
from notmnist_assets.metadata import counts_table, table
from notmnist_assets.types import OverlapReportType

_LARGEST_SHUFFLE_SCORE = 5.0
_KEYS = {name: dg.AssetKey(["splits", name]) for name in SPLITS}
_REPORT = dg.AssetKey(["overlap", "report"])


@dg.multi_asset_check(
    name="split_checks",
    specs=[
        *(
            dg.AssetCheckSpec(
                "class_balance",
                asset=key,
                description="Every letter has the same number of rows: the largest count over the smallest is 1.",
            )
            for key in _KEYS.values()
        ),
        *(
            dg.AssetCheckSpec(
                "labels_shuffled",
                asset=key,
                description="Neighbouring rows have equal labels as often as in a random order; in standard errors.",
            )
            for key in _KEYS.values()
        ),
        *(
            dg.AssetCheckSpec(
                "disjoint_sources",
                asset=key,
                blocking=True,
                description="No file (set, letter, name) of this split is in another split, nor twice in this one.",
            )
            for key in _KEYS.values()
        ),
    ],
    ins=for_check(split_inputs("splits")),
    can_subset=True,
)
def split_checks(
    context: dg.AssetCheckExecutionContext, train: Split, valid: Split, test: Split
) -> Iterator[dg.AssetCheckResult]:
    """Check the merged splits."""
    yield from only_selected(context, _judge_splits({"train": train, "valid": valid, "test": test}))


def _judge_splits(splits: Mapping[str, Split]) -> Iterator[dg.AssetCheckResult]:
    seen = pd.concat([split.sources[["set", "letter", "name"]].astype("str") for split in splits.values()])
    repeated = seen.duplicated(keep=False).to_numpy()
    start = 0
    for name, split in splits.items():
        counts = label_counts(split.labels)
        ratio = float(counts.max() / counts.min()) if counts.min() else float("inf")
        yield judged(
            _KEYS[name],
            "class_balance",
            passed=ratio == 1.0,
            actual=ratio,
            threshold=1.0,
            rows_per_letter=counts_table(counts.tolist(), "rows"),
        )
        score = shuffle_score(split.labels)
        yield judged(
            _KEYS[name],
            "labels_shuffled",
            passed=abs(score) <= _LARGEST_SHUFFLE_SCORE,
            actual=score,
            threshold=_LARGEST_SHUFFLE_SCORE,
        )
        shared = repeated[start : start + len(split)]
        yield judged(
            _KEYS[name],
            "disjoint_sources",
            passed=not shared.any(),
            actual=int(shared.sum()),
            threshold=0,
            examples=table(seen.iloc[start : start + len(split)][shared].head(20)),
        )
        start += len(split)


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
    leaks = {("valid", "train"), ("test", "train"), ("test", "valid")}
    directions = pd.Series(list(zip(report["rows_of"], report["found_in"], strict=True)), index=report.index)
    for method in METHODS:
        part = report[(report["method"] == method) & directions.isin(leaks)]
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


CHECKS: Sequence[dg.AssetChecksDefinition] = [split_checks, overlap_checks]
