"""Settings in metadata: of a definition, the present ones; of a materialization, those of its run."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import dagster as dg

from notmnist_assets.settings.model import Settings

OWN_SETTINGS: Final = "settings"
"""Metadata label, of definitions only, of the settings whose change makes the asset stale, by field name."""
MADE_WITH: Final = "made_with"
"""Metadata label of the asset's own settings and of those that decide the content of everything upstream, by field
name."""


_RECORDED: Final = {"archives": "redacted_archives", "overrides": "overrides_content"}
"""Attribute of the settings that is recorded of a field, if it is not the field itself."""


def setting_values(names: Iterable[str], settings: Settings) -> dict[str, Any]:
    """Return settings by field name: `archives` without the password of a URL, `overrides` as a digest."""
    return {name: getattr(settings, _RECORDED.get(name, name)) for name in names}


def recorded_settings(metadata: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Return the settings under a label of metadata by field name, empty if the label is missing."""
    recorded = metadata.get(label)
    value = recorded.value if isinstance(recorded, dg.JsonMetadataValue) else None
    return dict(value) if isinstance(value, dict) else {}


def current_settings(metadata: Mapping[str, Any], label: str, settings: Settings) -> dict[str, Any]:
    """Return the settings that are named under a label of a definition's metadata, with their values in `settings`."""
    return setting_values(recorded_settings(metadata, label), settings)
