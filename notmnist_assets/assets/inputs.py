"""Inputs that several assets and checks share, each with its type and its IO manager.

Belongs here: names of upstream assets. What is done with them is up to the asset.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandas as pd

from notmnist_assets.curation.images import LETTERS
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.values import Split
from notmnist_assets.types import HashesType, LetterImagesType, SplitType


def letter_inputs(set_name: str) -> dict[str, dg.AssetIn]:
    """Return the ten letters of a set as `<set>_<letter>`."""
    return {
        f"{set_name}_{letter}": dg.AssetIn(
            key=["letters", set_name, letter], dagster_type=LetterImagesType, input_manager_key="letters_io"
        )
        for letter in LETTERS
    }


def split_inputs(group: str, prefix: str = "") -> dict[str, dg.AssetIn]:
    """Return train, valid and test of `splits` or `sanitized` as `<prefix><name>`."""
    return {
        f"{prefix}{name}": dg.AssetIn(key=[group, name], dagster_type=SplitType, input_manager_key="split_io")
        for name in SPLITS
    }


def hash_inputs() -> dict[str, dg.AssetIn]:
    """Return the hash tables as `<name>_hashes`."""
    return {
        f"{name}_hashes": dg.AssetIn(key=["hashes", name], dagster_type=HashesType, input_manager_key="table_io")
        for name in SPLITS
    }


def table_input(group: str, name: str, table_type: dg.DagsterType) -> dg.AssetIn:
    """Return one table."""
    return dg.AssetIn(key=[group, name], dagster_type=table_type, input_manager_key="table_io")


def splits_of(inputs: Mapping[str, Any], prefix: str = "") -> dict[str, Split]:
    """Return the splits among the values of an asset's inputs, by name."""
    return {name: inputs[f"{prefix}{name}"] for name in SPLITS}


def hashes_of(inputs: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Return the hash tables among the values of an asset's inputs, by split."""
    return {name: inputs[f"{name}_hashes"] for name in SPLITS}


def for_check(inputs: Mapping[str, dg.AssetIn]) -> dict[str, dg.AssetIn]:
    """Return the inputs without their types: Dagster takes none on inputs of the assets that a check is about."""
    return {
        name: dg.AssetIn(key=asset_in.key, input_manager_key=asset_in.input_manager_key)
        for name, asset_in in inputs.items()
    }
