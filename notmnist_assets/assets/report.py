"""`report/html`: everything a reviewer wants, on one page.

Belongs here: which values the page tells of, and its settings and versions. The page itself is made in
`curation.report`.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any, BinaryIO, Final

import dagster as dg
import pandas as pd

from notmnist_assets.assets import archives, baselines, hashes, letters, overlap, sanitized, splits
from notmnist_assets.assets.inputs import (
    LETTER_KEYS,
    hash_inputs,
    hashes_of,
    split_inputs,
    splits_of,
    stored_letters,
    table_input,
)
from notmnist_assets.assets.sanitized import sanitize_policy
from notmnist_assets.curation.fingerprint import fingerprint
from notmnist_assets.curation.images import SETS
from notmnist_assets.curation.near_table import chosen_radius
from notmnist_assets.curation.published import SEED, SIZES
from notmnist_assets.curation.report.data import ReportData, SettingShown
from notmnist_assets.curation.report.page import FILE_NAME, SECTIONS, report_page
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.values import Split
from notmnist_assets.exported import ExportedFile
from notmnist_assets.failures import explained
from notmnist_assets.planning import Made, disagreements, last_made
from notmnist_assets.resources import SettingsResource
from notmnist_assets.settings import PREFIX, Profile, Settings
from notmnist_assets.storage import ValueStore
from notmnist_assets.types import (
    BaselineMetricsType,
    ExportedFileType,
    LabelConflictsType,
    NearPairsType,
    OverlapReportType,
    RadiusCurveType,
    RecallType,
    RemovedRowsType,
)
from notmnist_assets.versions import REPORTED_SETTINGS

_STAGES: Final[Mapping[str, str]] = {
    "archives": archives.CODE_VERSION,
    "letters": letters.CODE_VERSION,
    "splits": splits.CODE_VERSION,
    "hashes": hashes.CODE_VERSION,
    "overlap": overlap.CODE_VERSION,
    "sanitized": sanitized.CODE_VERSION,
    "baselines": baselines.CODE_VERSION,
    "report": "4",
}
_PACKAGE_VERSION: Final = version("notmnist_assets")
CODE_VERSION = "-".join([_PACKAGE_VERSION, *_STAGES.values()])
"""The page names the versions of all that it tells of, so each of them is part of its own."""

_ORIGINS: Final[Mapping[Profile, str]] = {
    "full": "Made from the original notMNIST archives: letters A to J in publicly available fonts, 28 by 28 pixels.",
    "sample": "Made from archives that notmnist_assets rendered from freely licensed fonts: in the form of notMNIST's,"
    " with planted duplicates, leaks and wrong labels, but not the images of notMNIST.",
    "custom": "Made from archives in the form of notMNIST's that the user of notmnist_assets named.",
}
_TABLES: Final[Mapping[str, tuple[str, str, dg.DagsterType]]] = {
    "near_pairs": ("overlap", "near_pairs", NearPairsType),
    "radius": ("overlap", "radius", RadiusCurveType),
    "overlap_report": ("overlap", "report", OverlapReportType),
    "conflicts": ("overlap", "label_conflicts", LabelConflictsType),
    "recall": ("overlap", "recall", RecallType),
    "removed": ("sanitized", "removed", RemovedRowsType),
    "metrics": ("baselines", "metrics", BaselineMetricsType),
}
INPUT_KEYS: Final[Sequence[dg.AssetKey]] = [
    *(dg.AssetKey(["archives", name]) for name in SETS),
    *LETTER_KEYS,
    *(dg.AssetKey([group, name]) for group in ("splits", "hashes", "sanitized") for name in SPLITS),
    *(dg.AssetKey([group, name]) for group, name, _ in _TABLES.values()),
]
"""All that the page is made from."""


@dg.asset(
    key=["report", "html"],
    group_name="report",
    code_version=CODE_VERSION,
    io_manager_key="export_io",
    dagster_type=ExportedFileType,
    kinds={"html"},
    deps=LETTER_KEYS,
    ins={
        **{f"{name}_archive": dg.AssetIn(key=["archives", name], input_manager_key="archive_io") for name in SETS},
        **split_inputs("splits", "raw_"),
        **hash_inputs(),
        **{name: table_input(*where) for name, where in _TABLES.items()},
        **split_inputs("sanitized", "clean_"),
    },
    description=(
        "One HTML page for a reviewer, which needs no other file and no network: what went in, what was rejected,"
        " balance, duplicates with pictures, what sanitizing removed and why, baselines with intervals, agreement with"
        " published numbers, versions and content hashes. `notmnist report DEST` copies it."
    ),
)
def html(
    context: dg.AssetExecutionContext, settings: SettingsResource, **inputs: Any
) -> dg.MaterializeResult[ExportedFile]:
    """Write the page: equal values give equal bytes."""
    made = last_made(context.instance, INPUT_KEYS)
    recorded = recorded_settings(made)
    chosen = _as_recorded(settings.read(), recorded)
    raw: Mapping[str, Split] = splits_of(inputs, "raw_")
    tables: dict[str, pd.DataFrame] = {name: inputs[name] for name in _TABLES}
    data = ReportData(
        title=f"notMNIST report, profile {chosen.profile}",
        origin=_ORIGINS[chosen.profile],
        originals=chosen.profile == "full",
        published_draw=chosen.seed == SEED and {name: len(raw[name]) for name in SPLITS} == dict(SIZES),
        settings=settings_shown(recorded),
        disagreements=tuple(input_disagreements(made)),
        archives={name: inputs[f"{name}_archive"] for name in SETS},
        letters=stored_letters(settings),
        splits=raw,
        sanitized=splits_of(inputs, "clean_"),
        removed=tables["removed"],
        policy=sanitize_policy(chosen),
        hashes=hashes_of(inputs),
        near_pairs=tables["near_pairs"],
        radius=tables["radius"],
        overlap=tables["overlap_report"],
        conflicts=tables["conflicts"],
        recall=tables["recall"],
        baselines=tables["metrics"],
        package_version=_PACKAGE_VERSION,
        code_versions=_STAGES,
        contents=_contents(ValueStore(settings.storage_root()), hashes_of(inputs), tables),
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
    rejected = sum(len(images.rejected) for by_letter in data.letters.values() for images in by_letter.values())
    rows = [
        f"| {name} | {len(data.splits[name]):,} | {len(data.splits[name]) - len(data.sanitized[name]):,}"
        f" | {len(data.sanitized[name]):,} |"
        for name in SPLITS
    ]
    scored = data.baselines.query("train_rows == 'all' and train_on == 'raw' and eval_on == 'test'")
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


def recorded_settings(made: Mapping[dg.AssetKey, Made]) -> dict[str, list[Any]]:
    """Return with which values of each reported setting the inputs were made: one each, unless they disagree.

    Not the settings of this run: those of the inputs may be others, and the page tells of the inputs.
    """
    found: dict[str, list[Any]] = {name: [] for name in REPORTED_SETTINGS}
    for key in INPUT_KEYS:
        for name, value in (made[key].settings if key in made else {}).items():
            if name in found and value not in found[name]:
                found[name].append(value)
    return found


def input_disagreements(made: Mapping[dg.AssetKey, Made]) -> Iterator[str]:
    """Tell which inputs were not made from one another, or with different settings."""
    yield from disagreements(made)
    for name, values in recorded_settings(made).items():
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


def _contents(
    store: ValueStore, hash_tables: Mapping[str, pd.DataFrame], tables: Mapping[str, pd.DataFrame]
) -> dict[str, str]:
    """Return the hash of the content of every input, by asset key."""
    keys = [
        *(["archives", name] for name in SETS),
        *(key.path for key in LETTER_KEYS),
        *([group, name] for group in ("splits", "sanitized") for name in SPLITS),
    ]
    with explained():
        # The versions of tensors are their fingerprints: no need to read all pixels again.
        found = {"/".join(key): store.require(key).version for key in keys}
    found |= {f"hashes/{name}": fingerprint(table) for name, table in hash_tables.items()}
    for name, (group, key, _) in _TABLES.items():
        # Times differ from run to run, and are not on the page.
        found[f"{group}/{key}"] = fingerprint(tables[name], leave_out=("seconds",))
    stages = list(_STAGES)
    return dict(sorted(found.items(), key=lambda item: stages.index(item[0].split("/")[0])))


def _write(page: bytes, file: BinaryIO) -> None:
    file.write(page)


ASSETS: Sequence[dg.AssetsDefinition] = [html]
