"""Checks of `sanitized/*`: proven on the stored files, by another code path than the one that removed rows.

Belongs here: what must hold before anyone trusts a sanitized split.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.assets.near_pairs import RADIUS
from notmnist_assets.assets.sanitized import REMOVED, SANITIZED
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.checks.disjoint import DISJOINT_CHECKS, prove_disjoint
from notmnist_assets.checks.results import check_result, only_selected
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.statistics import label_balance, label_counts
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.sanitizing.reconciliation import unreconciled_rows
from notmnist_assets.curation.splitting.splits import EVALUATION
from notmnist_assets.metadata.display import counts_table, table
from notmnist_assets.settings.model import PREFIX, Settings
from notmnist_assets.settings.resource import SettingsResource

_LARGEST_RATIO = 2.0
_EXAMPLES = 20
_BY_CHOICE = "kept by choice:"
_KEYS = {name: declaration.asset_key for name, declaration in SANITIZED.items()}
_RAW_KEYS = [declaration.asset_key for declaration in SPLIT_ASSETS.values()]


@dg.multi_asset_check(
    name="sanitized_checks",
    specs=[
        *(
            dg.AssetCheckSpec(
                name,
                asset=_KEYS[split],
                blocking=True,
                additional_deps=[RADIUS.asset_key],
                description=description,
            )
            for split in EVALUATION
            for name, description in DISJOINT_CHECKS.items()
        ),
        *(
            dg.AssetCheckSpec(
                "class_balance",
                asset=key,
                description="The most frequent letter has at most twice the rows of the rarest.",
            )
            for key in _KEYS.values()
        ),
        *(
            dg.AssetCheckSpec(
                "all_rows_accounted_for",
                asset=key,
                blocking=True,
                additional_deps=[REMOVED.asset_key, *_RAW_KEYS],
                description="Each row of the merged split is here, with its pixels and letter, or in"
                " sanitized/removed: none is lost, none is there twice.",
            )
            for key in _KEYS.values()
        ),
        *(
            dg.AssetCheckSpec(
                "no_repeats",
                asset=key,
                blocking=True,
                description="No two rows of the split have the same pixels; not judged where repeats were to be kept.",
            )
            for key in _KEYS.values()
        ),
        *(
            dg.AssetCheckSpec(
                "no_contradictions",
                asset=key,
                blocking=True,
                additional_deps=[*(other for other in _KEYS.values() if other != key), RADIUS.asset_key],
                description="No row's image has another letter in another row: not the same pixels in any sanitized"
                " split; with the method cells, not the same maxima of 4x4 cells; with near, no image of this split"
                " within the radius (in other splits, no_near_duplicates finds those). Not judged where conflicts"
                " were to be kept.",
            )
            for key in _KEYS.values()
        ),
    ],
    ins={
        **{name: declaration.check_input for name, declaration in SANITIZED.items()},
        **{f"raw_{name}": declaration.check_input for name, declaration in SPLIT_ASSETS.items()},
        "removed": REMOVED.check_input,
        "radius": RADIUS.check_input,
    },
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
    chosen = settings.read()
    proof = prove_disjoint(
        _KEYS,
        splits,
        chosen_radius(radius),
        shifts=chosen.near_shifts,
        near_must_hold=chosen.sanitize_method == "near",
    )
    kinds = [
        (set(DISJOINT_CHECKS), proof),
        ({"class_balance"}, _judge_balance(splits)),
        ({"all_rows_accounted_for"}, _account_for_rows(splits, raw, removed)),
        ({"no_repeats", "no_contradictions"}, _judge_likeness(splits, chosen, chosen_radius(radius))),
    ]
    selected = {key.name for key in context.selected_asset_check_keys}
    for names, results in kinds:
        # They are generators: what nobody asked for is never computed.
        if names & selected:
            yield from only_selected(context, results)


def _judge_balance(splits: Mapping[str, Split]) -> Iterator[dg.AssetCheckResult]:
    for name, split in splits.items():
        counts = label_counts(split.labels)
        balance = label_balance(counts)
        yield check_result(
            _KEYS[name],
            "class_balance",
            passed=balance.ratio <= _LARGEST_RATIO,
            actual=balance.words,
            threshold=f"at most {_LARGEST_RATIO:g}",
            severity=dg.AssetCheckSeverity.WARN,
            ratio=balance.ratio,
            rows_per_letter=counts_table(counts.tolist()),
        )


def _account_for_rows(
    splits: Mapping[str, Split], raw: Mapping[str, Split], removed: pd.DataFrame
) -> Iterator[dg.AssetCheckResult]:
    for name, split in splits.items():
        gone = removed.loc[removed["split"] == name, "row"].to_numpy(np.int64)
        problems = unreconciled_rows(split, raw[name], gone)
        yield check_result(
            _KEYS[name],
            "all_rows_accounted_for",
            passed=problems.empty,
            actual=len(problems),
            threshold=0,
            rows=len(split),
            removed=len(gone),
            rows_merged=len(raw[name]),
            unaccounted=table(problems.head(_EXAMPLES)),
        )


def _judge_likeness(splits: Mapping[str, Split], chosen: Settings, radius: float) -> Iterator[dg.AssetCheckResult]:
    # The compiler is needed only when this check runs, not when definitions load.
    from notmnist_assets.curation.sanitizing.verification import near_contradictions, number_images

    images = [split.images for split in splits.values()]
    numbers = number_images(images)
    same = number_images(images, by_cells=True) if chosen.sanitize_method == "cells" else numbers
    contradict = _of_several_letters(np.concatenate(same), np.concatenate([split.labels for split in splits.values()]))
    drop_repeats, judge_letters = chosen.sanitize_repeats == "drop", chosen.sanitize_conflicts != "keep"
    for (name, split), own, alike in zip(splits.items(), numbers, same, strict=True):
        repeats = split.sources[pd.Series(own).duplicated(keep=False).to_numpy()]
        yield check_result(
            _KEYS[name],
            "no_repeats",
            passed=repeats.empty or not drop_repeats,
            actual=len(repeats),
            threshold=0 if drop_repeats else f"{_BY_CHOICE} {PREFIX}SANITIZE_REPEATS=keep",
            examples=_rows_shown(repeats),
        )
        found = np.isin(alike, contradict)
        if judge_letters and chosen.sanitize_method == "near":
            pairs = near_contradictions(split.images, split.labels, radius, shifts=chosen.near_shifts)
            for row, other_row, _ in pairs:
                found[[row, other_row]] = True
        contradictions = split.sources[found]
        yield check_result(
            _KEYS[name],
            "no_contradictions",
            passed=contradictions.empty or not judge_letters,
            actual=len(contradictions),
            threshold=0 if judge_letters else f"{_BY_CHOICE} {PREFIX}SANITIZE_CONFLICTS=keep",
            method=chosen.sanitize_method,
            radius=radius,
            shifts=chosen.near_shifts,
            examples=_rows_shown(contradictions),
        )


def _of_several_letters(numbers: npt.NDArray[np.int64], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return the numbers of the images whose rows have more than one letter."""
    image, letters = np.unique(np.unique(numbers * len(LETTERS) + labels) // len(LETTERS), return_counts=True)
    return image[letters > 1]


def _rows_shown(rows: pd.DataFrame) -> dg.TableMetadataValue:
    return table(rows.head(_EXAMPLES).reset_index(names="row"))


CHECKS: Sequence[dg.AssetChecksDefinition] = [sanitized_checks]
