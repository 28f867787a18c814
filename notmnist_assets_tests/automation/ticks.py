"""Ticks of sensors as the daemon makes them, each with the cursor of the one before, and what the UI calls unsynced.

Belongs here: evaluating. What must come out is in the tests.
"""

from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from notmnist_assets.automation import upstream_watch
from notmnist_assets_tests.workspace import Workspace, keys_of


class Conditions:
    """`react_to_new_data`: evaluates the conditions of all assets."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._cursor: Any = None
        assert self.tick() == set(), "what happened before it was switched on is no reason"

    def tick(self) -> set[str]:
        """Return what is asked for now."""
        with self.workspace.instance() as instance:
            result = dg.evaluate_automation_conditions(self.workspace.definitions, instance, cursor=self._cursor)
        self._cursor = result.cursor
        keys = [spec.key for spec in self.workspace.definitions.resolve_all_asset_specs()]
        return keys_of([key for key in keys if result.get_num_requested(key)])


class Watch:
    """`upstream_watch`."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.cursor: str | None = None

    def tick(self) -> dg.RunRequest | str:
        """Return the run that is asked for, else the reason why none is."""
        with self.workspace.instance() as instance:
            repository = self.workspace.definitions.get_repository_def()
            context = dg.build_sensor_context(instance, self.cursor, repository_def=repository)
            result = upstream_watch.evaluate_tick(context)
        self.cursor = result.cursor
        if result.run_requests:
            (request,) = result.run_requests
            return request
        assert result.skip_message
        return result.skip_message


def asked_for(answer: dg.RunRequest | str) -> set[str]:
    assert isinstance(answer, dg.RunRequest), answer
    return keys_of(list(answer.asset_selection or ()))


def below(workspace: Workspace, *keys: str) -> set[str]:
    """Return these assets and all that is made from them."""
    graph = workspace.definitions.resolve_asset_graph()
    return keys_of(list(dg.AssetSelection.assets(*keys).downstream().resolve(graph)))


def unsynced(workspace: Workspace, definitions: dg.Definitions | None = None) -> dict[str, set[str]]:
    """Return what "Materialize unsynced" would make, with the causes, as the webserver resolves them."""
    graph = (definitions or workspace.definitions).resolve_asset_graph()
    found = {}
    with workspace.instance() as instance:
        resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
        for key in graph.toposorted_asset_keys:
            if resolver.get_status(key) != StaleStatus.FRESH:
                found[key.to_user_string()] = {
                    f"{cause.category.value} {cause.dependency.asset_key.to_user_string() if cause.dependency else ''}"
                    for cause in resolver.get_stale_causes(key)
                }
    return found
