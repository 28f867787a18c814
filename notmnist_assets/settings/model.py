"""Profiles and settings, read from the environment and checked before anything runs.

Belongs here: each setting's name, meaning, limits and default by profile. A run's own overrides arrive through
`resources.SettingsResource`, which uses the same checks. Nothing here touches archives or stored values.
"""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from notmnist_assets.curation.baselines.models import DEFAULT_MODEL, MODELS
from notmnist_assets.curation.core.published import BASE_URL
from notmnist_assets.curation.duplicates.row_index import Method
from notmnist_assets.curation.sanitizing.decision import Conflicts, RemoveFrom, Repeats

PREFIX: Final = "NOTMNIST_"
FAILURE_WEBHOOK: Final = PREFIX + "FAILURE_WEBHOOK"
"""About the deployment, not about any run, and secret: read by `failure_webhook`, and no part of `Settings`."""
SEARCH_RADIUS: Final = 12.0
"""How far pairs are searched when no wider radius is set: enough to see where different letters begin to mix."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""Longer than the letter of a drive."""
_USERINFO: Final = re.compile(r"(?<=://)([^/?#]*)@")
_NO_BASE_URL: Final = (
    "this is neither a folder nor a base URL; allowed: http(s)://[user:password@]host[:port]/folder, with percent signs"
    " for what is special in a password"
)

_NO_PLACE_FOR_SECRETS: Final = (
    "a password has no place in this URL, which people see; allowed: a folder, or the URL without it, and the password"
    " where the store's package looks for it, such as AWS_SECRET_ACCESS_KEY or FSSPEC_FTP_PASSWORD"
)

Profile = Literal["sample", "full", "custom"]
Rows = Annotated[int, Field(ge=10, multiple_of=10)]
Count = Annotated[int, Field(ge=1)]


class SettingsError(ValueError):
    """A setting has a value that is not allowed; the message names it, the value and what is allowed."""


class Settings(BaseModel):
    """All settings of one run, complete and valid. Sizes left as None are taken from the data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Profile = Field("sample", description="sample (in the package), full (the originals) or custom (yours)")
    archives: str | None = Field(None, description="folder or http(s) base URL that holds the two archives")
    min_rate: float = Field(10, ge=0, le=1e6, description="kB/s below which a download is tried again; 0 for any rate")
    storage: str = Field("data", description="folder or fsspec URL under which values are stored")
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
    grouped_fonts: bool = Field(False, description="also keep whole fonts in one split of grouped/*")
    sanitize_method: Method = Field("near", description="what counts as the same image: exact, cells or near")
    sanitize_remove: RemoveFrom = Field(
        "evaluation", description="where leaking rows are removed: evaluation (valid, test) or training"
    )
    sanitize_conflicts: Conflicts = Field(
        "drop", description="rows of one image under different letters: drop all, keep the majority, or keep"
    )
    sanitize_repeats: Repeats = Field("drop", description="exact repeats within a split: drop or keep")
    baselines: str = Field(
        DEFAULT_MODEL, description=f"models of baselines/metrics, separated by commas: {', '.join(MODELS)}"
    )

    @field_validator("archives", "storage")
    @classmethod
    def _refuse_mistyped_urls(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Refuse what is meant as a URL and is none: taken for a folder, it would be shown with its password."""
        if value is not None and _is_mistyped_url(value):
            raise ValueError(_NO_BASE_URL if info.field_name == "archives" else _NO_PLACE_FOR_SECRETS)
        return value

    @field_validator("archives", "storage")
    @classmethod
    def _make_local_paths_absolute(cls, value: str | None) -> str | None:
        return None if value is None else _absolute(value)

    @field_validator("storage")
    @classmethod
    def _refuse_a_password(cls, value: str) -> str:
        """Refuse what the UI and every asset's metadata would show."""
        rest = value.partition("://")[2]
        before, at, _ = rest.partition("@")
        if (at and ":" in before) or "?" in rest:
            raise ValueError(_NO_PLACE_FOR_SECRETS)
        return value

    @field_validator("archives")
    @classmethod
    def _refuse_what_is_no_base_url(cls, value: str | None) -> str | None:
        """Refuse a query, after which no file's name can follow, and what hides a password from `_USERINFO`."""
        if value is None or "://" not in value:
            return value
        scheme, _, rest = value.partition("://")
        value = f"{scheme.lower()}://{rest}"
        if scheme.lower() == "file":
            if _is_mistyped_url(rest):
                raise ValueError(_NO_BASE_URL)
            return value
        try:
            parts = urlsplit(value)
            fits = bool(parts.hostname) and not parts.query and not parts.fragment and parts.port != 0
        except ValueError:
            fits = False
        if not fits or parts.scheme not in ("http", "https"):
            raise ValueError(_NO_BASE_URL)
        return value

    @field_validator("baselines")
    @classmethod
    def _require_known_models(cls, value: str) -> str:
        names = [name.strip() for name in value.split(",")]
        if not set(names) <= set(MODELS) or len(set(names)) < len(names):
            raise ValueError
        return ",".join(names)

    @property
    def baseline_models(self) -> tuple[str, ...]:
        """Names of the models of `baselines/metrics`; those of the first are also shown by letter."""
        return tuple(self.baselines.split(","))

    @property
    def redacted_archives(self) -> str | None:
        """Where the archives are, without the password of a mirror: what may be stored and shown."""
        return None if self.archives is None else without_userinfo(self.archives)

    @property
    def search_radius(self) -> float:
        """How far near pairs are searched, in units of 255."""
        return max(SEARCH_RADIUS, self.near_radius or 0.0)

    @property
    def storage_root(self) -> str:
        """Where values are stored: each profile under its own prefix."""
        return f"{self.storage.rstrip('/')}/{self.profile}"

    @property
    def minimum(self) -> Mapping[str, int]:
        """Fewest readable images per letter, by set."""
        return {"large": self.min_large, "small": self.min_small}


