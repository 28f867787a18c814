"""Reports materializations to an instance, for tests of `drift` and of the history."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import dagster as dg

from notmnist_assets.settings.recorded import MADE_WITH

SETTINGS = {"profile": "custom", "seed": 133}


@dataclasses.dataclass(frozen=True)
class Reported:
    """A materialization with this content, numeric metadata and settings."""

    content: str
    numbers: Mapping[str, float]
    settings: Mapping[str, Any] = dataclasses.field(default_factory=lambda: SETTINGS)

    def report(self, instance: dg.DagsterInstance, key: dg.AssetKey) -> None:
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                key,
                metadata={**self.numbers, MADE_WITH: dg.MetadataValue.json(dict(self.settings))},
                tags={"dagster/data_version": self.content},
            )
        )
