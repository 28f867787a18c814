"""The resource that loads stored values outside of inputs: one row index per run, errors that name asset and remedy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

import notmnist_assets
from notmnist_assets.assets import value_loader
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.curation.duplicates.buckets import HashBuckets
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets_tests.specs import asset_specs
from notmnist_assets_tests.workspace import Workspace

Hashes = Mapping[str, pd.DataFrame | HashBuckets]
ROOM = Path(notmnist_assets.__file__).parent


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Hashes]:
    """The hash tables of every row index that is built, in order."""
    tables: list[Hashes] = []
    build = RowIndex.__init__

    def record(self: RowIndex, hashes: Hashes, *others: Any, **options: Any) -> None:
        tables.append(hashes)
        build(self, hashes, *others, **options)

    monkeypatch.setattr(RowIndex, "__init__", record)
    return tables


@pytest.mark.extended
def test_a_run_builds_each_row_index_once(workspace: Workspace, built: list[Hashes]) -> None:
    keys = [spec.key.to_user_string() for spec in asset_specs(workspace.definitions)]
    result = workspace.run(keys)
    assert result.success
    assert len(result.get_asset_materialization_events()) == len(keys)
    stored = [isinstance(tables["test"], HashBuckets) for tables in built]
    assert sorted(stored) == [False, True], "of all images, and of the splits"


def test_changed_hashes_get_an_index_of_their_own(workspace: Workspace, built: list[Hashes]) -> None:
    values = ValueLoader(settings=SettingsResource())
    before = values.row_index()
    assert values.row_index() is before
    assert workspace.run(["splits/test", "hashes/test"], {"resources": {"settings": {"config": {"seed": 7}}}}).success
    after = values.row_index()
    assert after is not before
    assert len(built) == 2


@pytest.mark.usefixtures("values")
def test_a_missing_value_fails_with_its_key_and_the_command_that_materializes_it() -> None:
    values = ValueLoader(settings=SettingsResource())
    for load in (values.letter, values.table, values.compare_with_digests):
        with pytest.raises(dg.Failure, match=r"^hashes/test: .*notmnist run$"):
            load(["hashes", "test"])


def test_assets_and_checks_load_values_only_through_inputs_and_this_resource() -> None:
    for room in ("assets", "checks"):
        for path in (ROOM / room).glob("*.py"):
            if path != Path(value_loader.__file__):
                text = path.read_text(encoding="utf-8")
                assert "ValueStore" not in text, path
                assert "open_store" not in text, path
