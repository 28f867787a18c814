"""What is out of date, and why, and what of it to make first: so that a refresh makes what changed and nothing else.

Compares what was made last with what would be made now, by code, settings, inputs, archives and the stored files.
The terminal (`runs`), the schedule and the sensor (`automation`) all follow this plan.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import dagster as dg

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import SETS
from notmnist_assets.settings.model import Settings
from notmnist_assets.settings.recorded import COMPARED, STALE, current_settings, recorded_settings
from notmnist_assets.sources.choice import source_of
from notmnist_assets.staleness.outcomes import latest_evaluations, outcome_of
from notmnist_assets.storage.store import StorageUnusableError, ValueStore

NEVER_MADE = "never made"
# New archives often hold mostly the same letters, and new letters give some of the same splits: their content tells
# what else is to be made.
_EARLY_ROUNDS: Final = (("archives", "letters"), ("splits",))
_BROKEN_OFF: Final = {dg.DagsterRunStatus.FAILURE: "failed", dg.DagsterRunStatus.CANCELED: "was canceled"}

# Tags that Dagster writes on every materialization; it has no public names for them.
_CODE_VERSION = "dagster/code_version"
_DATA_VERSION = "dagster/data_version"
_INPUT_DATA_VERSION = "dagster/input_data_version/"

ArchiveLook = Callable[[str, str | None], str | None]
"""Takes a set's name and the stored archive's SHA-256; returns why the archive is out of date, None if it is not."""

Evaluations = Mapping[dg.AssetCheckKey, dg.AssetCheckEvaluation | None]


class AssetGraph(Protocol):
    """What we ask of Dagster's asset graphs, whose class has no public name."""

    @property
    def toposorted_asset_keys(self) -> Sequence[dg.AssetKey]:
        """All assets in the order of the flow."""
        ...

    @property
    def asset_check_keys(self) -> AbstractSet[dg.AssetCheckKey]:
        """All checks."""
        ...

    def get(self, key: Any) -> Any:
        """Return the node of an asset, which knows its parents and code version, or of a check."""
        ...


@dataclass(frozen=True)
class Made:
    """The last materialization of an asset.

    Attributes:
        storage_id: its number in the history.
        tags: its tags.
        stored_version: the version that was stored.
        settings: those it was made with.
        broken_off: the run that was to make it again but failed or was canceled before, in words; the UI then shows it
            as failed until it is made.
    """

    storage_id: int | None
    tags: Mapping[str, str]
    stored_version: str | None
    settings: Mapping[str, Any]
    broken_off: str | None = None

    @property
    def data_version(self) -> str | None:
        """Identity of the content."""
        return self.tags.get(_DATA_VERSION)


def last_made(instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]) -> dict[dg.AssetKey, Made]:
    """Return the last materialization of each asset that has one."""
    made = {}
    records = instance.get_asset_records(keys)
    broken_off = _broken_off_runs(instance, records)
    for record in records:
        event = record.asset_entry.last_materialization
        materialization = event.asset_materialization if event else None
        if event is not None and materialization is not None:
            stored = materialization.metadata.get("stored_version")
            made[record.asset_entry.asset_key] = Made(
                record.asset_entry.last_materialization_storage_id,
                materialization.tags or {},
                str(stored.value) if stored is not None else None,
                recorded_settings(materialization.metadata, STALE),
                broken_off.get(record.asset_entry.last_run_id or "")
                if record.asset_entry.last_run_id != event.run_id
                else None,
            )
    return made


def _broken_off_runs(instance: dg.DagsterInstance, records: Sequence[Any]) -> Mapping[str, str]:
    """Return in words how they ended, by id, those of the last runs of these assets that failed or were canceled."""
    last = sorted({record.asset_entry.last_run_id for record in records} - {None})
    if not last:
        return {}
    runs = instance.get_runs(dg.RunsFilter(run_ids=last, statuses=list(_BROKEN_OFF)))
    return {run.run_id: f"run {run.run_id[:8]} {_BROKEN_OFF[run.status]}" for run in runs}


def stored_archives(instance: dg.DagsterInstance) -> dict[str, str | None]:
    """Return the SHA-256 of each archive that was made last, by set."""
    made = last_made(instance, [dg.AssetKey(["archives", name]) for name in SETS])
    return {key.path[1]: last.data_version for key, last in made.items()}


def disagreements(made: Mapping[dg.AssetKey, Made]) -> Iterator[str]:
    """Tell which of these assets was made from another content of one of the others than is there now."""
    for key, last in made.items():
        for other, now in made.items():
            used = last.tags.get(_INPUT_DATA_VERSION + other.to_user_string())
            if used is not None and used != now.data_version:
                yield f"{key.to_user_string()} was made from another {other.to_user_string()} than there is now"


def made_for(metadata: Mapping[str, dg.MetadataValue[Any]]) -> str | None:
    """Return the profile that a materialization was made for, None where it does not say."""
    return recorded_settings(metadata, COMPARED).get("profile")


def stale_assets(graph: AssetGraph, instance: dg.DagsterInstance, settings: Settings) -> dict[dg.AssetKey, str]:
    """Return every asset that is missing or out of date with the reason, in the order of the flow.

    Nothing is downloaded: a server is only asked whether its archive is the one we have.
    """
    made = last_made(instance, graph.toposorted_asset_keys)
    judged = _blocking_evaluations(graph, instance, made)
    return _stale(graph, settings, made, judged, partial(archive_change, settings))


