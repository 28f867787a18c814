"""The settings as a Dagster resource, so that the launchpad can change each of them for one run."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, get_args

import dagster as dg
from pydantic import Field

from notmnist_assets.curation.duplicates.row_index import Method
from notmnist_assets.curation.sanitizing.decision import Conflicts, RemoveFrom, Repeats
from notmnist_assets.settings.deployment import SettingsError
from notmnist_assets.settings.model import Profile, Settings, read_settings

if TYPE_CHECKING:
    ProfileChoice = str
    MethodChoice = str
    RemoveChoice = str
    ConflictsChoice = str
    RepeatsChoice = str
else:

    def _choice(literal: Any) -> type[StrEnum]:
        """Return the strings of a Literal as an enum, so that Dagster rejects other values before a run starts.

        Dagster has no optional Literal. Its error shows the name of the type, so the name lists the choices.
        """
        choices = get_args(literal)
        return StrEnum(" | ".join(choices), choices)

    ProfileChoice, MethodChoice, RemoveChoice = _choice(Profile), _choice(Method), _choice(RemoveFrom)
    ConflictsChoice, RepeatsChoice = _choice(Conflicts), _choice(Repeats)


def _resolve(configured: Any) -> Any:
    """Return a value of the launchpad, where `{"env": NAME}` is the value of an environment variable."""
    return dg.EnvVar(configured["env"]).get_value() if isinstance(configured, Mapping) else configured


def _field(name: str) -> Any:
    """Return an optional field with the description of the setting."""
    return Field(default=None, description=Settings.model_fields[name].description)


SETTINGS: Final = "settings"
"""Resource key of the settings."""


class SettingsResource(dg.ConfigurableResource["SettingsResource"]):
    """Settings of this run; unset fields come from the environment, then from the defaults of the profile."""

    profile: ProfileChoice | None = _field("profile")
    archives: str | None = _field("archives")
    min_rate: float | None = _field("min_rate")
    most_paths: float | None = _field("most_paths")
    storage: str | None = _field("storage")
    dask: str | None = _field("dask")
    train_size: int | None = _field("train_size")
    valid_size: int | None = _field("valid_size")
    test_size: int | None = _field("test_size")
    min_large: int | None = _field("min_large")
    min_small: int | None = _field("min_small")
    seed: int | None = _field("seed")
    near_radius: float | None = _field("near_radius")
    near_shifts: bool | None = _field("near_shifts")
    grouped_fonts: bool | None = _field("grouped_fonts")
    sanitize_method: MethodChoice | None = _field("sanitize_method")
    sanitize_remove: RemoveChoice | None = _field("sanitize_remove")
    sanitize_conflicts: ConflictsChoice | None = _field("sanitize_conflicts")
    sanitize_repeats: RepeatsChoice | None = _field("sanitize_repeats")
    overrides: str | None = _field("overrides")
    largest_imbalance: float | None = _field("largest_imbalance")
    drop_label_issues: bool | None = _field("drop_label_issues")
    baselines: str | None = _field("baselines")
    reference_all: bool | None = _field("reference_all")

    def create_resource(self, context: dg.InitResourceContext) -> "SettingsResource":
        """Return the settings of the launchpad, also if this resource is nested in another one."""
        resources: Any = context.run.run_config.get("resources", {}) if context.run else {}
        chosen = resources.get(SETTINGS, {}).get("config", {})
        return self.model_copy(update={name: _resolve(value) for name, value in chosen.items()})

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
        """Return the folder or URL of stored values, which ends with the profile."""
        return self.read().storage_root
