"""Declares an asset once: what the graph, the storage, the checks, the terminal and the report need to know of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import dagster as dg

from notmnist_assets.curation.core.drift import Limit
from notmnist_assets.metadata.columns import Column, column_lineage, lineage_table, table_schema
from notmnist_assets.settings.model import Settings

Role = Literal["raw", "dataset", "evidence", "export"]


@dataclass(frozen=True)
class Drift:
    """How far the numbers of an asset may move from one content to the next before the check `drift` warns.

    Attributes:
        reason: the limits in words, each with its reason.
        limits: returns the limit of each number, by its metadata label, given the previous numbers.
    """

    reason: str
    limits: Callable[[Mapping[str, float]], Mapping[str, Limit]]


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """All facts of one asset that are known before it is materialized.

    Attributes:
        key: the asset key, parts joined by slashes.
        description: what the value is; how to load it is appended by `with_common_metadata`.
        code_version: raise it when the same inputs give another value.
        dagster_type: what the value must look like before it is stored.
        loaded_type: what the IO manager loads, if that is only a part of what it stores.
        io_manager: resource key of the IO manager that stores and loads it.
        role: its part in the flow.
        kinds: tags of the UI for its technology.
        group: group in the UI; the first part of the key if empty.
        columns: columns of its rows, by name.
        settings: settings, by field name, that change its content. A change makes it stale.
        guards: settings that decide whether it may be made, but not its content. A change makes it stale as well.
        headlines: metadata labels that `notmnist run` prints, each with what the number is in words.
        drift: limits of the check `drift`; None for assets without that check.
        is_endpoint: whether the UI shows how long ago it was materialized as a freshness state.
    """

    key: str
    description: str
    code_version: str
    dagster_type: dg.DagsterType
    io_manager: str
    role: Role
    kinds: AbstractSet[str]
    group: str = ""
    loaded_type: dg.DagsterType | None = None
    columns: Mapping[str, Column] = field(default_factory=dict)
    settings: Sequence[str] = ()
    guards: Sequence[str] = ()
    headlines: Mapping[str, str] = field(default_factory=dict)
    drift: Drift | None = None
    is_endpoint: bool = False

    @property
    def asset_key(self) -> dg.AssetKey:
        """The asset key."""
        return dg.AssetKey(self.path)

    @property
    def path(self) -> list[str]:
        """The parts of the asset key."""
        return self.key.split("/")

    @property
    def schema(self) -> dg.TableSchema:
        """The columns as the UI shows them."""
        return table_schema(self.columns)

    @property
    def stale_settings(self) -> Sequence[str]:
        """All settings, by field name, whose change makes the asset stale."""
        return *self.settings, *self.guards

    def asset(
        self, *, ins: Mapping[str, dg.AssetIn] | None = None, deps: Iterable[dg.AssetKey] = ()
    ) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
        """Return the decorator `dagster.asset` with what is declared here.

        Args:
            ins: values that the function takes, by argument name.
            deps: assets that the function loads by itself.
        """
        decorator: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
            key=self.path, group_name=self.group or self.path[0], ins=ins, deps=list(deps), **self._common
        )
        return decorator

    @property
    def output(self) -> dg.AssetOut:
        """An output of `dagster.multi_asset` that a run may leave out."""
        group = self.group or self.path[0]
        return dg.AssetOut(key=self.path, group_name=group, is_required=False, **self._common)

    @property
    def input(self) -> dg.AssetIn:
        """The value as an input of another asset."""
        loaded = self.loaded_type or self.dagster_type
        return dg.AssetIn(key=self.path, dagster_type=loaded, input_manager_key=self.io_manager)

    @property
    def check_input(self) -> dg.AssetIn:
        """The value as an input of a check: Dagster refuses a type on inputs of the assets that a check is about."""
        return dg.AssetIn(key=self.path, input_manager_key=self.io_manager)

    @property
    def _common(self) -> dict[str, Any]:
        lineage = column_lineage(self.columns)
        return {
            "description": self.description,
            "code_version": self.code_version,
            "dagster_type": self.dagster_type,
            "io_manager_key": self.io_manager,
            "kinds": self.kinds,
            "metadata": {
                **({"dagster/column_schema": self.schema} if self.columns else {}),
                **(
                    {"dagster/column_lineage": lineage, "columns_made_from": lineage_table(self.columns)}
                    if lineage
                    else {}
                ),
            },
        }


@dataclass(frozen=True)
class Stage:
    """A stage of the flow.

    Attributes:
        declarations: one per asset.
        assets: what materializes them.
    """

    declarations: Sequence[Declaration]
    assets: Sequence[dg.AssetsDefinition]


def settings_to_record(stages: Iterable[Stage]) -> dict[str, tuple[str, ...]]:
    """Return by asset key its own settings and those that decide the content of everything upstream, by field name."""
    stages = list(stages)
    declared = {declaration.asset_key: declaration for stage in stages for declaration in stage.declarations}
    upstream = {key: keys for stage in stages for asset in stage.assets for key, keys in asset.asset_deps.items()}

    @cache
    def content_settings(key: dg.AssetKey) -> set[str]:
        parents = (content_settings(parent) for parent in upstream[key] if parent in declared)
        return set(declared[key].settings).union(*parents)

    order = [*Settings.model_fields, "search_radius"]
    return {
        declaration.key: tuple(sorted({*content_settings(key), *declaration.guards}, key=order.index))
        for key, declaration in declared.items()
    }
