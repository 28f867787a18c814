"""The settings as a Dagster resource, so that one place of the launchpad changes any of them for one run.

Belongs here: the bridge between the launchpad and `settings`. Defaults and limits are in `settings`.
"""

from typing import Any

import dagster as dg
from pydantic import Field

from notmnist_assets.settings import Settings, SettingsError, read_settings


def _described(name: str) -> Any:
    return Field(default=None, description=Settings.model_fields[name].description)


class SettingsResource(dg.ConfigurableResource[Settings]):
    """Each setting for this run only; unset ones come from the environment, then from the profile."""

    profile: str | None = _described("profile")
    archives: str | None = _described("archives")
    storage: str | None = _described("storage")
    train_size: int | None = _described("train_size")
    valid_size: int | None = _described("valid_size")
    test_size: int | None = _described("test_size")
    min_large: int | None = _described("min_large")
    min_small: int | None = _described("min_small")
    seed: int | None = _described("seed")
    near_radius: float | None = _described("near_radius")
    near_shifts: bool | None = _described("near_shifts")
    grouped_fonts: bool | None = _described("grouped_fonts")
    sanitize_method: str | None = _described("sanitize_method")
    sanitize_remove: str | None = _described("sanitize_remove")
    sanitize_conflicts: str | None = _described("sanitize_conflicts")
    sanitize_repeats: str | None = _described("sanitize_repeats")

    def read(self) -> Settings:
        """Return the settings of this run.

        Raises:
            dagster.Failure: a value is not allowed.
        """
        try:
            return read_settings(overrides={name: getattr(self, name) for name in Settings.model_fields})
        except SettingsError as error:
            raise dg.Failure(str(error), allow_retries=False) from None

    def storage_root(self) -> str:
        """Return where values are stored: each profile under its own prefix."""
        return self.read().storage_root
