"""Plans a refresh: which assets are out of date and why, which of them are blocked, and what to materialize first.

The command line, the schedule and the sensor follow this plan.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, Final, Protocol

import dagster as dg

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.settings.model import Settings
from notmnist_assets.settings.recorded import own_settings
from notmnist_assets.settings.values import setting_values
from notmnist_assets.staleness.materializations import Materialization, last_materializations
from notmnist_assets.staleness.outcomes import checks_not_run, latest_evaluations, outcome_of
from notmnist_assets.staleness.reasons import (
    NEVER_MATERIALIZED,
    ArchiveComparison,
    archive_change,
    definition_change,
    storage_problem,
)
from notmnist_assets.storage.store import ValueStore

_EARLY_ROUNDS: Final = (("archives", "letters"), ("splits",))
"""Groups to materialize before planning again: new archives often contain mostly the same letters, and new letters
give some of the same splits, so that less is out of date afterwards."""

_INHERITED: Final = "something upstream is out of date"
_UPSTREAM: Final = re.compile(r"upstream \S+ is out of date")

Reasons = Mapping[dg.AssetKey, str]
"""Why assets are out of date or blocked, in the order of the flow."""

_Evaluations = Mapping[dg.AssetCheckKey, dg.AssetCheckEvaluation | None]
_Materializations = Mapping[dg.AssetKey, Materialization]


class AssetGraph(Protocol):
    """The methods used of Dagster's asset graphs, whose class has no public name."""

    @property
    def toposorted_asset_keys(self) -> Sequence[dg.AssetKey]:
        """All assets in the order of the flow."""
        ...

    @property
    def materializable_asset_keys(self) -> AbstractSet[dg.AssetKey]:
        """All assets but those that are only observed."""
        ...

    @property
    def asset_check_keys(self) -> AbstractSet[dg.AssetCheckKey]:
        """All checks."""
        ...

    def get(self, key: Any) -> Any:
        """Return the node of an asset, with its parents and code version, or of a check."""
        ...


def assets_in_order(graph: AssetGraph) -> list[dg.AssetKey]:
    """Return all assets that can be materialized, in the order of the flow."""
    return [key for key in graph.toposorted_asset_keys if key in graph.materializable_asset_keys]


def plan_refresh(
    graph: AssetGraph,
    instance: dg.DagsterInstance,
    settings: Settings,
    compare_archive: ArchiveComparison | None = None,
) -> tuple[Reasons, Reasons]:
    """Return the stale assets to materialize and the stale assets that are blocked, each with the reason.

    An asset is blocked while a blocking check of something upstream has failed. Dagster itself blocks downstream
    assets only in the run of the check; the next run would build them from the value that failed. If the checked asset
    is stale itself, it is materialized first, and its check runs again.

    Args:
        graph: all assets and checks.
        instance: the history.
        settings: the settings to materialize with.
        compare_archive: compares an archive with its source; by default, the source is asked and nothing is downloaded.
    """
    last = last_materializations(instance, assets_in_order(graph))
    evaluations = _blocking_evaluations(graph, instance, last)
    stale = _stale(graph, settings, last, evaluations, compare_archive or partial(archive_change, settings))
    blocked = _blocked(graph, evaluations, stale)
    return {key: reason for key, reason in stale.items() if key not in blocked}, blocked


def checks_to_run(
    graph: AssetGraph, instance: dg.DagsterInstance, stale: Collection[dg.AssetKey]
) -> list[dg.AssetCheckKey]:
    """Return the checks that have not run on the stored values, because a run was terminated or a check is new.

    Args:
        graph: all assets and checks.
        instance: the history.
        stale: assets that are out of date: their checks run when they are materialized.
    """
    last = last_materializations(instance, assets_in_order(graph))
    return checks_not_run(instance, [key for key in graph.asset_check_keys if key.asset_key not in stale], last)


def next_round(plan: Reasons) -> Reasons:
    """Return the assets to materialize before planning again; all of them if some were never materialized."""
    for groups in _EARLY_ROUNDS:
        part = {key: reason for key, reason in plan.items() if key.path[0] in groups}
        if NEVER_MATERIALIZED in part.values():
            break
        if part:
            return part
    return dict(plan)


def first_with_reason(assets: Reasons) -> str:
    """Return the first of several assets with its reason, such as `first splits/test: is not in the storage`."""
    first, reason = next(iter(assets.items()))
    return f"first {first.to_user_string()}: {reason}"


