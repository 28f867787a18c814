"""Checks of `grouped/*`: no leaks, repeats or conflicts, each row is one image of the letters, classes are balanced.

The stored splits are searched by code that grouping does not use.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import pandas as pd

from notmnist_assets.assets.grouped import GROUPED, grouped_policy
from notmnist_assets.assets.near_pairs import RADIUS
from notmnist_assets.assets.splits import ALL_LETTER_KEYS
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.checks.common import (
    CLASS_BALANCE,
    CLASS_BALANCE_DESCRIPTION,
    DISJOINT_CHECKS,
    check_class_balance,
    check_disjoint,
    no_rows_result,
    run_selected,
)
from notmnist_assets.checks.results import check_result, only_selected
from notmnist_assets.checks.within_split import WITHIN_SPLIT_CHECKS, check_within_split, within_split_specs
from notmnist_assets.curation.core.images import SETS
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.sanitizing.reconciliation import rows_unlike_letters
from notmnist_assets.curation.splitting.splits import EVALUATION, SPLITS
from notmnist_assets.metadata.display import table
from notmnist_assets.settings.deployment import PREFIX
from notmnist_assets.settings.model import Settings
from notmnist_assets.settings.resource import SettingsResource

_KEYS = {name: declaration.asset_key for name, declaration in GROUPED.items()}
_FONTS = "no_shared_fonts"
_FROM_LETTERS = "rows_are_letters"
_EXAMPLES = 20


@dg.multi_asset_check(
    name="grouped_checks",
    specs=[
        *(
            dg.AssetCheckSpec(
                name,
                asset=_KEYS[split],
                blocking=True,
                additional_deps=[_KEYS["train"], RADIUS.asset_key],
                description=description,
            )
            for split in EVALUATION
            for name, description in DISJOINT_CHECKS.items()
        ),
        *(dg.AssetCheckSpec(CLASS_BALANCE, asset=key, description=CLASS_BALANCE_DESCRIPTION) for key in _KEYS.values()),
        *within_split_specs(_KEYS, [RADIUS.asset_key]),
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
    """Search the stored splits for duplicates and conflicts, and compare the rows of letters."""
    splits = {"train": train, "valid": valid, "test": test}
    config, near_radius = settings.read(), chosen_radius(radius)
    yield from run_selected(
        context,
        [
            (
                DISJOINT_CHECKS,
                check_disjoint(_KEYS, splits, near_radius, shifts=config.near_shifts, near_is_error=True),
            ),
            ((CLASS_BALANCE,), check_class_balance(_KEYS, splits, config.largest_imbalance)),
            (
                WITHIN_SPLIT_CHECKS,
                check_within_split(_KEYS, splits, grouped_policy(config), near_radius, shifts=config.near_shifts),
            ),
        ],
    )


@dg.multi_asset_check(
    name="grouped_rows_check",
    specs=[
        dg.AssetCheckSpec(
            _FROM_LETTERS,
            asset=_KEYS[split],
            blocking=True,
            additional_deps=[*(key for other, key in _KEYS.items() if other != split), *ALL_LETTER_KEYS],
            description="Each row has the pixels, letter and name of one image of the letters, which is in no other"
            " row of the three splits.",
        )
        for split in SPLITS
    ],
    ins={name: declaration.check_input for name, declaration in GROUPED.items()},
    can_subset=True,
)
def grouped_rows_check(
    context: dg.AssetCheckExecutionContext, values: ValueLoader, train: Split, valid: Split, test: Split
) -> Iterator[dg.AssetCheckResult]:
    """Compare each row of the stored splits with the letters."""
    splits = {"train": train, "valid": valid, "test": test}
    problems = rows_unlike_letters(splits, {set_name: values.letters(set_name) for set_name in SETS})
    yield from only_selected(context, _results_of_rows(splits, problems))


def _results_of_rows(splits: Mapping[str, Split], problems: pd.DataFrame) -> Iterator[dg.AssetCheckResult]:
    for name, split in splits.items():
        if not len(split):
            yield no_rows_result(_KEYS[name], _FROM_LETTERS)
            continue
        found = problems[problems["split"] == name].drop(columns="split")
        yield check_result(
            _KEYS[name],
            _FROM_LETTERS,
            passed=found.empty,
            actual=len(found),
            threshold=0,
            rows=len(split),
            examples=table(found.head(_EXAMPLES)),
        )


@dg.multi_asset_check(
    name="grouped_fonts_check",
    specs=[
        dg.AssetCheckSpec(
            _FONTS,
            asset=_KEYS[split],
            blocking=True,
            additional_deps=[_KEYS["train"]],
            description=f"With {PREFIX}GROUPED_FONTS, no row has a font of an earlier split.",
        )
        for split in EVALUATION
    ],
    ins={name: declaration.check_input for name, declaration in GROUPED.items()},
    can_subset=True,
)
def grouped_fonts_check(
    context: dg.AssetCheckExecutionContext, settings: SettingsResource, train: Split, valid: Split, test: Split
) -> Iterator[dg.AssetCheckResult]:
    """Search for fonts in two splits."""
    splits = {"train": train, "valid": valid, "test": test}
    yield from only_selected(context, _check_fonts(splits, required=settings.read().grouped_fonts))


def optional_checks(settings: Settings) -> Sequence[dg.AssetChecksDefinition]:
    """Return the check of fonts if the settings keep each font in one split."""
    return [grouped_fonts_check] if settings.grouped_fonts else []


def _check_fonts(splits: Mapping[str, Split], *, required: bool) -> Iterator[dg.AssetCheckResult]:
    earlier: set[str] = set()
    for name in SPLITS:
        sources = splits[name].sources
        fonts = set(sources["font"].unique())
        shared = fonts & earlier
        if name in EVALUATION and sources.empty:
            yield no_rows_result(_KEYS[name], _FONTS)
        elif name in EVALUATION:
            examples = sources[sources["font"].isin(shared)].astype("str").head(_EXAMPLES)
            yield check_result(
                _KEYS[name],
                _FONTS,
                passed=not shared or not required,
                actual=len(shared),
                threshold=0 if required else f"not required: {PREFIX}GROUPED_FONTS=false",
                examples=table(examples.reset_index(names="row")),
            )
        earlier |= fonts


CHECKS: Sequence[dg.AssetChecksDefinition] = [grouped_checks, grouped_rows_check]
