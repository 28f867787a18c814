"""Defines `report/html`: one page for a reviewer, made from the values that it shows."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any, BinaryIO, Final

import dagster as dg
import pandas as pd

from notmnist_assets.assets import archives, baselines, hashes, letters, overlap, sanitized, splits
from notmnist_assets.assets.archives import ARCHIVES
from notmnist_assets.assets.declaration import Declaration, Stage
from notmnist_assets.assets.hashes import HASHES
from notmnist_assets.assets.letters import FILES
from notmnist_assets.assets.near_pairs import NEAR_PAIRS, RADIUS
from notmnist_assets.assets.sanitized import SANITIZED, sanitize_policy
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.assets.stored_values import StoredValues
from notmnist_assets.curation.baselines.evaluation import of_first_model
from notmnist_assets.curation.core.published import SEED, SIZES
from notmnist_assets.curation.core.values import Archive, Split
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.reading.files import file_counts
from notmnist_assets.curation.report.data import ReportData, SettingShown
from notmnist_assets.curation.report.page import FILE_NAME, SECTIONS, report_page
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.settings.model import PREFIX, Profile, Settings
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.staleness.materializations import Materialization, last_materializations, outdated_inputs
from notmnist_assets.storage.exported import ExportedFile
from notmnist_assets.storage.types import ExportedFileType

_SHOWN: Final[Mapping[str, Stage]] = {
    "archives": archives.STAGE,
    "letters": letters.STAGE,
    "splits": splits.STAGE,
    "hashes": hashes.STAGE,
    "overlap": overlap.STAGE,
    "sanitized": sanitized.STAGE,
    "baselines": baselines.STAGE,
}
"""The stages whose values the page shows."""
_PACKAGE_VERSION: Final = version("notmnist_assets")
_CODE_VERSIONS: Final = {
    **{
        name: ", ".join(sorted({declaration.code_version for declaration in stage.declarations}))
        for name, stage in _SHOWN.items()
    },
    "report": "5",
}
CONTENTS: Final = [declaration for stage in _SHOWN.values() for declaration in stage.declarations]
"""All assets that the page is made from, directly or further upstream."""
_REPORTED: Final = {name for declaration in CONTENTS for name in declaration.stale_settings}
REPORTED_SETTINGS: Final = [name for name in Settings.model_fields if name in _REPORTED - {"archives"}]
"""The settings that the values on the page depend on, by field name."""

_ORIGINS: Final[Mapping[Profile, str]] = {
    "full": "Made from the original notMNIST archives: letters A to J in publicly available fonts, 28 by 28 pixels.",
    "sample": "Made from archives that notmnist_assets rendered from freely licensed fonts: in the form of notMNIST's,"
    " with planted duplicates, leaks and wrong labels, but not the images of notMNIST.",
    "custom": "Made from archives in the form of notMNIST's that the user of notmnist_assets named.",
}
_TABLES: Final = {
    "files": FILES,
    "near_pairs": NEAR_PAIRS,
    "radius": RADIUS,
    "overlap_report": overlap.REPORT,
    "conflicts": overlap.CONFLICTS,
    "recall": overlap.RECALL,
    "removed": sanitized.REMOVED,
    "metrics": baselines.METRICS,
}
HTML: Final = Declaration(
    key="report/html",
    # The page names the versions of all that it shows, so each of them is part of its own.
    code_version="-".join([_PACKAGE_VERSION, *_CODE_VERSIONS.values()]),
    role="export",
    dagster_type=ExportedFileType,
    io_manager="export_io",
    kinds={"html"},
    # All other settings change the page through the values it is made from. A minimum changes none of them.
    settings=("profile",),
    guards=("min_large", "min_small"),
    is_endpoint=True,
    description=(
        "One HTML page for a reviewer, which needs no other file and no network: what went in, what was rejected,"
        " balance, duplicates with pictures, what sanitizing removed and why, baselines with intervals, agreement with"
        " published numbers, versions and content hashes. `notmnist report DEST` copies it."
    ),
)


@HTML.asset(
    ins={
        **{f"{name}_archive": declaration.input for name, declaration in ARCHIVES.items()},
        **{f"raw_{name}": declaration.input for name, declaration in SPLIT_ASSETS.items()},
        **{f"{name}_hashes": declaration.input for name, declaration in HASHES.items()},
        **{f"clean_{name}": declaration.input for name, declaration in SANITIZED.items()},
        **{name: declaration.input for name, declaration in _TABLES.items()},
    },
)
def html(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    values: StoredValues,
    large_archive: Archive,
    small_archive: Archive,
    raw_train: Split,
    raw_valid: Split,
    raw_test: Split,
    train_hashes: pd.DataFrame,
    valid_hashes: pd.DataFrame,
    test_hashes: pd.DataFrame,
    clean_train: Split,
    clean_valid: Split,
    clean_test: Split,
    files: pd.DataFrame,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    overlap_report: pd.DataFrame,
    conflicts: pd.DataFrame,
    recall: pd.DataFrame,
    removed: pd.DataFrame,
    metrics: pd.DataFrame,
) -> dg.MaterializeResult[ExportedFile]:
    """Write the page: equal values give equal bytes."""
    made = last_materializations(context.instance, [declaration.asset_key for declaration in CONTENTS])
    recorded = recorded_values(made)
    chosen = _as_recorded(settings.read(), recorded)
    raw = {"train": raw_train, "valid": raw_valid, "test": raw_test}
    data = ReportData(
        title=f"notMNIST report, profile {chosen.profile}",
        origin=_ORIGINS[chosen.profile],
        originals=chosen.profile == "full",
        published_draw=chosen.seed == SEED and {name: len(split) for name, split in raw.items()} == dict(SIZES),
        settings=settings_shown(recorded),
        disagreements=tuple(input_disagreements(made)),
        archives={"large": large_archive, "small": small_archive},
        files=files,
        splits=raw,
        sanitized={"train": clean_train, "valid": clean_valid, "test": clean_test},
        removed=removed,
        policy=sanitize_policy(chosen),
        hashes={"train": train_hashes, "valid": valid_hashes, "test": test_hashes},
        near_pairs=near_pairs,
        index=values.row_index().with_pairs(near_pairs, chosen_radius(radius)),
        radius=radius,
        overlap=overlap_report,
        conflicts=conflicts,
        recall=recall,
        baselines=metrics,
        package_version=_PACKAGE_VERSION,
        code_versions=_CODE_VERSIONS,
        contents={
            declaration.key: made[declaration.asset_key].data_version or "unknown"
            for declaration in CONTENTS
            if declaration.asset_key in made
        },
        confusions=baselines.recorded_confusions(context.instance),
    )
    page = report_page(data).encode()
    digest = hashlib.sha256(page).hexdigest()
    return dg.MaterializeResult(
        value=ExportedFile(FILE_NAME, digest, partial(_write, page)),
        data_version=dg.DataVersion(digest),
        metadata={"sections": len(SECTIONS), "bytes": len(page), "summary": dg.MetadataValue.md(_summary(data))},
    )


def _summary(data: ReportData) -> str:
    """Return the headline numbers as Markdown."""
    radius = chosen_radius(data.radius)
    leaks = data.overlap.set_index(["method", "rows_of", "found_in"])["rows"]
    near, exact = (f"{leaks[method, 'test', 'train']:,}" for method in ("near", "exact"))
    rejected = int(file_counts(data.files)["rejected"].sum())
    rows = [
        f"| {name} | {len(data.splits[name]):,} | {len(data.splits[name]) - len(data.sanitized[name]):,}"
        f" | {len(data.sanitized[name]):,} |"
        for name in SPLITS
    ]
    scored = of_first_model(data.baselines).query("train_rows == 'all' and train_on == 'raw' and eval_on == 'test'")
    accuracies = ", ".join(
        f"{accuracy:.3f} on {eval_rows}"
        for eval_rows, accuracy in zip(scored["eval_rows"], scored["accuracy"], strict=True)
    )
    return "\n".join(
        [
            "| split | rows as drawn | removed | left |",
            "|---|---|---|---|",
            *rows,
            "",
            f"- Rejected files: {rejected}",
            f"- Test rows also in train: {exact} by equal pixels, {near} within the radius {radius:g}",
            f"- Logistic regression, all raw training rows, accuracy on test: {accuracies}",
        ]
    )


def recorded_values(made: Mapping[dg.AssetKey, Materialization]) -> dict[str, list[Any]]:
    """Return with which values of each reported setting the inputs were made: one each, unless they disagree.

    Not the settings of this run: those of the inputs may be others, and the page tells of the inputs.
    """
    found: dict[str, list[Any]] = {name: [] for name in REPORTED_SETTINGS}
    for declaration in CONTENTS:
        settings = made[declaration.asset_key].settings if declaration.asset_key in made else {}
        for name in declaration.stale_settings:
            if name in found and name in settings and settings[name] not in found[name]:
                found[name].append(settings[name])
    return found


def input_disagreements(made: Mapping[dg.AssetKey, Materialization]) -> Iterator[str]:
    """Tell which inputs were not made from one another, or with different settings."""
    yield from outdated_inputs(made)
    for name, values in recorded_values(made).items():
        if len(values) > 1:
            yield f"values were made with different {setting_name(name)}: {' and '.join(map(str, values))}"


def _as_recorded(settings: Settings, recorded: Mapping[str, Sequence[Any]]) -> Settings:
    """Return `settings` with what the inputs record instead."""
    return settings.model_copy(update={name: values[0] for name, values in recorded.items() if values})


def settings_shown(recorded: Mapping[str, Sequence[Any]]) -> tuple[SettingShown, ...]:
    """Return the settings as a person reads them."""
    fields = Settings.model_fields
    return tuple(
        SettingShown(
            setting_name(name),
            " and ".join(_value_in_words(name, value) for value in values) or "not recorded",
            fields[name].description or "",
        )
        for name, values in recorded.items()
    )


def setting_name(field: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + field.upper()


def _value_in_words(name: str, value: object) -> str:
    if value is None:
        return "taken from the data"
    if isinstance(value, bool):
        return str(value).lower()
    # A seed is a number, but no quantity.
    return f"{value:,}" if isinstance(value, int) and name != "seed" else str(value)


def _write(page: bytes, file: BinaryIO) -> None:
    file.write(page)


STAGE = Stage([HTML], [html])
