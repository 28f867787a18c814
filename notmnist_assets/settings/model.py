"""The settings with limits and defaults by profile, read from the environment and validated before anything runs."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from notmnist_assets.curation.baselines.models import DEFAULT_MODEL, MODELS
from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.duplicates.row_index import Method
from notmnist_assets.curation.reading.layout import MOST_PATHS
from notmnist_assets.curation.sanitizing.decision import Conflicts, RemoveFrom, Repeats
from notmnist_assets.curation.sanitizing.overrides import OverrideList, read_overrides
from notmnist_assets.settings.deployment import (
    FAILURE_WEBHOOK,
    PREFIX,
    STEPS,
    SettingsError,
    failure_webhook,
    place_of_steps,
)
from notmnist_assets.settings.urls import (
    BASE_URL_RULE,
    STORAGE_RULE,
    absolute_path,
    base_url,
    is_mistyped_url,
    may_contain_password,
    without_userinfo,
)

SEARCH_RADIUS: Final = 12.0
"""Search radius for near pairs in units of 255, unless `near_radius` is larger. At this distance, pairs already mix
different letters, so that the choice of a radius sees where that begins."""

Profile = Literal["sample", "full", "custom"]
Rows = Annotated[int, Field(ge=10, multiple_of=10)]
Count = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """All settings of a run, validated. A size of None means as many rows as the data allow."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Profile = Field("sample", description="sample (in the package), full (the originals) or custom (yours)")
    archives: str | None = Field(None, description="folder or http(s) base URL of the two archives")
    min_rate: float = Field(10, ge=0, le=1e6, description="kB/s below which a download is retried; 0 for no limit")
    most_paths: float = Field(MOST_PATHS, gt=0, description="million characters of the paths of an archive, at most")
    storage: str = Field("data", description="folder or fsspec URL under which values are stored")
    dask: str | None = Field(
        None,
        pattern=r"^(tcp|tls)://[^\s/@]+:\d+$",
        description="address of a Dask scheduler that runs the work inside steps, such as tcp://host:8786",
    )
    train_size: Rows | None = Field(None, description="rows of the training split, a multiple of 10")
    valid_size: Rows | None = Field(None, description="rows of the validation split, a multiple of 10")
    test_size: Rows | None = Field(None, description="rows of the test split, a multiple of 10")
    min_large: Count = Field(1, description="fewest readable images per letter of the large archive")
    min_small: Count = Field(1, description="fewest readable images per letter of the small archive")
    seed: int = Field(133, ge=0, lt=2**32, description="seed of the canonical split")
    near_radius: float | None = Field(
        None, ge=0, le=784, description="near-duplicate radius in units of 255; chosen from the data when unset"
    )
    near_shifts: bool = Field(False, description="also count copies moved by one pixel as near duplicates")
    grouped_fonts: bool = Field(False, description="also keep all images of a font in one split of grouped/*")
    sanitize_method: Method = Field("near", description="method that finds duplicates: exact, cells or near")
    sanitize_remove: RemoveFrom = Field(
        "evaluation", description="where leaking rows are removed: evaluation (valid, test) or training"
    )
    sanitize_conflicts: Conflicts = Field(
        "drop", description="rows of one image under different letters: drop all, keep the majority, or keep"
    )
    sanitize_repeats: Repeats = Field(
        "drop",
        description="repeats within a split: drop those of the sanitize method, only exact ones, or keep all",
    )
    overrides: OverrideList | None = Field(
        None, description="CSV file of rows to keep, drop or relabel in sanitized/*, as the gallery writes it"
    )
    largest_imbalance: float = Field(
        1.1, ge=1, description="rows of the most frequent letter over the rarest, beyond which class_balance warns"
    )
    drop_label_issues: bool = Field(False, description="leave rows with a label issue out of the training of baselines")
    baselines: str = Field(
        DEFAULT_MODEL, description=f"models of baselines/metrics, separated by commas: {', '.join(MODELS)}"
    )
    reference_all: bool = Field(
        False, description="fit the models of baselines/reference on all rows too, which takes minutes"
    )

    @field_validator("archives", "storage")
    @classmethod
    def _reject_mistyped_urls(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and is_mistyped_url(value):
            raise ValueError(BASE_URL_RULE if info.field_name == "archives" else STORAGE_RULE)
        return value

    @field_validator("archives", "storage")
    @classmethod
    def _make_local_paths_absolute(cls, value: str | None) -> str | None:
        return None if value is None else absolute_path(value)

    @field_validator("storage")
    @classmethod
    def _reject_passwords(cls, value: str) -> str:
        """Reject a password: the UI and the metadata of every asset show the storage."""
        if may_contain_password(value):
            raise ValueError(STORAGE_RULE)
        return value

    @field_validator("archives")
    @classmethod
    def _require_base_url(cls, value: str | None) -> str | None:
        return None if value is None else base_url(value)

    @field_validator("overrides", mode="before")
    @classmethod
    def _read_overrides(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return read_overrides(absolute_path(value))
        except CurationError as error:
            raise ValueError(str(error)) from None

    @field_validator("baselines")
    @classmethod
    def _require_known_models(cls, value: str) -> str:
        names = [name.strip() for name in value.split(",")]
        if not set(names) <= set(MODELS) or len(set(names)) < len(names):
            raise ValueError
        return ",".join(names)

    @property
    def baseline_models(self) -> tuple[str, ...]:
        """Names of the models of `baselines/metrics`; results of the first are also shown by letter."""
        return tuple(self.baselines.split(","))

    @property
    def is_published_split(self) -> bool:
        """Whether the splits are those that published numbers describe: the originals with default sizes and seed."""
        sizes = {"train": self.train_size, "valid": self.valid_size, "test": self.test_size}
        return self.profile == "full" and sizes == published.SIZES and self.seed == published.SEED

    @property
    def redacted_archives(self) -> str | None:
        """`archives` without user and password: the value that may be stored and shown."""
        return None if self.archives is None else without_userinfo(self.archives)

    @property
    def overrides_content(self) -> str | None:
        """The digest of the overrides, None without any: a changed file makes assets stale, a moved one does not."""
        return None if self.overrides is None else self.overrides.digest

    @property
    def search_radius(self) -> float:
        """Search radius for near pairs, in units of 255."""
        return max(SEARCH_RADIUS, self.near_radius or 0.0)

    @property
    def storage_root(self) -> str:
        """Folder or URL of stored values: `storage`, then a folder for the profile."""
        return f"{self.storage.rstrip('/')}/{self.profile}"

    @property
    def minimum(self) -> Mapping[str, int]:
        """Minimum of readable images per letter, by set."""
        return {"large": self.min_large, "small": self.min_small}


PROFILE_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "sample": {"train_size": 12_000, "valid_size": 1_500, "test_size": 1_500, "min_large": 1_500, "min_small": 150},
    "full": {
        "archives": published.BASE_URL,
        "train_size": 200_000,
        "valid_size": 10_000,
        "test_size": 10_000,
        "min_large": 45_000,
        "min_small": 1_800,
    },
    "custom": {},
}


def project_home() -> Path:
    """Return the checkout that contains this package, or the current folder if the package is installed elsewhere."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "workspace.yaml").is_file() else Path.cwd()


def read_settings(environment: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings: overrides first, then environment variables, then the defaults of the profile.

    Args:
        environment: variables to read, by default those of the process. Empty values count as unset.
        overrides: settings by field name; None counts as unset.

    Raises:
        SettingsError: a value is not allowed, or a variable that begins with NOTMNIST_ is not a setting.
    """
    variables = os.environ if environment is None else environment
    failure_webhook(variables)
    place_of_steps(variables)
    given: dict[str, Any] = {}
    for variable in sorted(variables):
        if variable.startswith(PREFIX) and variable not in (FAILURE_WEBHOOK, STEPS) and variables[variable].strip():
            given[variable.removeprefix(PREFIX).lower()] = variables[variable].strip()
    given |= {name: value for name, value in (overrides or {}).items() if value is not None}
    _require_known_names(given)
    profile = given.get("profile", "sample")
    defaults = dict(PROFILE_DEFAULTS.get(profile, {}))
    defaults.setdefault("storage", str(project_home() / "data"))
    try:
        settings = Settings(**(defaults | given))
    except ValidationError as error:
        raise SettingsError("\n".join(_message(detail, given) for detail in error.errors())) from None
    if settings.profile == "custom" and settings.archives is None:
        raise SettingsError(
            f"{PREFIX}ARCHIVES is not set: the profile custom needs the folder or http(s) base URL of"
            " notMNIST_large.tar.gz and notMNIST_small.tar.gz"
        )
    if settings.profile == "sample" and settings.archives is not None:
        raise SettingsError(
            f"{PREFIX}ARCHIVES={settings.redacted_archives}: the profile sample has its own archives;"
            f" set {PREFIX}PROFILE=custom (your archives) or full (a mirror of the originals)"
        )
    return settings


def _require_known_names(given: Mapping[str, Any]) -> None:
    known = [*Settings.model_fields, *(name.removeprefix(PREFIX).lower() for name in (STEPS, FAILURE_WEBHOOK))]
    for name in given:
        if name not in Settings.model_fields:
            close = get_close_matches(name, known, n=1)
            hint = f"; did you mean {PREFIX}{close[0].upper()}" if close else ""
            allowed = ", ".join(PREFIX + field.upper() for field in known)
            raise SettingsError(f"{PREFIX}{name.upper()} is not a setting{hint}. Allowed: {allowed}")


def _message(detail: Any, given: Mapping[str, Any]) -> str:
    name = str(detail["loc"][0])
    if name == "archives":
        # The value is not repeated: it may contain a password.
        return f"{PREFIX}ARCHIVES: {BASE_URL_RULE}"
    if name == "storage" and STORAGE_RULE in detail["msg"]:
        return f"{PREFIX}STORAGE: {STORAGE_RULE}"
    if name == "baselines":
        return f"{PREFIX}BASELINES={given.get(name)}: allowed: one or more of {', '.join(MODELS)}, separated by commas"
    if name == "overrides":
        return f"{PREFIX}OVERRIDES: {detail['ctx']['error']}"
    annotation = Settings.model_fields[name].annotation
    choices = get_args(annotation)
    if choices and all(isinstance(choice, str) for choice in choices):
        allowed = "allowed: " + ", ".join(choices)
    else:
        allowed = f"{detail['msg']}; allowed: {_limits(name)} ({Settings.model_fields[name].description})"
    return f"{PREFIX}{name.upper()}={given.get(name)}: {allowed}"


def _limits(name: str) -> str:
    """Return the allowed values of a setting as text, such as `integer from 0 to 4294967295`."""
    schema = Settings.model_json_schema()["properties"][name]
    schema = next((choice for choice in schema.get("anyOf", []) if choice["type"] != "null"), schema)
    largest = schema.get("maximum", schema.get("exclusiveMaximum", 0) - 1)
    words = [schema["type"]]
    if "minimum" in schema:
        words.append(f"from {schema['minimum']} to {largest}" if largest >= 0 else f"of at least {schema['minimum']}")
    if "multipleOf" in schema:
        words.append(f"divisible by {schema['multipleOf']}")
    return " ".join(words)