def grouped_reasons(assets: Reasons) -> Iterator[str]:
    """Yield a line for each reason with all assets that have it; those whose reason is upstream are on the last line.

    For example `letters/large/A to J (10 assets): the setting min_large changed from 1 to 5`, then
    `letters/files, splits/train and 3 of hashes (5 assets): something upstream is out of date`.
    """
    groups: dict[str, list[dg.AssetKey]] = {}
    for key, reason in assets.items():
        groups.setdefault(_INHERITED if _UPSTREAM.fullmatch(reason) else reason, []).append(key)
    for reason in sorted(groups, key=_INHERITED.__eq__):
        keys = groups[reason]
        count = f" ({len(keys)} assets)" if len(keys) > 1 else ""
        yield f"{_named(keys)}{count}: {reason}"


def _named(keys: Sequence[dg.AssetKey]) -> str:
    """Return the keys as text, those of one folder together."""
    folders: dict[tuple[str, ...], list[str]] = {}
    for key in keys:
        folders.setdefault(tuple(key.path[:-1]), []).append(key.path[-1])
    if len(folders) == 1:
        ((folder, names),) = folders.items()
        return "/".join([*folder, _enumeration(names)])
    return _joined([_folder_named("/".join(folder), names) for folder, names in folders.items()])


def _folder_named(folder: str, names: Sequence[str]) -> str:
    return f"{folder}/{names[0]}" if len(names) == 1 else f"{len(names)} of {folder}"


def _enumeration(names: Sequence[str]) -> str:
    if len(names) > 2 and all(name in LETTERS for name in names) and "".join(sorted(names)) in "".join(LETTERS):
        return f"{min(names)} to {max(names)}"
    return _joined(names)


def _joined(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _stale(
    graph: AssetGraph,
    settings: Settings,
    last: _Materializations,
    evaluations: _Evaluations,
    compare_archive: ArchiveComparison,
) -> dict[dg.AssetKey, str]:
    store = ValueStore(settings.storage_root)
    # Sorted in reverse, so that the first of several checks of an asset remains.
    not_run = {check.asset_key: check.name for check in sorted(evaluations, reverse=True) if evaluations[check] is None}
    stale: dict[dg.AssetKey, str] = {}

    def reasons(key: dg.AssetKey, materialization: Materialization) -> Iterator[str | None]:
        """Yield all reasons by their weight, each computed only if there is none before it."""
        node = graph.get(key)
        parents = sorted(node.parent_keys)
        own = setting_values(own_settings(node.metadata), settings)
        yield definition_change(materialization, node.code_version, own)
        yield from (f"upstream {parent.to_user_string()} is out of date" for parent in parents if parent in stale)
        yield from (
            f"was built from an older version of {parent.to_user_string()}"
            for parent in parents
            if parent in last and materialization.input_version(parent) != last[parent].data_version
        )
        yield storage_problem(store, key, materialization)
        if key.path[0] == "archives":
            yield compare_archive(key.path[1], materialization.data_version)
        yield materialization.interruption
        if key in not_run:
            yield f"its blocking check {not_run[key]} has not run"

    for key in assets_in_order(graph):
        reason = next(filter(None, reasons(key, last[key])), None) if key in last else NEVER_MATERIALIZED
        if reason:
            stale[key] = reason
    return stale


def _blocking_evaluations(graph: AssetGraph, instance: dg.DagsterInstance, last: _Materializations) -> _Evaluations:
    """Return how each blocking check evaluated the last materialization, None if it did not."""
    blocking = sorted(check for check in graph.asset_check_keys if graph.get(check).blocking)
    found = latest_evaluations(instance, blocking, {key: one.storage_id for key, one in last.items()})
    return {check: found.get(check) for check in blocking}


def _blocked(graph: AssetGraph, evaluations: _Evaluations, stale: Reasons) -> dict[dg.AssetKey, str]:
    failed = {
        check.asset_key: f"the blocking check {check.name} of {check.asset_key.to_user_string()} failed"
        for check, evaluation in evaluations.items()
        if evaluation and outcome_of(evaluation) == "failed" and check.asset_key not in stale
    }
    downstream: dict[dg.AssetKey, str] = {}
    for key in assets_in_order(graph):
        parents = sorted(graph.get(key).parent_keys)
        reason = next(filter(None, (downstream.get(parent) or failed.get(parent) for parent in parents)), None)
        if reason:
            downstream[key] = reason
    return {key: reason for key, reason in downstream.items() if key in stale}
