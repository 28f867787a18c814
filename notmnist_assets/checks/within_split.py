"""Checks that sanitized and grouped splits have in common: no repeats, near repeats and contradictions within a split.

The stored splits are searched by code that sanitizing and grouping do not use.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import dagster as dg
import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.checks.common import no_rows_result
from notmnist_assets.checks.results import check_result
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.sanitizing.decision import Policy
from notmnist_assets.metadata.display import table
from notmnist_assets.settings.deployment import PREFIX

_REPEATS = "no_repeats"
_NEAR_REPEATS = "no_near_repeats"
_CONTRADICTIONS = "no_contradictions"
WITHIN_SPLIT_CHECKS: Final = {
    _REPEATS: "No two rows of the split have the same pixels. Passes if the settings keep repeats.",
    _NEAR_REPEATS: "No two rows of the split are within the radius in use, which the threshold names; with the method"
    " cells, no two have the same maxima of 4x4 cells. Passes if the settings keep near repeats.",
    _CONTRADICTIONS: "No row with another letter has the same image: the same pixels, in any of the three splits; with"
    " the method cells, the same maxima of 4x4 cells, in any of them; with near, an image within the radius, in this"
    " split (no_near_duplicates checks the other splits). Passes if the settings keep conflicts.",
}
_EXAMPLES = 20


def within_split_specs(
    keys: Mapping[str, dg.AssetKey], additional_deps: Sequence[dg.AssetKey]
) -> Iterator[dg.AssetCheckSpec]:
    """Yield the specs of the checks of each split.

    Args:
        keys: asset key of each split.
        additional_deps: further assets on which the results depend, such as the radius.
    """
    for name, description in WITHIN_SPLIT_CHECKS.items():
        for key in keys.values():
            others = [other for other in keys.values() if other != key] if name == _CONTRADICTIONS else []
            needed = [] if name == _REPEATS else [*others, *additional_deps]
            yield dg.AssetCheckSpec(name, asset=key, blocking=True, additional_deps=needed, description=description)


def check_within_split(
    keys: Mapping[str, dg.AssetKey],
    splits: Mapping[str, Split],
    policy: Policy,
    radius: float,
    *,
    shifts: bool,
    kept_by_override: Mapping[str, npt.NDArray[np.bool_]] | None = None,
) -> Iterator[dg.AssetCheckResult]:
    """Search each split for two rows of the same image, and for images with several letters.

    Args:
        keys: asset key of each split.
        splits: stored splits.
        policy: the rules by which they were sanitized.
        radius: largest distance of near images, in units of 255.
        shifts: whether to compare images also after moves by one pixel.
        kept_by_override: masks of the rows that overrides keep, whatever they repeat or contradict.
    """
    # Imported here because it imports Numba, which is not needed to load the definitions.
    from notmnist_assets.curation.sanitizing.verification import near_contradictions, near_repeats, number_images

    images = [split.images for split in splits.values()]
    numbers = number_images(images)
    same = number_images(images, by_cells=True) if policy.method == "cells" else numbers
    conflicting = _conflicting_images(np.concatenate(same), np.concatenate([split.labels for split in splits.values()]))
    setting = {
        _REPEATS: f"{PREFIX}SANITIZE_REPEATS=keep" if policy.repeats == "keep" else "",
        _NEAR_REPEATS: _setting_that_keeps_near_repeats(policy),
        _CONTRADICTIONS: f"{PREFIX}SANITIZE_CONFLICTS=keep" if policy.conflicts == "keep" else "",
    }
    limit = {_NEAR_REPEATS: 0 if policy.method == "cells" else f"0 rows within radius {radius:g}"}
    for (name, split), image_of, same_image_of in zip(splits.items(), numbers, same, strict=True):
        if not len(split):
            yield from (no_rows_result(keys[name], check) for check in WITHIN_SPLIT_CHECKS)
            continue
        found = {
            _REPEATS: _repeated(image_of),
            _NEAR_REPEATS: _repeated(same_image_of),
            _CONTRADICTIONS: np.isin(same_image_of, conflicting),
        }
        if policy.method != "cells":
            _mark(found[_NEAR_REPEATS], near_repeats(split.images, radius, shifts=shifts))
        # Rows of different letters within the radius are near repeats as well: without near repeats there are none.
        if policy.method == "near" and not setting[_CONTRADICTIONS] and found[_NEAR_REPEATS].any():
            _mark(found[_CONTRADICTIONS], near_contradictions(split.images, split.labels, radius, shifts=shifts))
        for check, rows in found.items():
            kept_by = setting[check]
            if kept_by_override is not None:
                rows &= ~kept_by_override[name]
            yield check_result(
                keys[name],
                check,
                passed=bool(kept_by) or not rows.any(),
                actual=int(rows.sum()),
                threshold=f"kept by {kept_by}" if kept_by else limit.get(check, 0),
                method=policy.method,
                radius=radius,
                shifts=shifts,
                examples=table(split.sources[rows].head(_EXAMPLES).reset_index(names="row")),
            )


def _setting_that_keeps_near_repeats(policy: Policy) -> str:
    if policy.repeats != "drop":
        return f"{PREFIX}SANITIZE_REPEATS={policy.repeats}"
    return f"{PREFIX}SANITIZE_METHOD=exact" if policy.method == "exact" else ""


def _repeated(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return which rows have the image number of another row."""
    repeated: npt.NDArray[np.bool_] = pd.Series(numbers).duplicated(keep=False).to_numpy(copy=True)
    return repeated


def _mark(rows: npt.NDArray[np.bool_], pairs: Sequence[tuple[int, int, float]]) -> None:
    """Set both rows of each pair."""
    for row, other_row, _ in pairs:
        rows[[row, other_row]] = True


def _conflicting_images(numbers: npt.NDArray[np.int64], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return the numbers of images that have rows of several letters.

    Args:
        numbers: int64 (n,), image number of each row.
        labels: int32 (n,), 0 to 9 for A to J.
    """
    image, letters = np.unique(np.unique(numbers * len(LETTERS) + labels) // len(LETTERS), return_counts=True)
    return image[letters > 1]
