"""The assets of a graph that are materialized and stored."""

import dagster as dg

from notmnist_assets.assets.sources import SOURCE_KEYS


def asset_specs(definitions: dg.Definitions) -> list[dg.AssetSpec]:
    """Return the specs of all assets but the sources, which are only observed."""
    return [spec for spec in definitions.resolve_all_asset_specs() if spec.key not in SOURCE_KEYS.values()]
