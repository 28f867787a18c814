"""Inputs that several assets and checks share, each with its type and its IO manager.

Belongs here: names of upstream assets. What is done with them is up to the asset.
"""

from collections.abc import Mapping
from typing import Any, Final

import dagster as dg
import pandas as pd

from notmnist_assets.curation.images import LETTERS, SETS
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.values import LetterImages, Split
from notmnist_assets.failures import explained
from notmnist_assets.io_managers import LettersIOManager
from notmnist_assets.resources import SettingsResource
from notmnist_assets.storage import ValueStore
from notmnist_assets.types import HashesType, SplitType

LETTER_KEYS: Final = [dg.AssetKey(["letters", set_name, letter]) for set_name in SETS for letter in LETTERS]
"""All letters, for assets that depend on every one and load them by `stored_letters`."""


def stored_letters(settings: SettingsResource) -> dict[str, dict[str, LetterImages]]:
    """Return all letters by set, then letter, their images mapped from the files.

    As inputs they would cost forty events in the instance for each asset, which is more than loading them.
    """
    store, manager = ValueStore(settings.storage_root()), LettersIOManager()
    with explained():
        return {
            set_name: {letter: manager.load(store, ["letters", set_name, letter]) for letter in LETTERS}
            for set_name in SETS
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
