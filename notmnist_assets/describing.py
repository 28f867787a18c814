"""What every asset tells about itself in the UI, before it was ever made: owner, tags, place, settings, source code.

Belongs here: what holds for all assets alike, applied over them in one place. What an asset is, and its columns, is
said where the asset is defined; which settings matter to it is in `versions`, where its columns come from in `lineage`.
"""

import warnings
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, cast

import dagster as dg

from notmnist_assets.curation.images import LETTERS, SETS
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.lineage import column_lineage, lineage_table
from notmnist_assets.loading import LOADABLE
from notmnist_assets.settings import Settings
from notmnist_assets.versions import settings_that_matter

OWNER: Final = "team:notmnist-data"

_ROLE_OF_GROUP: Final[Mapping[str, str]] = {
    "archives": "raw",
    "letters": "raw",
    "splits": "dataset",
    "sanitized": "dataset",
    "grouped": "dataset",
    "exports": "export",
}
_EVIDENCE: Final = "evidence"
_REMOVED_ROWS: Final = dg.AssetKey(["sanitized", "removed"])

_FRESH_GROUPS: Final = ("archives", "baselines", "exports", "report")
_FRESHNESS: Final = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=180), fail_window=timedelta(days=365))
"""Long on purpose. A refresh leaves alone what did not change, so in a healthy deployment with a weekly schedule the
last materialization grows old: shorter windows would turn red for being right. What these tell is that nobody has made
the first or the last assets with today's code and packages for half a year, or a year."""


def described(asset: dg.AssetsDefinition, settings: Settings, stage: int) -> dg.AssetsDefinition:
    """Return `asset` with all that is told alike about every asset.

    Args:
        asset: one or more assets.
        settings: those that the definitions are made for.
        stage: its place in the order of the flow, from 1. The UI sorts groups by name; the tag `stage` keeps the order.
    """

    def describe(spec: dg.AssetSpec) -> dg.AssetSpec:
        told = spec.merge_attributes(
            owners=[OWNER], tags=_tags(spec.key, stage), metadata=_metadata(spec.key, settings)
        )
        return told.replace_attributes(
            description=f"{spec.description}\n\n{_usage(spec.key)}",
            freshness_policy=_FRESHNESS if spec.key.path[0] in _FRESH_GROUPS else spec.freshness_policy,
        )

    return _linked_to_code(asset).map_asset_specs(describe)


def _tags(key: dg.AssetKey, stage: int) -> dict[str, str]:
    """Return what people filter by: the role in the flow, the stage in its order, the set, the letter, the split."""
    role = _EVIDENCE if key == _REMOVED_ROWS else _ROLE_OF_GROUP.get(key.path[0], _EVIDENCE)
    tags = {"role": role, "stage": f"{stage:02d}-{key.path[0]}"}
    for part in key.path[1:]:
        for name, values in (("set", SETS), ("letter", LETTERS), ("split", SPLITS)):
            if part in values:
                tags[name] = part
    return tags


def _metadata(key: dg.AssetKey, settings: Settings) -> dict[str, Any]:
    """Return where the value is stored, the settings that make it, and what its columns are made from.

    Labels are those of the materialization where it says the same more exactly: the UI then shows the latter.
    """
    chosen = settings_that_matter(key, settings)
    lineage, lines = column_lineage(key), lineage_table(key)
    return {
        "dagster/uri": "/".join([settings.storage_root, *key.path]),
        **({"settings": dg.MetadataValue.json(chosen)} if chosen else {}),
        **({"dagster/column_lineage": lineage, "columns_made_from": lines} if lineage else {}),
    }


def _usage(key: dg.AssetKey) -> str:
    """Return in one sentence how to use the value."""
    if key.path[0] == "exports":
        return f"Copy it with `notmnist export {key.path[-1]} DEST`."
    if key.path[0] == "report":
        return f"Copy it with `notmnist report DEST`, one {key.path[-1]} page."
    if key.to_user_string() in LOADABLE:
        return f'Load it with `x, y = notmnist_assets.load_split("{key.to_user_string()}")`.'
    path = ", ".join(f'"{part}"' for part in key.path)
    return f"Load it with `notmnist_assets.definitions.defs.load_asset_value([{path}])`."


def _linked_to_code(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """Return `asset` with links to the file and the line, on this machine, where its function is defined."""
    with warnings.catch_warnings():
        # Links to code are beta in Dagster. A person who runs the program can do nothing about that.
        warnings.simplefilter("ignore", dg.BetaWarning)
        (linked,) = dg.with_source_code_references([asset])
    return cast("dg.AssetsDefinition", linked)
