"""Checks of `letters/*`: nothing lost, enough images, pixels as they should be.

Belongs here: what must hold of each letter before splits are drawn.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from notmnist_assets.assets.letters import LETTER_ASSETS
from notmnist_assets.assets.stored_values import StoredValues
from notmnist_assets.checks.results import check_result
from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.statistics import pixel_moments
from notmnist_assets.curation.core.values import LetterImages
from notmnist_assets.settings.resource import SettingsResource

_MEAN_LIMITS = (-0.4, 0.4)
_DEVIATION_LIMITS = (0.2, 0.5)
_PUBLISHED_TOLERANCE = 1e-5
_DESCRIPTIONS = {
    "complete": "Members of the archive's letter folder = stored images + rejected files.",
    "enough_images": "The letter has at least the set minimum of readable images.",
    "pixel_moments": "Mean and standard deviation of (pixel - 127.5) / 255 are the published ones (profile full) or"
    " within the range of glyph images.",
}
_BLOCKING = {"complete": True, "enough_images": True, "pixel_moments": False}


def _letter_checks(set_name: str) -> dg.AssetChecksDefinition:
    keys = [LETTER_ASSETS[set_name][letter].asset_key for letter in LETTERS]

    @dg.multi_asset_check(
        name=f"letters_{set_name}_checks",
        specs=[
            dg.AssetCheckSpec(name, asset=key, blocking=_BLOCKING[name], description=description)
            for key in keys
            for name, description in _DESCRIPTIONS.items()
        ],
        can_subset=True,
    )
    def checks(
        context: dg.AssetCheckExecutionContext, settings: SettingsResource, values: StoredValues
    ) -> Iterator[dg.AssetCheckResult]:
        chosen = settings.read()
        minimum = chosen.minimum[set_name]
        selected = context.selected_asset_check_keys
        for place, key in enumerate(keys):
            # Loaded here, not as inputs: redoing one letter must not need the other nine.
            if not any(check.asset_key == key for check in selected):
                continue
            images = values.letter(key.path)
            if dg.AssetCheckKey(key, "complete") in selected:
                members = _recorded_members(context.instance, key)
                found = len(images) + len(images.rejected)
                yield check_result(
                    key,
                    "complete",
                    passed=found == members,
                    actual=found,
                    threshold=members,
                    images=len(images),
                    rejected=len(images.rejected),
                )
            if dg.AssetCheckKey(key, "enough_images") in selected:
                yield check_result(
                    key,
                    "enough_images",
                    passed=len(images) >= minimum,
                    actual=len(images),
                    threshold=f"at least {minimum:,}",
                )
            if dg.AssetCheckKey(key, "pixel_moments") in selected:
                yield _check_moments(key, set_name, place, images, full=chosen.profile == "full")

    return checks


def _recorded_members(instance: dg.DagsterInstance, key: dg.AssetKey) -> int:
    """Return how many members the reader counted in the archive when the letter was made; -1 if unknown."""
    event = instance.get_latest_materialization_event(key)
    materialization = event.asset_materialization if event else None
    value = materialization.metadata.get("members") if materialization else None
    return int(value.value) if isinstance(value, dg.IntMetadataValue) and value.value is not None else -1


def _check_moments(
    key: dg.AssetKey, set_name: str, place: int, images: LetterImages, *, full: bool
) -> dg.AssetCheckResult:
    mean, deviation = pixel_moments(images.images)
    if full:
        archive = published.ARCHIVES[set_name]
        low_mean, high_mean = _around(archive.means[place])
        low_deviation, high_deviation = _around(archive.deviations[place])
    else:
        (low_mean, high_mean), (low_deviation, high_deviation) = _MEAN_LIMITS, _DEVIATION_LIMITS
    return check_result(
        key,
        "pixel_moments",
        passed=low_mean <= mean <= high_mean and low_deviation <= deviation <= high_deviation,
        actual=f"mean {mean:.6f}, standard deviation {deviation:.6f}",
        threshold=f"mean {low_mean:.6f} to {high_mean:.6f},"
        f" standard deviation {low_deviation:.6f} to {high_deviation:.6f}",
        mean=mean,
        deviation=deviation,
    )


def _around(value: float) -> tuple[float, float]:
    return value - _PUBLISHED_TOLERANCE, value + _PUBLISHED_TOLERANCE


CHECKS: Sequence[dg.AssetChecksDefinition] = [_letter_checks(set_name) for set_name in SETS]
