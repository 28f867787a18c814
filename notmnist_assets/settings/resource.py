"""The settings as a Dagster resource, so that one place of the launchpad changes any of them for one run.

Belongs here: the bridge between the launchpad and `settings`. Defaults and limits are in `settings`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, get_args

import dagster as dg
from pydantic import Field

from notmnist_assets.curation.duplicates.row_index import Method
from notmnist_assets.curation.sanitizing.decision import Conflicts, RemoveFrom, Repeats
from notmnist_assets.settings.model import Profile, Settings, SettingsError, read_settings

if TYPE_CHECKING:
    ProfileChoice = str
    MethodChoice = str
    RemoveChoice = str
    ConflictsChoice = str
    RepeatsChoice = str
else:

    def _choice(literal: Any) -> type[StrEnum]:
        """Return the strings of a Literal as what Dagster refuses others for, before a run starts.

        Dagster knows no optional Literal. It names the type where it refuses a value, so the name tells the choices.
        """
        choices = get_args(literal)
        return StrEnum(" | ".join(choices), choices)

    ProfileChoice, MethodChoice, RemoveChoice = _choice(Profile), _choice(Method), _choice(RemoveFrom)
    ConflictsChoice, RepeatsChoice = _choice(Conflicts), _choice(Repeats)


def _value_of(configured: Any) -> Any:
    """Return a value of the launchpad; `{"env": NAME}` stands for a variable of the environment."""
    return dg.EnvVar(configured["env"]).get_value() if isinstance(configured, Mapping) else configured


def _described(name: str) -> Any:
    return Field(default=None, description=Settings.model_fields[name].description)


SETTINGS: Final = "settings"
"""The key of the settings among the resources."""


class SettingsResource(dg.ConfigurableResource["SettingsResource"]):
    """Each setting for this run only; unset ones come from the environment, then from the profile."""

    profile: ProfileChoice | None = _described("profile")
    archives: str | None = _described("archives")
    min_rate: float | None = _described("min_rate")
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
    sanitize_method: MethodChoice | None = _described("sanitize_method")
    sanitize_remove: RemoveChoice | None = _described("sanitize_remove")
    sanitize_conflicts: ConflictsChoice | None = _described("sanitize_conflicts")
    sanitize_repeats: RepeatsChoice | None = _described("sanitize_repeats")
    baselines: str | None = _described("baselines")

    def create_resource(self, context: dg.InitResourceContext) -> "SettingsResource":
        """Return the settings that the launchpad names for the run, also where another resource holds these."""
        resources: Any = context.run.run_config.get("resources", {}) if context.run else {}
        chosen = resources.get(SETTINGS, {}).get("config", {})
        return self.model_copy(update={name: _value_of(value) for name, value in chosen.items()})

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
