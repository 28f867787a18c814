"""Values of settings by name and as text, and those that only one run had, such as in the launchpad."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from notmnist_assets.settings.model import Settings, read_settings

RUN_SETTINGS: Final = "run_settings"
"""Name of the fact of a stored value with the settings that differed from those of the environment."""


_RECORDED: Final = {"archives": "redacted_archives", "overrides": "overrides_content"}
"""Attribute of the settings that is recorded of a field, if it is not the field itself."""


def setting_values(names: Iterable[str], settings: Settings) -> dict[str, Any]:
    """Return settings by field name: `archives` without the password of a URL, `overrides` as a digest."""
    return {name: getattr(settings, _RECORDED.get(name, name)) for name in names}


def run_settings(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the settings of a run that differ from the present environment, by field name."""
    if not recorded:
        return {}
    ordinary = setting_values(recorded, read_settings())
    return {name: value for name, value in recorded.items() if value != ordinary[name]}


def in_words(settings: Mapping[str, Any]) -> str:
    """Return settings as text, such as `near_radius=3, near_shifts=true`."""
    return ", ".join(f"{name}={as_text(value)}" for name, value in settings.items())


def as_text(value: object) -> str:
    """Return the value of a setting as in an environment variable."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
