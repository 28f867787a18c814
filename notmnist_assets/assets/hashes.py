"""`hashes/train`, `hashes/valid`, `hashes/test`: one row per split row that identifies its image.

Belongs here: wiring. The digests are in `curation.hashes`.
"""

from collections.abc import Sequence

import dagster as dg
import pandas as pd

from notmnist_assets.curation.hashes import hash_table
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.values import Split
from notmnist_assets.types import HASHES, HashesType, data_version

CODE_VERSION = "1"


def _hash_asset(name: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=["hashes", name],
        group_name="hashes",
        code_version=CODE_VERSION,
        io_manager_key="table_io",
        dagster_type=HashesType,
        kinds={"pandas", "parquet"},
        ins={"split": dg.AssetIn(key=["splits", name], input_manager_key="split_io")},
        metadata={"dagster/column_schema": HASHES},
        description=(
            f"One row per row of splits/{name}: `exact` tells equal images, `cells` is the assignment's coarse hash"
            " (4x4 maxima), `ink` bounds distances from below."
        ),
    )
    def hashes(split: Split) -> dg.MaterializeResult[pd.DataFrame]:
        table = hash_table(split)
        return dg.MaterializeResult(
            value=table,
            data_version=data_version(table),
            metadata={
                "rows": len(table),
                "distinct_images": int(table["exact"].nunique()),
                "distinct_cells": int(table["cells"].nunique()),
            },
        )

    return hashes


ASSETS: Sequence[dg.AssetsDefinition] = [_hash_asset(name) for name in SPLITS]
