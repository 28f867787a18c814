"""Adds the metadata that all assets have: owner, tags, settings, URI, usage, freshness, links to the code."""

import warnings
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, cast

import dagster as dg

from notmnist_assets.assets.declaration import Declaration, Stage, recorded_settings_by_asset
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.settings.model import Settings
from notmnist_assets.settings.recorded import DECLARED_SETTINGS, declared_settings
from notmnist_assets.settings.values import setting_values

OWNER: Final = "team:notmnist-data"
_FRESHNESS: Final = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=180), fail_window=timedelta(days=365))
"""A refresh does not materialize unchanged assets, so that their age may be months. These windows warn if archives or
results have not been materialized with current code and packages for half a year."""


def with_common_metadata(stages: Sequence[Stage], settings: Settings) -> list[dg.AssetsDefinition]:
    """Return the assets of all stages, in order, each with its common metadata.

    The code version of an asset becomes the declared one followed by its settings, such as `3 seed=133`, so that
    Dagster marks an asset as unsynced when a setting changes. The UI sorts groups by name; the tag `stage` numbers them
    in the order of the flow.
    """
    recorded = recorded_settings_by_asset(stages)
    assets = []
    for number, stage in enumerate(stages, start=1):
        declared = {declaration.asset_key: declaration for declaration in stage.declarations}

        def extend(spec: dg.AssetSpec, declared: Any = declared, number: int = number) -> dg.AssetSpec:
            return _extended(spec, declared[spec.key], recorded[declared[spec.key].key], settings, number)

        assets += [_linked_to_code(asset).map_asset_specs(extend) for asset in stage.assets]
    return assets


def _extended(
    spec: dg.AssetSpec, declaration: Declaration, recorded: Sequence[str], settings: Settings, stage: int
) -> dg.AssetSpec:
    own = setting_values(declaration.relevant_settings, settings)
    extended = spec.merge_attributes(
        owners=[OWNER],
        tags=_tags(declaration, stage),
        metadata={
            "dagster/uri": f"{settings.storage_root}/{declaration.key}",
            DECLARED_SETTINGS: declared_settings(declaration.relevant_settings, recorded),
        },
    )
    return extended.replace_attributes(
        code_version=" ".join([declaration.code_version, *(f"{name}={value}" for name, value in own.items())]),
        description=f"{declaration.description}\n\n{_usage(declaration)}",
        freshness_policy=_FRESHNESS if declaration.is_endpoint else None,
    )


def _tags(declaration: Declaration, stage: int) -> dict[str, str]:
    """Return the tags role and stage, and set, letter and split if the key contains them."""
    tags = {"role": declaration.role, "stage": f"{stage:02d}-{declaration.path[0]}"}
    for part in declaration.path[1:]:
        for name, values in (("set", SETS), ("letter", LETTERS), ("split", SPLITS)):
            if part in values:
                tags[name] = part
    return tags


def _usage(declaration: Declaration) -> str:
    """Return a sentence with the code or the command that loads the value."""
    if declaration.role == "export":
        group, name = declaration.path
        command = f"export {name}" if group == "exports" else "gallery" if name == "gallery" else "report"
        return f"Copy it with `notmnist {command} DEST` (format: {name})."
    if declaration.dagster_type.typing_type is Split:
        return f'Load it with `x, y = notmnist_assets.load_split("{declaration.key}")`.'
    path = ", ".join(f'"{part}"' for part in declaration.path)
    return f"Load it with `notmnist_assets.definitions.defs.load_asset_value([{path}])`."


def _linked_to_code(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """Return the asset with a link to the file and line of its function on this machine."""
    with warnings.catch_warnings():
        # Links to code are a beta feature of Dagster; its warning is of no use to users of this package.
        warnings.simplefilter("ignore", dg.BetaWarning)
        (linked,) = dg.with_source_code_references([asset])
    return cast("dg.AssetsDefinition", linked)