def _stale(
    graph: AssetGraph,
    settings: Settings,
    made: Mapping[dg.AssetKey, Made],
    judged: Evaluations,
    look: ArchiveLook,
) -> dict[dg.AssetKey, str]:
    store = ValueStore(settings.storage_root)
    stale: dict[dg.AssetKey, str] = {}
    # Of several the first one is told.
    unjudged = {check.asset_key: check.name for check in sorted(judged, reverse=True) if judged[check] is None}
    for key in graph.toposorted_asset_keys:
        node = graph.get(key)
        last = made.get(key)
        if last is None:
            stale[key] = NEVER_MADE
            continue
        parents = sorted(node.parent_keys)
        outdated = [parent for parent in parents if parent in stale]
        changed = [
            parent
            for parent in parents
            if parent in made
            and last.tags.get(_INPUT_DATA_VERSION + parent.to_user_string()) != made[parent].data_version
        ]
        if last.tags.get(_CODE_VERSION) != node.code_version:
            stale[key] = f"made by {last.tags.get(_CODE_VERSION)}, now {node.code_version}"
        elif last.settings != current_settings(node.metadata, STALE, settings):
            stale[key] = "made by a run with settings of its own"
        elif outdated:
            stale[key] = f"follows {outdated[0].to_user_string()}"
        elif changed:
            stale[key] = f"{changed[0].to_user_string()} changed"
        elif (reason := _storage_problem(store, key, last)) or (
            key.path[0] == "archives" and (reason := look(key.path[1], last.data_version))
        ):
            stale[key] = reason
        elif last.broken_off:
            stale[key] = f"{last.broken_off} before it was made again"
        elif key in unjudged:
            stale[key] = f"its check {unjudged[key]} was not run"
    return stale


def _blocking_evaluations(
    graph: AssetGraph, instance: dg.DagsterInstance, made: Mapping[dg.AssetKey, Made]
) -> Evaluations:
    """Return what each blocking check said of the value that is there, None where it said nothing."""
    blocking = sorted(check for check in graph.asset_check_keys if graph.get(check).blocking)
    found = latest_evaluations(instance, blocking, {key: last.storage_id for key, last in made.items()})
    return {check: found.get(check) for check in blocking}


def plan_refresh(
    graph: AssetGraph, instance: dg.DagsterInstance, settings: Settings, look: ArchiveLook | None = None
) -> tuple[dict[dg.AssetKey, str], dict[dg.AssetKey, str]]:
    """Return the stale assets to make and those that must wait, each with the reason, in the order of the flow.

    An asset waits while a blocking check of what it is made from has failed. Dagster holds it within the run of the
    check only; the next run would make it of what failed. What is stale itself is made again first, and its check
    decides anew. So is what no blocking check has judged, because its run broke off before.

    Args:
        graph: all assets and checks.
        instance: the history.
        settings: those to make the assets with.
        look: tells whether an archive changed; asks the source when None.
    """
    made = last_made(instance, graph.toposorted_asset_keys)
    judged = _blocking_evaluations(graph, instance, made)
    stale = _stale(graph, settings, made, judged, look or partial(archive_change, settings))
    held = _held_back(graph, judged, stale)
    return {key: reason for key, reason in stale.items() if key not in held}, held


def next_round(plan: Mapping[dg.AssetKey, str]) -> dict[dg.AssetKey, str]:
    """Return the assets to make before it is worth looking again at what is stale; all when some are new."""
    for groups in _EARLY_ROUNDS:
        part = {key: reason for key, reason in plan.items() if key.path[0] in groups}
        if NEVER_MADE in part.values():
            break
        if part:
            return part
    return dict(plan)


def first_of(assets: Mapping[dg.AssetKey, str]) -> str:
    """Return in words the first of several assets with its reason."""
    first, reason = next(iter(assets.items()))
    return f"first {first.to_user_string()}: {reason}"


def _held_back(graph: AssetGraph, judged: Evaluations, stale: Mapping[dg.AssetKey, str]) -> dict[dg.AssetKey, str]:
    failed = {
        check.asset_key: f"the check {check.name} of {check.asset_key.to_user_string()} failed"
        for check, evaluation in judged.items()
        if evaluation and outcome_of(evaluation) == "failed" and check.asset_key not in stale
    }
    held: dict[dg.AssetKey, str] = {}
    for key in graph.toposorted_asset_keys:
        reasons = [held.get(parent) or failed.get(parent) for parent in sorted(graph.get(key).parent_keys)]
        reason = next(filter(None, reasons), None)
        if reason and key in stale:
            held[key] = reason
    return held


def _storage_problem(store: ValueStore, key: dg.AssetKey, last: Made) -> str | None:
    try:
        stored = store.find(key.path)
    except StorageUnusableError:
        raise
    except CurationError as error:
        return error.problem
    if stored is None:
        return "not in storage"
    return None if stored.version == last.stored_version else "the storage holds another value"


def archive_change(settings: Settings, set_name: str, stored: str | None) -> str | None:
    """Ask the source whether it has another archive than the stored one; return the reason in words.

    What is wrong there is left to the run, which records it.
    """
    try:
        sha256 = source_of(settings).current_sha256(set_name)
    except CurationError as error:
        return f"to be checked: {error.problem.rstrip('.')}"
    return None if sha256 == stored else "the archive changed"
