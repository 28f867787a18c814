"""The declaration of an asset: all facts about it that graph, storage, checks, terminal and report read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import dagster as dg

from notmnist_assets.curation.core.drift import Limit
from notmnist_assets.metadata.columns import COLUMNS, Column, column_lineage, lineage_table, table_schema
from notmnist_assets.settings.model import Settings

Role = Literal["raw", "dataset", "evidence", "export"]


@dataclass(frozen=True)
class Drift:
    """Limits of the check `drift`: how much the numbers of an asset may change when its content changes.

    Attributes:
        reason: the limits and the reasons for them, as text.
        limits: takes the previous numbers by metadata label, and returns the limits of those that have one.
        table: label of a table whose counts are compared too, such as `rows of A` for the column `rows` and the first
            cell `A`; empty for none.
    """

    reason: str
    limits: Callable[[Mapping[str, float]], Mapping[str, Limit]]
    table: str = ""


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """All facts about an asset that are known before it is materialized.

    Attributes:
        key: the asset key, its parts joined by slashes.
        description: text for the UI; `with_common_metadata` appends how to load the value.
        code_version: version of the code, to be raised when the same inputs give a different value.
        dagster_type: type that the value is validated against before it is stored.
        loaded_type: type of the value that the IO manager loads, if it loads only a part of what it stores.
        io_manager: resource key of the IO manager.
        role: what the value is for, a tag in the UI. `raw`: content of the archives, whose `drift` is checked before
            the splits are sampled. `dataset`: a split to train or evaluate on. `evidence`: a table about the data, such
            as duplicates or accuracies. `export`: files for other programs and people, copied by a command.
        kinds: technologies that the UI shows as labels.
        group: group in the UI; empty for the first part of the key.
        columns: columns of its rows, by name.
        settings: settings by field name that change its content. A change makes the asset stale.
        guards: settings by field name that can make it or a check fail but do not change its content. A change makes it
            stale too.
        is_finding: whether `notmnist run` prints its summary among the findings.
        drift: limits of the check `drift`, None for no such check.
        is_endpoint: whether the UI shows a freshness state, from the time since the last materialization.
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
    is_finding: bool = False
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
        """The columns in the form that the UI shows."""
        return table_schema(self.columns)

    @property
    def relevant_settings(self) -> Sequence[str]:
        """All settings by field name whose change makes the asset stale."""
        return *self.settings, *self.guards

    def asset(
        self, *, ins: Mapping[str, dg.AssetIn] | None = None, deps: Iterable[dg.AssetKey] = ()
    ) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
        """Return the decorator `dagster.asset` with the facts of this declaration.

        Args:
            ins: inputs by argument name.
            deps: upstream assets that are not inputs, such as those that the function loads with `ValueLoader`.
        """
        decorator: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
            key=self.path, group_name=self.group or self.path[0], ins=ins, deps=list(deps), **self._common
        )
        return decorator

    @property
    def output(self) -> dg.AssetOut:
        """The asset as an output of `dagster.multi_asset`, optional so that a run can select other outputs only."""
        group = self.group or self.path[0]
        return dg.AssetOut(key=self.path, group_name=group, is_required=False, **self._common)

    @property
    def input(self) -> dg.AssetIn:
        """The asset as an input of another asset."""
        loaded = self.loaded_type or self.dagster_type
        return dg.AssetIn(key=self.path, dagster_type=loaded, input_manager_key=self.io_manager)

    @property
    def check_input(self) -> dg.AssetIn:
        """The asset as an input of a check, without a type: Dagster allows none for the asset that is checked."""
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
                **({COLUMNS: self.schema} if self.columns else {}),
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
        declarations: the declaration of each asset.
        assets: the Dagster definitions that materialize these assets.
    """

    declarations: Sequence[Declaration]
    assets: Sequence[dg.AssetsDefinition]


def recorded_settings_by_asset(stages: Iterable[Stage]) -> dict[str, tuple[str, ...]]:
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
