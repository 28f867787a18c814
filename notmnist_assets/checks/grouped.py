"""Checks of `grouped/*`: no group was torn apart, proven by another code path than the one that made groups.

Belongs here: what must hold of a split by groups.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import pandas as pd

from notmnist_assets.assets.grouped import GROUPED
from notmnist_assets.assets.overlap import RADIUS
from notmnist_assets.checks.disjoint import DISJOINT_CHECKS, prove_disjoint
from notmnist_assets.checks.results import judged, only_selected
from notmnist_assets.curation.near_table import chosen_radius
from notmnist_assets.curation.splits import EVALUATION, SPLITS
from notmnist_assets.curation.values import Split
from notmnist_assets.metadata import table
from notmnist_assets.resources import SettingsResource
from notmnist_assets.settings import PREFIX

_KEYS = {name: declaration.asset_key for name, declaration in GROUPED.items()}
_FONTS = "no_shared_fonts"
_DESCRIPTIONS = {
    **DISJOINT_CHECKS,
    _FONTS: f"No row is of a font that the splits before it have, where {PREFIX}GROUPED_FONTS asks for that.",
}
_EXAMPLES = 20


@dg.multi_asset_check(
    name="grouped_checks",
    specs=[
        dg.AssetCheckSpec(
            name,
            asset=_KEYS[split],
            blocking=True,
            additional_deps=[_KEYS["train"], RADIUS.asset_key],
            description=description,
        )
        for split in EVALUATION
        for name, description in _DESCRIPTIONS.items()
    ],
    ins={**{name: declaration.check_input for name, declaration in GROUPED.items()}, "radius": RADIUS.check_input},
    can_subset=True,
)
def grouped_checks(
    context: dg.AssetCheckExecutionContext,
    settings: SettingsResource,
    train: Split,
    valid: Split,
    test: Split,
    radius: pd.DataFrame,
) -> Iterator[dg.AssetCheckResult]:
    """Look for torn groups."""
    splits = {"train": train, "valid": valid, "test": test}
    chosen = settings.read()
    selected = {key.name for key in context.selected_asset_check_keys}
    if selected & set(DISJOINT_CHECKS):
        proof = prove_disjoint(_KEYS, splits, chosen_radius(radius), shifts=chosen.near_shifts, near_must_hold=True)
        yield from only_selected(context, proof)
    yield from only_selected(context, _judge_fonts(splits, asked_for=chosen.grouped_fonts))


def _judge_fonts(splits: Mapping[str, Split], *, asked_for: bool) -> Iterator[dg.AssetCheckResult]:
    before: set[str] = set()
    for name in SPLITS:
        sources = splits[name].sources
        fonts = set(sources["font"].unique())
        shared = fonts & before
        if name in EVALUATION:
            yield judged(
                _KEYS[name],
                _FONTS,
                passed=not shared or not asked_for,
                actual=len(shared),
                threshold=0 if asked_for else f"not asked for: {PREFIX}GROUPED_FONTS=false",
                examples=table(
                    sources[sources["font"].isin(shared)].astype("str").head(_EXAMPLES).reset_index(names="row")
                ),
            )
        before |= fonts


CHECKS: Sequence[dg.AssetChecksDefinition] = [grouped_checks]
