"""Checks of `grouped/*`: no group was torn apart, proven by another code path than the one that made groups.

Belongs here: what must hold of a split by groups.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import pandas as pd

from notmnist_assets.assets.inputs import for_check, split_inputs, table_input
from notmnist_assets.checks.disjoint import DISJOINT_CHECKS, EVALUATION, prove_disjoint
from notmnist_assets.checks.results import only_selected
from notmnist_assets.curation.near_table import chosen_radius
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.values import Split
from notmnist_assets.types import RadiusCurveType

_KEYS = {name: dg.AssetKey(["grouped", name]) for name in SPLITS}
_RADIUS = dg.AssetKey(["overlap", "radius"])


@dg.multi_asset_check(
    name="grouped_checks",
    specs=[
        dg.AssetCheckSpec(
            name,
            asset=_KEYS[split],
            blocking=True,
            additional_deps=[_KEYS["train"], _RADIUS],
            description=description,
        )
        for split in EVALUATION
        for name, description in DISJOINT_CHECKS.items()
    ],
    ins=for_check({**split_inputs("grouped"), "radius": table_input("overlap", "radius", RadiusCurveType)}),
    can_subset=True,
)
def grouped_checks(
    context: dg.AssetCheckExecutionContext, train: Split, valid: Split, test: Split, radius: pd.DataFrame
) -> Iterator[dg.AssetCheckResult]:
    """Look for torn groups."""
    splits = {"train": train, "valid": valid, "test": test}
    yield from only_selected(context, prove_disjoint(_KEYS, splits, chosen_radius(radius), near_must_hold=True))


CHECKS: Sequence[dg.AssetChecksDefinition] = [grouped_checks]
