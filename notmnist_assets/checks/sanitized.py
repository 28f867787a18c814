"""Checks of `sanitized/*`: proven on the stored files, by another code path than the one that removed rows.

Belongs here: what must hold before anyone trusts a sanitized split.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.assets.inputs import for_check, split_inputs, table_input
from notmnist_assets.checks.disjoint import DISJOINT_CHECKS, EVALUATION, prove_disjoint
from notmnist_assets.checks.results import judged, only_selected
from notmnist_assets.curation.near_table import chosen_radius
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.statistics import label_counts
from notmnist_assets.curation.values import Split
from notmnist_assets.metadata import counts_table, table
from notmnist_assets.resources import SettingsResource
from notmnist_assets.types import RadiusCurveType, RemovedRowsType

_LARGEST_RATIO = 2.0
_EXAMPLES = 20
_FILE = ["set", "letter", "name"]
_KEYS = {name: dg.AssetKey(["sanitized", name]) for name in SPLITS}
_RAW_KEYS = [dg.AssetKey(["splits", name]) for name in SPLITS]
_REMOVED = dg.AssetKey(["sanitized", "removed"])
_RADIUS = dg.AssetKey(["overlap", "radius"])


@dg.multi_asset_check(
    name="sanitized_checks",
    specs=[
        *(
            dg.AssetCheckSpec(
                name,
                asset=_KEYS[split],
                blocking=True,
                additional_deps=[_RADIUS],
                description=description,
            )
            for split in EVALUATION
            for name, description in DISJOINT_CHECKS.items()
        ),
        *(
            dg.AssetCheckSpec(
                "class_balance",
                asset=key,
                description="The most frequent letter has at most twice the rows of the rarest: removing duplicates"
                " thins the letter I more than the others.",
            )
            for key in _KEYS.values()
        ),
        *(
            dg.AssetCheckSpec(
                "all_rows_accounted_for",
                asset=key,
                blocking=True,
                additional_deps=[_REMOVED, *_RAW_KEYS],
                description="Rows of the merged split = rows here + rows in sanitized/removed.",
            )
            for key in _KEYS.values()
        ),
    ],
    ins=for_check(
        {
            **split_inputs("sanitized"),
            **split_inputs("splits", "raw_"),
            "removed": table_input("sanitized", "removed", RemovedRowsType),
            "radius": table_input("overlap", "radius", RadiusCurveType),
        }
    ),
    can_subset=True,
)
def sanitized_checks(
    context: dg.AssetCheckExecutionContext,
    settings: SettingsResource,
    train: Split,
    valid: Split,
    test: Split,
    raw_train: Split,
    raw_valid: Split,
    raw_test: Split,
    removed: pd.DataFrame,
    radius: pd.DataFrame,
) -> Iterator[dg.AssetCheckResult]:
    """Look again, differently."""
    splits = {"train": train, "valid": valid, "test": test}
    raw = {"train": raw_train, "valid": raw_valid, "test": raw_test}
    method = settings.read().sanitize_method
    yield from only_selected(
        context, prove_disjoint(_KEYS, splits, chosen_radius(radius), near_must_hold=method == "near")
    )
    yield from only_selected(context, _count_rows(splits, raw, removed))


def _count_rows(
    splits: Mapping[str, Split], raw: Mapping[str, Split], removed: pd.DataFrame
) -> Iterator[dg.AssetCheckResult]:
    for name, split in splits.items():
        counts = label_counts(split.labels)
        ratio = float(counts.max() / counts.min()) if counts.min() else float("inf")
        yield judged(
            _KEYS[name],
            "class_balance",
            passed=ratio <= _LARGEST_RATIO,
            actual=ratio,
            threshold=_LARGEST_RATIO,
            severity=dg.AssetCheckSeverity.WARN,
            rows_per_letter=counts_table(counts.tolist(), "rows"),
        )
        gone = removed.loc[removed["split"] == name, "row"].to_numpy()
        complete = len(split) + len(gone) == len(raw[name])
        yield judged(
            _KEYS[name],
            "all_rows_accounted_for",
            passed=complete,
            actual=len(split) + len(gone),
            threshold=len(raw[name]),
            unaccounted="none" if complete else table(_unaccounted(split, raw[name], gone)),
        )


def _unaccounted(split: Split, raw: Split, gone: npt.NDArray[np.integer]) -> pd.DataFrame:
    """Return the first rows of the merged split that are neither in the sanitized one nor among the removed."""
    left = raw.sources[_FILE].astype("str").drop(index=gone.tolist(), errors="ignore")
    here = pd.MultiIndex.from_frame(split.sources[_FILE].astype("str"))
    missing = np.flatnonzero(~pd.MultiIndex.from_frame(left).isin(here))
    examples: pd.DataFrame = left.iloc[missing[:_EXAMPLES]].reset_index(names="row")
    return examples


CHECKS: Sequence[dg.AssetChecksDefinition] = [sanitized_checks]
