"""Loads stored splits as arrays without Dagster, for programs that train on them.

`definitions.defs.load_asset_value` returns whole values with their sources.
"""

import warnings
from difflib import get_close_matches
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import Images, as_float32
from notmnist_assets.curation.core.npy import read_npy
from notmnist_assets.curation.core.values import Split
from notmnist_assets.settings.model import read_settings
from notmnist_assets.settings.values import RUN_SETTINGS, in_words, run_settings
from notmnist_assets.storage.store import Manifest, ValueStore


class RunSettingsWarning(UserWarning):
    """A stored value was materialized with settings that only its run had."""


@overload
def load_split(name: str, *, normalized: Literal[False] = False) -> tuple[Images, npt.NDArray[np.int32]]: ...


@overload
def load_split(name: str, *, normalized: Literal[True]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]: ...


@overload
def load_split(name: str, *, normalized: bool) -> tuple[Images | npt.NDArray[np.float32], npt.NDArray[np.int32]]: ...


def load_split(
    name: str, *, normalized: bool = False
) -> tuple[Images | npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Return the images and labels of a stored split as new arrays in memory.

    Storage and profile are those of the environment, as for every command.

    Args:
        name: asset key of a split, such as `sanitized/test`.
        normalized: return images as float32, (pixel - 127.5) / 255, from -0.5 to 0.5, instead of uint8.

    Returns:
        Images (n, 28, 28): uint8, 0 for background and 255 for ink, or float32. Labels (n,): int32, 0 to 9 for A to J.

    Warns:
        RunSettingsWarning: the value was materialized in the UI with other settings than those of the environment.

    Raises:
        CurationError: the name is unknown, nothing is stored under it, or the stored value is damaged.
        SettingsError: a setting in the environment has a value that is not allowed.
    """
    key = name.split("/")
    store = ValueStore(read_settings().storage_root)
    stored = store.find(key) if all(key) else None
    if stored is None or not {"images.npy", "labels.npy"} <= stored.files.keys():
        _check_name(name)
        stored = store.require(key)
    specific = run_settings(stored.facts.get(RUN_SETTINGS, {}))
    if specific:
        warnings.warn(
            f"{name} was materialized with settings of one run only: {in_words(specific)}. notmnist run replaces it.",
            RunSettingsWarning,
            stacklevel=2,
        )
    images = _array(store, key, stored, "images.npy")
    labels = _array(store, key, stored, "labels.npy")
    return as_float32(images) if normalized else images, labels


def _check_name(name: str) -> None:
    """Raise CurationError if the name is not the key of a split."""
    # Importing Dagster takes a second, so it is imported only for this message.
    from notmnist_assets.definitions import DECLARATIONS

    splits = [key for key, declaration in DECLARATIONS.items() if declaration.dagster_type.typing_type is Split]
    if name not in splits:
        close = get_close_matches(name, splits, n=1)
        remedy = f"Did you mean {close[0]}?" if close else f"Splits are {', '.join(splits)}."
        raise CurationError("there is no such split.", subject=name, remedy=remedy)


def _array(store: ValueStore, key: list[str], stored: Manifest, name: str) -> npt.NDArray[Any]:
    with store.open(key, stored, name) as file:
        return read_npy(file)
