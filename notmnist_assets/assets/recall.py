"""Defines `overlap/recall`: the planted duplicates that each method finds."""

from typing import Final

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.assets.declaration import Declaration
from notmnist_assets.assets.hashes import HASH_KEYS
from notmnist_assets.assets.near_pairs import NEAR_PAIRS, RADIUS
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.cluster import ClusterResource
from notmnist_assets.curation.core.figures import number_grid
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.pair_table import chosen_radius, images_of, pairs_among
from notmnist_assets.curation.duplicates.recall import METHODS, false_alarm_table, recall_by_method, recall_table
from notmnist_assets.curation.summaries.results import recall_summary
from notmnist_assets.metadata.columns import Column, Sources
from notmnist_assets.metadata.display import asset_page, descriptions, picture, table
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.types import data_version, table_type

_RECALL_IMAGES = 10_000
"""Distinct images in the recall study: its perceptual hashes are compared by brute force."""
_FOUND: Final[Sources] = {"splits/*": ("image",), "overlap/radius": ("radius", "chosen")}

_RECALL_COLUMNS: Final = {
    "perturbation": Column("string", "kind of change of the copies"),
    "strength": Column("float64", "strength of the change"),
    "method": Column("string", "exact, cells, near, phash_0 or phash_10"),
    "planted": Column("int64", "copies planted"),
    "found": Column("int64", "copies the method calls duplicates of their originals", _FOUND),
    "recall": Column("float64", "found over planted", _FOUND),
    "ci_low": Column("float64", "lower end of the recall's Wilson 95 % interval", _FOUND),
    "ci_high": Column("float64", "upper end of the interval", _FOUND),
    "median_distance": Column(
        "float64", "median L1 distance of copy and original, in units of 255", {"splits/*": ("image",)}
    ),
}
RECALL: Final = Declaration(
    key="overlap/recall",
    code_version="4",
    role="evidence",
    dagster_type=table_type("Recall", _RECALL_COLUMNS, "Recall of each method on planted duplicates."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    columns=_RECALL_COLUMNS,
    # The planted copies are searched with it. The other assets depend on it only through `overlap/near_pairs`.
    settings=("near_shifts",),
    description=(
        "Recall of each method on planted duplicates: copies of a sample of the split images, changed by gray noise,"
        " changed pixels, shifts, blur, erosion, dilation, resizing, JPEG compression or quantization. The methods are"
        " exact, cells, near at the radius in use, and a perceptual hash at Hamming distances 0 and 10; intervals are"
        " Wilson 95 % intervals. The table `false_alarms` in the metadata contains the share of pairs with different"
        " letters among the pairs that each method calls duplicates."
    ),
)

_RECALL_BY_METHOD = {
    **descriptions(RECALL.schema),
    **{method: f"recall of {method}: copies found over copies planted" for method in METHODS},
}
_FALSE_ALARMS = {
    "method": "cells, near, phash_0 or phash_10",
    "images": "distinct images compared",
    "pairs": "pairs of these images that the method calls duplicates",
    "cross_letter": "pairs of these with different letters, a sum of probabilities",
    "share": "cross_letter over pairs",
    "interval": "Wilson 95 % interval of the share",
}


@RECALL.asset(
    deps=HASH_KEYS,
    ins={
        **{name: declaration.input for name, declaration in SPLIT_ASSETS.items()},
        "near_pairs": NEAR_PAIRS.input,
        "radius": RADIUS.input,
    },
)
def recall(
    settings: SettingsResource,
    cluster: ClusterResource,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    values: ValueLoader,
    train: Split,
    valid: Split,
    test: Split,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Measure recall on planted duplicates."""
    near_radius, shifts = chosen_radius(radius), settings.read().near_shifts
    index = values.row_index()
    splits = {"train": train, "valid": valid, "test": test}
    rows = evenly_spaced(index.images, _RECALL_IMAGES)
    images = images_of(index, splits, index.first_rows[rows])
    pairs = pairs_among(index.pairs_of_table(near_pairs, near_radius), rows, index.images)
    with as_dagster_failure(), cluster.open() as work_map:
        found = recall_table(images, near_radius, shifts=shifts, work_map=work_map)
        alarms = false_alarm_table(images, index.rows_by_letter[rows], pairs, work_map)
    planted = found["perturbation"] + " " + found["strength"].map("{:g}".format)
    grid = found.assign(planted=planted).pivot_table(index="planted", columns="method", values="recall", sort=False)
    chart = number_grid(
        grid.index.tolist(),
        grid.columns.tolist(),
        grid.to_numpy(np.float64),
        f"Recall (%); near at radius {near_radius:g}",
    )
    return dg.MaterializeResult(
        value=found,
        data_version=data_version(found),
        metadata=asset_page(
            recall_summary(found, near_radius),
            picture={
                "chart": picture(
                    chart, "share of planted copies that each method finds, by kind and strength of change"
                )
            },
            numbers={"rows": len(found), "radius": near_radius},
            facts={"shifts": shifts},
            tables={
                "false_alarms": table(
                    alarms, _FALSE_ALARMS, shares=("share",), intervals={"interval": ("ci_low", "ci_high")}
                ),
                "recall": table(recall_by_method(found), _RECALL_BY_METHOD, shares=METHODS),
            },
        ),
    )
