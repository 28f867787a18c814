"""Checks of `grouped/*`: no group was torn apart, proven by another code path than the one that made groups.

Belongs here: what must hold of a split by groups.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import pandas as pd

from notmnist_assets.assets.grouped import GROUPED
from notmnist_assets.assets.near_pairs import RADIUS
from notmnist_assets.checks.disjoint import DISJOINT_CHECKS, prove_disjoint
from notmnist_assets.checks.results import check_result, only_selected
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.splitting.splits import EVALUATION, SPLITS
from notmnist_assets.metadata.display import table
from notmnist_assets.settings.model import PREFIX, Settings
from notmnist_assets.settings.resource import SettingsResource

_KEYS = {name: declaration.asset_key for name, declaration in GROUPED.items()}
_FONTS = "no_shared_fonts"
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
        for name, description in DISJOINT_CHECKS.items()
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
    shifts = settings.read().near_shifts
    proof = prove_disjoint(_KEYS, splits, chosen_radius(radius), shifts=shifts, near_must_hold=True)
    yield from only_selected(context, proof)


@dg.multi_asset_check(
    name="grouped_fonts_check",
    specs=[
        dg.AssetCheckSpec(
            _FONTS,
            asset=_KEYS[split],
            blocking=True,
            additional_deps=[_KEYS["train"]],
            description=f"No row is of a font that the splits before it have, where {PREFIX}GROUPED_FONTS asks for"
            " that.",
        )
        for split in EVALUATION
    ],
    ins={name: declaration.check_input for name, declaration in GROUPED.items()},
    can_subset=True,
)
def grouped_fonts_check(
    context: dg.AssetCheckExecutionContext, settings: SettingsResource, train: Split, valid: Split, test: Split
) -> Iterator[dg.AssetCheckResult]:
    """Look for fonts that two splits have."""
    splits = {"train": train, "valid": valid, "test": test}
    yield from only_selected(context, _judge_fonts(splits, asked_for=settings.read().grouped_fonts))


def checks_of_fonts(settings: Settings) -> Sequence[dg.AssetChecksDefinition]:
    """Return the check of fonts, where whole fonts are to be kept in one split."""
    return [grouped_fonts_check] if settings.grouped_fonts else []


def _judge_fonts(splits: Mapping[str, Split], *, asked_for: bool) -> Iterator[dg.AssetCheckResult]:
    before: set[str] = set()
    for name in SPLITS:
        sources = splits[name].sources
        fonts = set(sources["font"].unique())
        shared = fonts & before
        if name in EVALUATION:
            yield check_result(
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
