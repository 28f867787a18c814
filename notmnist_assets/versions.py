"""Code versions that also name the settings, so that changed settings make an asset stale like changed code does.

Belongs here: which settings change the bytes of which assets.
"""

from collections.abc import Mapping
from typing import Any, Final

import dagster as dg

from notmnist_assets.settings import Settings

_SANITIZE: Final = ("sanitize_method", "sanitize_remove", "sanitize_conflicts", "sanitize_repeats")
REPORTED_SETTINGS: Final = (
    *("profile", "train_size", "valid_size", "test_size", "min_large", "min_small", "seed"),
    *("near_radius", "near_shifts", *_SANITIZE),
)
"""What the report tells: all that the values on it depend on, as these record it."""

_OF_GROUP: Final[Mapping[str, tuple[str, ...]]] = {
    "archives": ("profile", "archives"),
    "splits": ("train_size", "valid_size", "test_size", "seed"),
    "sanitized": _SANITIZE,
    "grouped": ("train_size", "valid_size", "test_size", "seed", "grouped_fonts", "near_shifts"),
}
_BELOW: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {
    # A minimum changes no bytes, but whether there may be any.
    ("letters", "large"): ("min_large",),
    ("letters", "small"): ("min_small",),
    ("overlap", "near_pairs"): ("search_radius", "near_shifts"),
    ("overlap", "radius"): ("near_radius",),
    # Its copies are searched anew; pairs, which the others read, change with the setting by themselves.
    ("overlap", "recall"): ("near_shifts",),
    # The dataset card tells them.
    ("exports", "parquet"): ("profile", "near_shifts", *_SANITIZE),
    # All other settings reach the page through the values it is made from. A minimum changes none of them.
    ("report", "html"): ("profile", "min_large", "min_small"),
}

_DRAW: Final = ("profile", "train_size", "valid_size", "test_size", "seed")
_NEAR: Final = ("search_radius", "near_radius", "near_shifts")
_BEHIND: Final[Mapping[str, tuple[str, ...]]] = {
    # Made of the splits as drawn, unlike the other exports.
    "exports/pickle": _DRAW,
    "archives": ("profile",),
    "letters": ("profile",),
    "splits": _DRAW,
    "hashes": _DRAW,
    "overlap": (*_DRAW, *_NEAR),
    "grouped": (*_DRAW, *_NEAR, "grouped_fonts"),
}


def settings_behind(key: dg.AssetKey, settings: Settings) -> dict[str, Any]:
    """Return the settings, by name, that decide what is made of the same archives under `key`, here and upstream.

    Values that agree in them can be compared. Where the archives come from is left out: new archives are what one
    wants to compare with old ones.
    """
    names = _BEHIND.get(key.to_user_string()) or _BEHIND.get(key.path[0], (*_DRAW, *_NEAR, *_SANITIZE))
    return {name: getattr(settings, name) for name in names}


def settings_that_matter(key: dg.AssetKey, settings: Settings) -> dict[str, Any]:
    """Return the settings, by name, that change what is stored under `key`."""
    names = _OF_GROUP.get(key.path[0]) or _BELOW.get(tuple(key.path[:2]), ())
    # What is returned is stored and shown: the password of a mirror must not be in it.
    return {name: getattr(settings, "archives_told" if name == "archives" else name) for name in names}


def with_settings(asset: dg.AssetsDefinition, settings: Settings) -> dg.AssetsDefinition:
    """Return `asset` with the settings that matter to it written into its code versions."""

    def extend(spec: dg.AssetSpec) -> dg.AssetSpec:
        parts = [f"{name}={value}" for name, value in settings_that_matter(spec.key, settings).items()]
        return spec.replace_attributes(code_version=" ".join([spec.code_version or "", *parts]))

    return asset.map_asset_specs(extend)
