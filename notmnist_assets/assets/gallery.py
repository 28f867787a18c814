"""Defines the asset `report/gallery`: one HTML page to browse duplicates, removed rows, labels and rejected files."""

from collections.abc import Mapping
from functools import partial
from typing import BinaryIO, Final

import dagster as dg
import pandas as pd

from notmnist_assets.assets.baselines import MISTAKES
from notmnist_assets.assets.declaration import Declaration
from notmnist_assets.assets.hashes import HASH_KEYS
from notmnist_assets.assets.labels import ISSUES
from notmnist_assets.assets.letters import FILES
from notmnist_assets.assets.near_pairs import NEAR_PAIRS, RADIUS
from notmnist_assets.assets.sanitized import REMOVED
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.cluster import ClusterResource
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.report.gallery.data import GalleryData
from notmnist_assets.curation.report.gallery.page import FILE_NAME, gallery_page
from notmnist_assets.curation.summaries.outputs import gallery_summary
from notmnist_assets.metadata.display import asset_page, table
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.exported import ExportedFile
from notmnist_assets.storage.types import ExportedFileType

GALLERY: Final = Declaration(
    key="report/gallery",
    code_version="5",
    role="export",
    dagster_type=ExportedFileType,
    io_manager="export_io",
    kinds={"html"},
    settings=("profile",),
    is_endpoint=True,
    description=(
        "One HTML page to browse: pairs across splits, removed rows, duplicate groups, label conflicts and issues,"
        " wrong predictions and rejected files, with filters by split, letter, reason, method, distance and font. A"
        " click shows the rows with their nearest rows and the reason of removal. Selected rows can be downloaded as"
        " CSV, or as a list of overrides for sanitizing. The page needs no other file and no network. `notmnist"
        " gallery` opens it."
    ),
)


@GALLERY.asset(
    deps=HASH_KEYS,
    ins={
        **{name: declaration.input for name, declaration in SPLIT_ASSETS.items()},
        "near_pairs": NEAR_PAIRS.input,
        "radius": RADIUS.input,
        "removed": REMOVED.input,
        "files": FILES.input,
        "issues": ISSUES.input,
        "mistakes": MISTAKES.input,
    },
)
def gallery(
    settings: SettingsResource,
    values: ValueLoader,
    cluster: ClusterResource,
    train: Split,
    valid: Split,
    test: Split,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    removed: pd.DataFrame,
    files: pd.DataFrame,
    issues: pd.DataFrame,
    mistakes: pd.DataFrame,
) -> dg.MaterializeResult[ExportedFile]:
    """Write the page; equal inputs give equal bytes."""
    near_radius = chosen_radius(radius)
    data = GalleryData(
        title=f"notMNIST gallery, profile {settings.read().profile}",
        splits={"train": train, "valid": valid, "test": test},
        index=values.near_index(near_pairs, radius),
        near_pairs=near_pairs,
        radius=near_radius,
        search_radius=values.complete_radius(NEAR_PAIRS.path),
        removed=removed,
        files=files,
        issues=issues,
        mistakes=mistakes,
    )
    with as_dagster_failure(), cluster.open() as work_map:
        made = gallery_page(data, work_map=work_map)
    return dg.MaterializeResult(
        value=ExportedFile(FILE_NAME, made.version, partial(_write, made.page)),
        data_version=dg.DataVersion(made.version),
        metadata=asset_page(
            gallery_summary(made.contents.shown, made.contents.total),
            numbers={"bytes": len(made.page), "images": len(made.contents.images)},
            tables={"items": table(_items(made.contents.shown, made.contents.total))},
        ),
    )


def _items(shown: Mapping[str, int], total: Mapping[str, int]) -> pd.DataFrame:
    """Return the number of items on the page and before the selection, by kind."""
    return pd.DataFrame({"kind": list(total), "shown": [shown[kind] for kind in total], "all": list(total.values())})


def _write(page: bytes, file: BinaryIO) -> None:
    file.write(page)
