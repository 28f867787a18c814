"""Checks of `letters/*`: all files counted, enough images, few files outside A-J, pixel statistics of glyphs."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import pandas as pd

from notmnist_assets.assets.letters import FILES, LETTER_ASSETS, REMEDY
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.checks.results import check_result, only_selected
from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.statistics import border_brightness, pixel_moments
from notmnist_assets.curation.core.values import LetterImages
from notmnist_assets.curation.reading.files import OUTSIDE, border_by_set, file_counts, other_files
from notmnist_assets.curation.summaries.text import percent
from notmnist_assets.metadata.display import table
from notmnist_assets.settings.resource import SettingsResource

_MEAN_LIMITS = (-0.4, 0.4)
_DEVIATION_LIMITS = (0.2, 0.5)
_PUBLISHED_TOLERANCE = 1e-5
_MOST_OUTSIDE = 0.01
"""Share of an archive's files."""
_BRIGHTEST_BORDER = 0.55
"""Of a letter. The real letters have 0.22 (A) to 0.47 (I), with inverted colors 0.53 to 0.78."""
_BRIGHTEST_BORDER_OF_ALL = 0.5
"""Of all letters of an archive. The real archives have 0.33 and 0.35, with inverted colors 0.65 and 0.67."""
_PAPER = "Letters are white (255) on black (0) paper; black letters on white paper have bright borders."
_DESCRIPTIONS = {
    "complete": "The number of files in the archive's letter folder is that of stored images + rejected files.",
    "enough_images": "The letter has at least the minimum number of readable images (NOTMNIST_MIN_LARGE or _SMALL).",
    "pixel_moments": "Mean and standard deviation of (pixel - 127.5) / 255 are the published ones (profile full) or"
    " within the range of glyph images.",
    "dark_border": f"The mean of the border pixels is at most {_BRIGHTEST_BORDER} of 255. {_PAPER} A warning:"
    " letters of some fonts fill the frame.",
}
_BLOCKING = {"complete", "enough_images"}


def _letter_checks(set_name: str) -> dg.AssetChecksDefinition:
    keys = [LETTER_ASSETS[set_name][letter].asset_key for letter in LETTERS]

    @dg.multi_asset_check(
        name=f"letters_{set_name}_checks",
        specs=[
            dg.AssetCheckSpec(name, asset=key, blocking=name in _BLOCKING, description=description)
            for key in keys
            for name, description in _DESCRIPTIONS.items()
        ],
        can_subset=True,
    )
    def checks(
        context: dg.AssetCheckExecutionContext, settings: SettingsResource, values: ValueLoader
    ) -> Iterator[dg.AssetCheckResult]:
        config = settings.read()
        minimum = config.minimum[set_name]
        selected = context.selected_asset_check_keys
        for place, key in enumerate(keys):
            # Loaded here, not as inputs: making one letter again must not need the other nine.
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
                yield _check_number(context.instance, key, images, minimum)
            if dg.AssetCheckKey(key, "pixel_moments") in selected:
                yield _check_moments(key, set_name, place, images, full=config.profile == "full")
            if dg.AssetCheckKey(key, "dark_border") in selected:
                yield check_result(
                    key,
                    "dark_border",
                    passed=(border := border_brightness(images.images)) <= _BRIGHTEST_BORDER,
                    actual=border,
                    threshold=_BRIGHTEST_BORDER,
                    severity=dg.AssetCheckSeverity.WARN,
                )

    return checks


@dg.multi_asset_check(
    name="letter_files_checks",
    specs=[
        dg.AssetCheckSpec(
            "few_outside",
            asset=FILES.asset_key,
            description=f"At most {percent(_MOST_OUTSIDE)} of the files of each archive are not directly in a folder"
            " A to J. A warning: such files are in no dataset.",
        ),
        dg.AssetCheckSpec(
            "dark_border",
            asset=FILES.asset_key,
            description="The mean of the border pixels over all images of each archive is at most"
            f" {_BRIGHTEST_BORDER_OF_ALL} of 255. {_PAPER}",
        ),
    ],
    can_subset=True,
)
def _file_checks(context: dg.AssetCheckExecutionContext, values: ValueLoader) -> Iterator[dg.AssetCheckResult]:
    files = values.table(FILES.path)
    yield from only_selected(context, archive_results(files))


def archive_results(files: pd.DataFrame) -> Iterator[dg.AssetCheckResult]:
    """Yield the results of the checks of `letters/files`."""
    outside = other_files(files, OUTSIDE)
    counts = file_counts(files).groupby("set")[["images", "rejected"]].sum().sum(axis=1)
    shares = {name: count / max(count + int(counts.get(name, 0)), 1) for name, count in outside.items()}
    borders = border_by_set(files)
    yield check_result(
        FILES.asset_key,
        "few_outside",
        passed=max(shares.values(), default=0.0) <= _MOST_OUTSIDE,
        actual=", ".join(f"{name} {percent(shares[name])} ({outside[name]:,})" for name in shares),
        threshold=f"at most {percent(_MOST_OUTSIDE)}",
        severity=dg.AssetCheckSeverity.WARN,
        examples=table(files.loc[files["outcome"] == OUTSIDE, ["set", "files", "name"]]),
    )
    yield check_result(
        FILES.asset_key,
        "dark_border",
        passed=max(borders.values(), default=0.0) <= _BRIGHTEST_BORDER_OF_ALL,
        actual=", ".join(f"{name} {border:.2f}" for name, border in borders.items()),
        threshold=f"at most {_BRIGHTEST_BORDER_OF_ALL}",
        severity=dg.AssetCheckSeverity.WARN,
    )


def _check_number(
    instance: dg.DagsterInstance, key: dg.AssetKey, images: LetterImages, minimum: int
) -> dg.AssetCheckResult:
    """Compare the number of readable images with its minimum; if it is too small, show why files were rejected."""
    enough = len(images) >= minimum
    details: dict[str, Any] = {}
    if not enough:
        reasons = images.rejected["reason"].value_counts().rename_axis("reason").reset_index(name="files")
        remedy = _recorded(instance, key, REMEDY)
        details = {"rejected": len(images.rejected), "reasons": table(reasons)}
        details |= {} if remedy is None else {REMEDY: str(remedy.value)}
    return check_result(
        key,
        "enough_images",
        passed=enough,
        actual=len(images),
        threshold=f"at least {minimum:,}",
        **details,
    )


def _recorded(instance: dg.DagsterInstance, key: dg.AssetKey, label: str) -> dg.MetadataValue[Any] | None:
    """Return an entry of the last materialization of an asset, None if there is none."""
    event = instance.get_latest_materialization_event(key)
    materialization = event.asset_materialization if event else None
    return materialization.metadata.get(label) if materialization else None


def _recorded_members(instance: dg.DagsterInstance, key: dg.AssetKey) -> int:
    """Return the number of files of the letter that the reader counted in the archive; -1 if unknown."""
    value = _recorded(instance, key, "members")
    return int(value.value) if isinstance(value, dg.IntMetadataValue) and value.value is not None else -1


def _check_moments(
    key: dg.AssetKey, set_name: str, place: int, images: LetterImages, *, full: bool
) -> dg.AssetCheckResult:
    if not len(images):
        return check_result(key, "pixel_moments", passed=False, actual="no images", threshold="at least 1 image")
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


CHECKS: Sequence[dg.AssetChecksDefinition] = [*(_letter_checks(set_name) for set_name in SETS), _file_checks]
