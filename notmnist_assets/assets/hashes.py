"""Defines `hashes/train`, `/valid` and `/test`, tables with the digests of the image of each split row."""

import dagster as dg
import pandas as pd

from notmnist_assets.assets.declaration import Declaration, Drift, Stage
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.cluster import ClusterResource
from notmnist_assets.curation.core.drift import within_share
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.buckets import distinct_digests
from notmnist_assets.curation.duplicates.hashes import hash_table
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.curation.summaries.inputs import hash_summary
from notmnist_assets.metadata.columns import Column
from notmnist_assets.metadata.display import asset_page
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.storage.types import data_version, table_type

_DRIFT = Drift(
    "Distinct images: 1 %, which is seven standard errors of the number of repeats in the test split of the original"
    " archives, 2 % of 10,000 rows.",
    lambda _previous: {"distinct_images": within_share(0.01)},
)


def _declaration(name: str) -> Declaration:
    image = {f"splits/{name}": ("image",)}
    columns = {
        "row": Column("int32", "row of the split"),
        "label": Column("int32", "0 to 9 for A to J", {f"splits/{name}": ("label",)}),
        "exact": Column("string", "first 128 bits of the SHA-256 of the 784 pixels, in hex", image),
        "cells": Column("string", "digest of the 49 maxima of 4x4 cells, the assignment's coarse hash", image),
        "ink": Column("float64", "sum of the pixels in units of 255", image),
    }
    return Declaration(
        key=f"hashes/{name}",
        code_version="2",
        role="evidence",
        dagster_type=table_type(f"HashTable_{name}", columns, "One row per split row: digests and ink of its image."),
        io_manager="hash_io",
        kinds={"pandas", "parquet"},
        columns=columns,
        drift=_DRIFT,
        description=(
            f"Digests of the image of each row of splits/{name}. Images with equal `exact` have equal pixels, images"
            " with equal `cells` have equal maxima of 4x4 cells, the assignment's coarse hash. The difference of the"
            " `ink` of two images is a lower bound of their distance."
        ),
    )


HASHES = {name: _declaration(name) for name in SPLITS}
HASH_KEYS = [declaration.asset_key for declaration in HASHES.values()]
"""What assets depend on that use `ValueLoader.row_index`."""


def _hash_asset(name: str) -> dg.AssetsDefinition:
    @HASHES[name].asset(ins={"split": SPLIT_ASSETS[name].input})
    def hashes(cluster: ClusterResource, split: Split) -> dg.MaterializeResult[pd.DataFrame]:
        """Compute the digests of each row's image."""
        with as_dagster_failure(), cluster.open() as work_map:
            table = hash_table(split, work_map)
        images, cells = distinct_digests(table["exact"]), distinct_digests(table["cells"])
        return dg.MaterializeResult(
            value=table,
            data_version=data_version(table),
            metadata=asset_page(
                hash_summary(name, len(table), images, cells),
                numbers={"rows": len(table), "distinct_images": images, "distinct_cells": cells},
            ),
        )

    return hashes


STAGE = Stage(list(HASHES.values()), [_hash_asset(name) for name in SPLITS])
