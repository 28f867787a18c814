"""Settings in metadata: which ones an asset was materialized with, and which ones the present settings would give."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import dagster as dg

from notmnist_assets.settings.model import Settings

STALE: Final = "settings"
"""Metadata label of the settings whose change makes the asset stale, by field name."""
COMPARED: Final = "made_with"
"""Metadata label of the settings that decide the content, of the asset and of everything upstream, by field name."""


def setting_values(names: Iterable[str], settings: Settings) -> dict[str, Any]:
    """Return settings by field name; of a URL with a password, only what may be stored and shown."""
    return {name: getattr(settings, "redacted_archives" if name == "archives" else name) for name in names}


def recorded_settings(metadata: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Return the settings under a label of an asset's metadata, empty if there are none."""
    recorded = metadata.get(label)
    value = recorded.value if isinstance(recorded, dg.JsonMetadataValue) else None
    return dict(value) if isinstance(value, dict) else {}


def current_settings(metadata: Mapping[str, Any], label: str, settings: Settings) -> dict[str, Any]:
    """Return the values in `settings` of those settings that are under a label of an asset's definition."""
    return setting_values(recorded_settings(metadata, label), settings)
