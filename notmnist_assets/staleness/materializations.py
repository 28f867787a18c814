"""Reads the last materialization of each asset from the history: its versions, settings and inputs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dagster as dg

from notmnist_assets.curation.core.images import SETS
from notmnist_assets.settings.recorded import recorded_settings

_UNSUCCESSFUL: Final = {dg.DagsterRunStatus.FAILURE: "failed", dg.DagsterRunStatus.CANCELED: "was canceled"}

# Tags that Dagster writes on every materialization; it has no public names for them.
_CODE_VERSION: Final = "dagster/code_version"
_DATA_VERSION: Final = "dagster/data_version"
_INPUT_DATA_VERSION: Final = "dagster/input_data_version/"


@dataclass(frozen=True)
class Materialization:
    """The last materialization of an asset.

    Attributes:
        storage_id: its number in the history.
        tags: its tags.
        stored_version: the version in the storage that it wrote, hexadecimal.
        settings: the settings of its run by field name: those of the asset, and those that decide the content of
            everything upstream.
        run_id: its run.
        time: its time, in seconds since 1970.
        interruption: how a later run ended that was to materialize the asset but did not, None if there is none. The
            UI shows the asset as failed until it is materialized.
    """

    storage_id: int | None
    tags: Mapping[str, str]
    stored_version: str | None
    settings: Mapping[str, Any]
    run_id: str = ""
    time: float = 0.0
    interruption: str | None = None

    @property
    def code_version(self) -> str:
        """Code version of the asset, with its settings, in the process that materialized it."""
        return self.tags.get(_CODE_VERSION, "")

    @property
    def data_version(self) -> str | None:
        """Data version of the content."""
        return self.tags.get(_DATA_VERSION)

    def input_version(self, key: dg.AssetKey) -> str | None:
        """Data version of an input that it was built from, None if the asset was no input."""
        return self.tags.get(_INPUT_DATA_VERSION + key.to_user_string())


def last_materializations(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]
) -> dict[dg.AssetKey, Materialization]:
    """Return the last materialization of each asset that has one."""
    last = {}
    records = instance.get_asset_records(keys)
    interruptions = _unsuccessful_runs(instance, records)
    for record in records:
        entry = record.asset_entry
        event = entry.last_materialization
        materialization = event.asset_materialization if event else None
        if event is not None and materialization is not None:
            stored = materialization.metadata.get("stored_version")
            last[entry.asset_key] = Materialization(
                entry.last_materialization_storage_id,
                materialization.tags or {},
                str(stored.value) if stored is not None else None,
                recorded_settings(materialization.metadata),
                event.run_id,
                event.timestamp,
                interruptions.get(entry.last_run_id or "") if entry.last_run_id != event.run_id else None,
            )
    return last


def _unsuccessful_runs(instance: dg.DagsterInstance, records: Sequence[Any]) -> Mapping[str, str]:
    """Return by id how those last runs of the assets ended that failed or were canceled."""
    ids = sorted({record.asset_entry.last_run_id for record in records} - {None})
    if not ids:
        return {}
    runs = instance.get_runs(dg.RunsFilter(run_ids=ids, statuses=list(_UNSUCCESSFUL)))
    return {run.run_id: f"its last run {_UNSUCCESSFUL[run.status]} (run {run.run_id[:8]})" for run in runs}


def stored_archives(instance: dg.DagsterInstance) -> dict[str, str | None]:
    """Return the SHA-256 of each archive that was materialized, by set."""
    last = last_materializations(instance, [dg.AssetKey(["archives", name]) for name in SETS])
    return {key.path[1]: materialization.data_version for key, materialization in last.items()}


def outdated_inputs(materializations: Mapping[dg.AssetKey, Materialization]) -> Iterator[str]:
    """Yield a sentence for each of these assets that was built from an older version of another one of them."""
    for key, materialization in materializations.items():
        for other, current in materializations.items():
            used = materialization.input_version(other)
            if used is not None and used != current.data_version:
                yield f"{key.to_user_string()} was built from an older version of {other.to_user_string()}"


def profile_of(metadata: Mapping[str, dg.MetadataValue[Any]]) -> str | None:
    """Return the profile in the metadata of a materialization, None if it was not recorded."""
    return recorded_settings(metadata).get("profile")
