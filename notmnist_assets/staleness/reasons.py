"""Compares a materialization with the present definition, storage and source: the reasons why it is out of date."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import dagster as dg

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.settings.model import Settings
from notmnist_assets.settings.values import as_text, in_words
from notmnist_assets.sources.choice import source_of
from notmnist_assets.staleness.materializations import Materialization
from notmnist_assets.storage.store import StorageUnusableError, ValueStore

NEVER_MATERIALIZED: Final = "never materialized"
_FIRST_SETTING: Final = re.compile(r" [a-z_]+=")
"""Where the settings begin in a code version."""

ArchiveComparison = Callable[[str, str | None], str | None]
"""Takes a set's name and the stored archive's SHA-256; returns why the archive is out of date, None if it is not."""


def definition_change(last: Materialization, code_version: str, settings: Mapping[str, Any]) -> str | None:
    """Return how the definition of an asset differs from the one it was materialized with, None if it does not.

    Args:
        last: the last materialization.
        code_version: the present code version: the declared one and the settings, such as `3 seed=133 near_radius=5`.
        settings: the present settings of the asset by field name.
    """
    before, now = (_FIRST_SETTING.split(version, maxsplit=1)[0] for version in (last.code_version, code_version))
    if before != now:
        return f"its code version changed from {before or 'none'} to {now}"
    own = {name: last.settings[name] for name in settings if name in last.settings}
    # What the run used is recorded in the metadata, what the environment said is in the code version.
    specific = [name for name, value in own.items() if f" {name}={value} " not in f"{last.code_version} "]
    if specific:
        return f"was materialized with run-specific settings ({in_words({name: own[name] for name in specific})})"
    changes = [
        f"the setting {name} changed from {as_text(value)} to {as_text(settings[name])}"
        for name, value in own.items()
        if value != settings[name]
    ]
    if changes:
        return ", ".join(changes)
    return None if last.code_version == code_version else "not all of its settings were recorded"


def storage_problem(store: ValueStore, key: dg.AssetKey, last: Materialization) -> str | None:
    """Return what is wrong with the stored value, None if it is the one that was materialized last.

    Raises:
        StorageUnusableError: the storage cannot be read.
    """
    try:
        stored = store.find(key.path)
    except StorageUnusableError:
        raise
    except CurationError as error:
        return error.problem
    if stored is None:
        return "is not in the storage"
    if stored.version != last.stored_version:
        return "the storage contains another version than the last materialization"
    return None


def archive_change(settings: Settings, set_name: str, stored: str | None) -> str | None:
    """Return how the archive at the source differs from the stored one, None if it does not.

    An error of the source is a reason as well: the run then reports it.
    """
    try:
        sha256 = source_of(settings).current_sha256(set_name)
    except CurationError as error:
        return f"cannot be compared with its source: {error.problem.rstrip('.')}"
    return None if sha256 == stored else "the archive changed at its source"
