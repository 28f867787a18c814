"""Defines `grouped/train`, `/valid` and `/test`, a split of both archives by duplicate groups."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.assets.declaration import Declaration, Stage
from notmnist_assets.assets.near_pairs import RADIUS
from notmnist_assets.assets.sanitized import CLEAN_DRIFT, sanitize_policy
from notmnist_assets.assets.splits import ALL_LETTER_KEYS, SIZE_SETTINGS, columns_from_letters
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.cluster import ClusterResource
from notmnist_assets.curation.core.images import SETS
from notmnist_assets.curation.core.statistics import label_counts
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.sanitizing.decision import REASONS, Policy
from notmnist_assets.curation.sanitizing.grouping import (
    GROUP_TOO_LARGE,
    NO_ROOM,
    gather_splits,
    left_out_images,
    split_pool,
)
from notmnist_assets.curation.sanitizing.thinning import most_thinned, rows_lost
from notmnist_assets.curation.splitting.splits import SPLITS, sizes_from_data
from notmnist_assets.curation.summaries.results import clean_summary
from notmnist_assets.metadata.display import asset_page, contact_sheet_metadata, counts_table, table
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.deployment import PREFIX
from notmnist_assets.settings.model import Settings
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.types import SplitType, data_version


def grouped_policy(config: Settings) -> Policy:
    """Return the rules by which images are removed before they are grouped: those of `sanitized/*`, method near."""
    return replace(sanitize_policy(config), method="near")


def _declaration(name: str) -> Declaration:
    return Declaration(
        key=f"grouped/{name}",
        code_version="2",
        role="dataset",
        dagster_type=SplitType,
        io_manager="split_io",
        kinds={"numpy"},
        columns=columns_from_letters("letters/large/*", "letters/small/*"),
        settings=(*SIZE_SETTINGS, "grouped_fonts", "near_shifts", "sanitize_conflicts", "sanitize_repeats"),
        guards=("largest_imbalance",),
        drift=CLEAN_DRIFT,
        description=(
            f"The {name} rows of a split of both archives by duplicate groups. Images connected by equal pixels or by"
            f" distances up to the radius in use, or by fonts with {PREFIX}GROUPED_FONTS, are in the same split, so"
            " that no row leaks into another split. Images with conflicting letters and repeats, equal or near, are"
            f" removed before, as in sanitized/{name}; {PREFIX}SANITIZE_CONFLICTS and {PREFIX}SANITIZE_REPEATS can keep"
            f" them. The split has the size of splits/{name}, or is smaller if the remaining groups are too large."
            " `images_left_out` is the number of readable images of both archives that are in no split; the table"
            " `left_out` counts them by letter and reason."
        ),
    )


GROUPED: Final = {name: _declaration(name) for name in SPLITS}
_LEFT_OUT = {
    "letter": "letter of the images",
    "reason": "; ".join(
        f"{reason}: {meaning}"
        for reason, meaning in {
            **{reason: REASONS[reason] for reason in ("conflicting letters", "repeat", "near repeat")},
            GROUP_TOO_LARGE: "their group has more images of a letter than any split has room for",
            NO_ROOM: "no split had room for their group when it was assigned",
        }.items()
    ),
    "images": "images that are in no split",
    "groups": "duplicate groups of these images",
    "largest_group": "images of the largest of these groups, of all letters",
}


@dg.multi_asset(
    name="grouped",
    can_subset=True,
    deps=ALL_LETTER_KEYS,
    ins={"radius": RADIUS.input},
    outs={name: declaration.output for name, declaration in GROUPED.items()},
)
def grouped(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    values: ValueLoader,
    cluster: ClusterResource,
    radius: pd.DataFrame,
) -> Iterator[dg.MaterializeResult[Split]]:
    """Group all images, remove conflicts and repeats, assign whole groups to splits, and copy their pixels."""
    config = settings.read()
    near_radius = chosen_radius(radius)
    with as_dagster_failure(), cluster.open() as work_map:
        pool, index = values.pool(near_radius, work_map)
    large, small = ([len(images) for images in pool.letters[set_name].values()] for set_name in SETS)
    sizes = sizes_from_data(large, small, train=config.train_size, valid=config.valid_size, test=config.test_size)
    found = split_pool(pool, index, sizes, config.seed, grouped_policy(config), by_font=config.grouped_fonts)
    left_out = left_out_images(found.groups, pool.label, found.reasons)
    out = (found.reasons != "").to_numpy()
    thinned = most_thinned(rows_lost(pool.label, pool.label[out], found.reasons[out]))
    splits = gather_splits(pool, found.split_of, config.seed)
    for position, (name, declaration) in enumerate(GROUPED.items()):
        if declaration.asset_key in context.selected_asset_keys:
            split, groups = splits[name], found.groups[found.split_of == position]
            yield dg.MaterializeResult(
                asset_key=declaration.asset_key,
                value=split,
                data_version=data_version(split),
                metadata=asset_page(
                    clean_summary(
                        "grouped",
                        name,
                        len(split),
                        getattr(sizes, name),
                        "All images of a duplicate group, of both archives, are in one split.",
                    ),
                    picture={"pictures": contact_sheet_metadata(split.images, declaration.key)},
                    numbers={
                        "rows": len(split),
                        "groups": len(np.unique(groups)),
                        "largest_group": int(np.bincount(groups, minlength=1).max()),
                        "radius": near_radius,
                        "images_left_out": int(out.sum()),
                    },
                    facts={"by_font": config.grouped_fonts, "thinned_most": thinned},
                    tables={
                        "rows_per_letter": counts_table(label_counts(split.labels).tolist()),
                        "left_out": table(left_out.sort_values("images", ascending=False, kind="stable"), _LEFT_OUT),
                    },
                ),
            )


STAGE = Stage(list(GROUPED.values()), [grouped])