PROFILE_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "sample": {"train_size": 12_000, "valid_size": 1_500, "test_size": 1_500, "min_large": 1_500, "min_small": 150},
    "full": {
        "archives": BASE_URL,
        "train_size": 200_000,
        "valid_size": 10_000,
        "test_size": 10_000,
        "min_large": 45_000,
        "min_small": 1_800,
    },
    "custom": {},
}


def without_userinfo(url: str) -> str:
    """Return a URL without user and password; anything else as it is."""
    return _USERINFO.sub("", url, count=1)


def userinfo(url: str) -> tuple[str, str] | None:
    """Return user and password in a URL, None where there are none."""
    found = _USERINFO.search(url)
    if found is None:
        return None
    user, _, password = found[1].partition(":")
    return unquote(user), unquote(password)


def project_home() -> Path:
    """Return the checkout that holds this package, or the current folder when it is installed elsewhere."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "workspace.yaml").is_file() else Path.cwd()


def read_settings(environment: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings of the environment, `overrides` on top, profile defaults below.

    Args:
        environment: variables to read; the process environment when None. Empty values count as unset.
        overrides: settings by field name that win over the environment; None values are ignored.

    Raises:
        SettingsError: a value is not allowed, or a variable with our prefix is no setting.
    """
    variables = os.environ if environment is None else environment
    failure_webhook(variables)
    given: dict[str, Any] = {}
    for variable in sorted(variables):
        if variable.startswith(PREFIX) and variable != FAILURE_WEBHOOK and variables[variable].strip():
            given[variable.removeprefix(PREFIX).lower()] = variables[variable].strip()
    given |= {name: value for name, value in (overrides or {}).items() if value is not None}
    _refuse_unknown(given)
    profile = given.get("profile", "sample")
    defaults = dict(PROFILE_DEFAULTS.get(profile, {}))
    defaults.setdefault("storage", str(project_home() / "data"))
    try:
        settings = Settings(**(defaults | given))
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(detail, given) for detail in error.errors())) from None
    if settings.profile == "custom" and settings.archives is None:
        raise SettingsError(
            f"{PREFIX}ARCHIVES is not set: the profile custom needs the folder or http(s) base URL that holds"
            " notMNIST_large.tar.gz and notMNIST_small.tar.gz"
        )
    if settings.profile == "sample" and settings.archives is not None:
        raise SettingsError(
            f"{PREFIX}ARCHIVES={settings.redacted_archives}: the profile sample has its own archives;"
            f" set {PREFIX}PROFILE=custom (your archives) or full (a mirror of the originals)"
        )
    return settings


