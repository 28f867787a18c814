"""Defines the asset `report/html`: one HTML page about inputs, duplicates, removed rows and baselines.

`report/gallery` is defined in `assets.gallery`.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any, BinaryIO, Final

import dagster as dg
import pandas as pd

from notmnist_assets.assets import archives, baselines, hashes, labels, letters, overlap, sanitized, splits
from notmnist_assets.assets.archives import ARCHIVES
from notmnist_assets.assets.baseline_metadata import recorded_confusions
from notmnist_assets.assets.declaration import Declaration, Stage
from notmnist_assets.assets.gallery import GALLERY, gallery
from notmnist_assets.assets.hashes import HASHES
from notmnist_assets.assets.leakage import LEAKAGE
from notmnist_assets.assets.letters import FILES
from notmnist_assets.assets.near_pairs import NEAR_PAIRS, RADIUS
from notmnist_assets.assets.recall import RECALL
from notmnist_assets.assets.reference import REFERENCE
from notmnist_assets.assets.sanitized import SANITIZED, sanitize_policy
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.curation.core.published import SEED, SIZES
from notmnist_assets.curation.core.values import Archive, Split
from notmnist_assets.curation.duplicates.examples import pairs_across_splits
from notmnist_assets.curation.report.data import ReportData, ReportSetting
from notmnist_assets.curation.report.page import FILE_NAME, SECTIONS, report_page
from notmnist_assets.curation.report.summary import summary_of
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.metadata.display import asset_page, exhibits, table
from notmnist_assets.settings.deployment import PREFIX
from notmnist_assets.settings.model import Profile, Settings
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.staleness.materializations import Materialization, last_materializations, outdated_inputs
from notmnist_assets.storage.exported import ExportedFile
from notmnist_assets.storage.types import ExportedFileType

_STAGES: Final[Mapping[str, Stage]] = {
    "archives": archives.STAGE,
    "letters": letters.STAGE,
    "splits": splits.STAGE,
    "hashes": hashes.STAGE,
    "overlap": overlap.STAGE,
    "sanitized": sanitized.STAGE,
    "labels": labels.STAGE,
    "baselines": baselines.STAGE,
}
"""Stages whose values the page shows."""
_PACKAGE_VERSION: Final = version("notmnist_assets")
_CODE_VERSIONS: Final = {
    **{
        name: "+".join(sorted({declaration.code_version for declaration in stage.declarations}))
        for name, stage in _STAGES.items()
    },
    "report": "11",
}
CONTENTS: Final = [declaration for stage in _STAGES.values() for declaration in stage.declarations]
"""All assets upstream of the page."""
_REPORTED: Final = {name for declaration in CONTENTS for name in declaration.relevant_settings}
REPORTED_SETTINGS: Final = [name for name in Settings.model_fields if name in _REPORTED - {"archives"}]
"""Settings on which the values on the page depend, by field name."""

_ORIGINS: Final[Mapping[Profile, str]] = {
    "full": "Made from the original notMNIST archives: letters A to J in publicly available fonts, 28 by 28 pixels.",
    "sample": "Made from archives that notmnist_assets rendered from freely licensed fonts in the format of notMNIST,"
    " with planted duplicates, leaks and wrong labels; these are not the images of notMNIST.",
    "custom": "Made from archives in the format of notMNIST that the user of notmnist_assets supplied.",
}
_TABLES: Final = {
    "files": FILES,
    "near_pairs": NEAR_PAIRS,
    "radius": RADIUS,
    "overlap_report": overlap.REPORT,
    "conflicts": overlap.CONFLICTS,
    "recall": RECALL,
    "removed": sanitized.REMOVED,
    "issues": labels.ISSUES,
    "metrics": baselines.METRICS,
    "mistakes": baselines.MISTAKES,
    "leakage": LEAKAGE,
    "reference": REFERENCE,
}
_PICTURED_PAIRS = 12
_ROWS = {
    "rows": "rows before sanitizing",
    "removed": "rows that sanitizing removed",
    "sanitized": "rows that are left",
}
HTML: Final = Declaration(
    key="report/html",
    # The page lists the code versions of all stages.
    code_version="-".join([_PACKAGE_VERSION, *_CODE_VERSIONS.values()]),
    role="export",
    dagster_type=ExportedFileType,
    io_manager="export_io",
    kinds={"html"},
    # All other settings change the page through its inputs. A minimum changes no input.
    settings=("profile",),
    guards=("min_large", "min_small"),
    is_endpoint=True,
    description=(
        "One HTML page for a reviewer that needs no other file and no network: archives and settings, rejected files,"
        " balance, duplicates with pictures, removed rows by reason, likely wrong labels, baselines with intervals,"
        " agreement with published numbers, code versions and content hashes. `notmnist report DEST` copies it."
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
    values: ValueLoader,
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
    issues: pd.DataFrame,
    metrics: pd.DataFrame,
    mistakes: pd.DataFrame,
    leakage: pd.DataFrame,
    reference: pd.DataFrame,
) -> dg.MaterializeResult[ExportedFile]:
    """Write the page; equal inputs give equal bytes."""
    latest = last_materializations(context.instance, [declaration.asset_key for declaration in CONTENTS])
    recorded = recorded_values(latest)
    config = _as_recorded(settings.read(), recorded)
    raw = {"train": raw_train, "valid": raw_valid, "test": raw_test}
    data = ReportData(
        title=f"notMNIST report, profile {config.profile}",
        origin=_ORIGINS[config.profile],
        originals=config.profile == "full",
        published_splits=config.seed == SEED and {name: len(split) for name, split in raw.items()} == dict(SIZES),
        settings=report_settings(recorded),
        disagreements=tuple(input_disagreements(latest)),
        archives={"large": large_archive, "small": small_archive},
        files=files,
        splits=raw,
        sanitized={"train": clean_train, "valid": clean_valid, "test": clean_test},
        removed=removed,
        policy=sanitize_policy(config),
        hashes={"train": train_hashes, "valid": valid_hashes, "test": test_hashes},
        near_pairs=near_pairs,
        index=values.near_index(near_pairs, radius),
        radius=radius,
        overlap=overlap_report,
        conflicts=conflicts,
        recall=recall,
        label_issues=issues,
        label_rates=labels.recorded_rates(context.instance),
        baselines=metrics,
        leakage=leakage,
        reference=reference,
        mistakes=mistakes,
        package_version=_PACKAGE_VERSION,
        code_versions=_CODE_VERSIONS,
        contents={
            declaration.key: latest[declaration.asset_key].data_version or "unknown"
            for declaration in CONTENTS
            if declaration.asset_key in latest
        },
        confusions=recorded_confusions(context.instance, baselines.METRICS.asset_key),
    )
    page = report_page(data).encode()
    digest = hashlib.sha256(page).hexdigest()
    return dg.MaterializeResult(
        value=ExportedFile(FILE_NAME, digest, partial(_write, page)),
        data_version=dg.DataVersion(digest),
        metadata=asset_page(
            summary_of(data),
            picture={"pairs_across_splits": _pairs(data)},
            numbers={"sections": len(SECTIONS), "bytes": len(page)},
            tables={"rows_by_split": _rows(data)},
        ),
    )


def _pairs(data: ReportData) -> dg.MarkdownMetadataValue:
    """Return near duplicates of different splits as a picture."""
    found = pairs_across_splits(data.index, data.splits, data.near_pairs, data.used_radius, _PICTURED_PAIRS)
    return exhibits(found, "pairs across splits: two images and their amplified difference")


def _rows(data: ReportData) -> dg.TableMetadataValue:
    """Return the rows of each split before and after sanitizing."""
    raw = [len(data.splits[name]) for name in SPLITS]
    left = [len(data.sanitized[name]) for name in SPLITS]
    removed = [before - after for before, after in zip(raw, left, strict=True)]
    return table(pd.DataFrame({"split": list(SPLITS), "rows": raw, "removed": removed, "sanitized": left}), _ROWS)


def recorded_values(latest: Mapping[dg.AssetKey, Materialization]) -> dict[str, list[Any]]:
    """Return the values of each reported setting with which the inputs were materialized.

    These may differ from the settings of this run. A setting has several values if the inputs are inconsistent, and
    none if no input records it.
    """
    found: dict[str, list[Any]] = {name: [] for name in REPORTED_SETTINGS}
    for declaration in CONTENTS:
        settings = latest[declaration.asset_key].settings if declaration.asset_key in latest else {}
        for name in declaration.relevant_settings:
            if name in found and name in settings and settings[name] not in found[name]:
                found[name].append(settings[name])
    return found


def input_disagreements(latest: Mapping[dg.AssetKey, Materialization]) -> Iterator[str]:
    """Yield a sentence per input that is inconsistent with another: from an older version of it, or other settings."""
    yield from outdated_inputs(latest)
    for name, values in recorded_values(latest).items():
        if len(values) > 1:
            yield f"values were materialized with different {setting_name(name)}: {' and '.join(map(str, values))}"


def _as_recorded(settings: Settings, recorded: Mapping[str, Sequence[Any]]) -> Settings:
    """Return `settings` with the values that the inputs record."""
    return settings.model_copy(update={name: values[0] for name, values in recorded.items() if values})


def report_settings(recorded: Mapping[str, Sequence[Any]]) -> tuple[ReportSetting, ...]:
    """Return the settings with their values as text."""
    fields = Settings.model_fields
    return tuple(
        ReportSetting(
            setting_name(name),
            " and ".join(_setting_text(name, value) for value in values) or "not recorded",
            fields[name].description or "",
        )
        for name, values in recorded.items()
    )


def setting_name(field: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + field.upper()


def _setting_text(name: str, value: object) -> str:
    if value is None:
        return "none" if name == "overrides" else "taken from the data"
    if isinstance(value, bool):
        return str(value).lower()
    # Thousands separators suit quantities; a seed is an identifier.
    return f"{value:,}" if isinstance(value, int) and name != "seed" else str(value)


def _write(page: bytes, file: BinaryIO) -> None:
    file.write(page)


STAGE = Stage([HTML, GALLERY], [html, gallery])
