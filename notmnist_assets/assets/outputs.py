"""Outputs that several assets share, each with its type and its IO manager.

Belongs here: how a split becomes an asset. What is in it is up to the asset.
"""

from collections.abc import Mapping

import dagster as dg

from notmnist_assets.types import SPLIT_ROWS, SplitType


def split_outputs(group: str, code_version: str, descriptions: Mapping[str, str]) -> dict[str, dg.AssetOut]:
    """Return one output per split of a group, any of which a run may leave out."""
    return {
        name: dg.AssetOut(
            key=[group, name],
            dagster_type=SplitType,
            io_manager_key="split_io",
            code_version=code_version,
            kinds={"numpy"},
            is_required=False,
            metadata={"dagster/column_schema": SPLIT_ROWS},
            description=description,
        )
        for name, description in descriptions.items()
    }