def failure_webhook(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the URL that failures are posted to, None when nobody wants to be told.

    Raises:
        SettingsError: it is no http(s) URL; the message does not repeat it, for it is a secret.
    """
    variables = os.environ if environment is None else environment
    url = variables.get(FAILURE_WEBHOOK, "").strip()
    if not url:
        return None
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", url):
        raise SettingsError(f"{FAILURE_WEBHOOK} is not a URL; allowed: an http(s) URL that takes JSON posts")
    return url


def _absolute(path: str) -> str:
    if "://" in path:
        return path
    try:
        return str(Path(path).expanduser().absolute())
    except RuntimeError as error:  # ~nobody
        raise ValueError(str(error)) from error


def _is_mistyped_url(value: str) -> bool:
    """Tell whether a value without `://` has the `@`, scheme or query of a URL where it names no existing folder."""
    if "://" in value or not ("@" in value or "?" in value or _SCHEME.match(value)):
        return False
    try:
        path = Path(value).expanduser()
        existing = next((folder for folder in (path, *path.parents) if folder.parts and folder.is_dir()), Path())
        rest = path.relative_to(existing).as_posix()
    except (OSError, RuntimeError, ValueError):
        return True
    return "@" in rest or "?" in rest or _SCHEME.match(rest) is not None


def _refuse_unknown(given: Mapping[str, Any]) -> None:
    known = [*Settings.model_fields, FAILURE_WEBHOOK.removeprefix(PREFIX).lower()]
    for name in given:
        if name not in Settings.model_fields:
            close = get_close_matches(name, known, n=1)
            hint = f"; did you mean {PREFIX}{close[0].upper()}" if close else ""
            allowed = ", ".join(PREFIX + field.upper() for field in known)
            raise SettingsError(f"{PREFIX}{name.upper()} is not a setting{hint}. Allowed: {allowed}")


def _explain(detail: Any, given: Mapping[str, Any]) -> str:
    name = str(detail["loc"][0])
    if name == "archives":
        # Not repeated: it may hold a password.
        return f"{PREFIX}ARCHIVES: {_NO_BASE_URL}"
    if name == "storage" and _NO_PLACE_FOR_SECRETS in detail["msg"]:
        return f"{PREFIX}STORAGE: {_NO_PLACE_FOR_SECRETS}"
    if name == "baselines":
        return f"{PREFIX}BASELINES={given.get(name)}: allowed: one or more of {', '.join(MODELS)}, separated by commas"
    annotation = Settings.model_fields[name].annotation
    choices = get_args(annotation)
    if choices and all(isinstance(choice, str) for choice in choices):
        allowed = "allowed: " + ", ".join(choices)
    else:
        allowed = f"{detail['msg']}; allowed: {_limits(name)} ({Settings.model_fields[name].description})"
    return f"{PREFIX}{name.upper()}={given.get(name)}: {allowed}"


def _limits(name: str) -> str:
    """Return in words which values a setting takes, such as `integer from 0 to 4294967295`."""
    schema = Settings.model_json_schema()["properties"][name]
    schema = next((choice for choice in schema.get("anyOf", []) if choice["type"] != "null"), schema)
    largest = schema.get("maximum", schema.get("exclusiveMaximum", 0) - 1)
    words = [schema["type"]]
    if "minimum" in schema:
        words.append(f"from {schema['minimum']} to {largest}" if largest >= 0 else f"of at least {schema['minimum']}")
    if "multipleOf" in schema:
        words.append(f"that {schema['multipleOf']} divides")
    return " ".join(words)
