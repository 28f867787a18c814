"""Settings in metadata: their names in that of a definition, their values in that of a materialization."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import dagster as dg

DECLARED_SETTINGS: Final = "settings"
"""Metadata label, of definitions only, of the names of settings: `own`, whose change makes the asset stale, and
`upstream`, which decide the content of everything upstream."""
MADE_WITH: Final = "made_with"
"""Metadata label, of materializations only, of the values of all these settings by field name."""


def declared_settings(own: Sequence[str], recorded: Sequence[str]) -> dg.JsonMetadataValue:
    """Return the entry of a definition's metadata with the names of its settings.

    Args:
        own: the settings whose change makes the asset stale.
        recorded: all settings that a materialization records, in their order.
    """
    return dg.MetadataValue.json({"own": list(own), "upstream": [name for name in recorded if name not in own]})


def own_settings(metadata: Mapping[str, Any]) -> list[str]:
    """Return the names of the settings whose change makes an asset stale, from its definition's metadata."""
    return list(_json(metadata, DECLARED_SETTINGS).get("own", ()))


def settings_to_record(metadata: Mapping[str, Any]) -> list[str]:
    """Return the names of all settings that a materialization records, from the metadata of the definition."""
    names = _json(metadata, DECLARED_SETTINGS)
    return [*names.get("own", ()), *names.get("upstream", ())]


def recorded_settings(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a materialization by field name, from its metadata; empty if none were recorded."""
    return _json(metadata, MADE_WITH)


def _json(metadata: Mapping[str, Any], label: str) -> dict[str, Any]:
    entry = metadata.get(label)
    value = entry.value if isinstance(entry, dg.JsonMetadataValue) else None
    return dict(value) if isinstance(value, dict) else {}
