"""The sources of the archives are observed: a changed archive is unsynced, an unchanged one is not."""

import dagster as dg
import pytest

from notmnist_assets.assets.sources import SOURCE_KEYS, observe
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.settings.model import read_settings
from notmnist_assets_tests.automation.changes import change_a_letter
from notmnist_assets_tests.workspace import Workspace

VERSION = "dagster/data_version"


def observed(workspace: Workspace, set_name: str) -> list[str]:
    """Return the versions of the observations of a source, the last first."""
    with workspace.instance() as instance:
        records = instance.fetch_observations(SOURCE_KEYS[set_name], limit=10).records
    return [record.asset_observation.tags[VERSION] for record in records if record.asset_observation]


def input_version(workspace: Workspace, set_name: str) -> str:
    """Return the version of the source that the last materialization of an archive recorded."""
    with workspace.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["archives", set_name]))
    assert event is not None
    assert event.asset_materialization is not None
    return (event.asset_materialization.tags or {})[f"dagster/input_data_version/sources/{set_name}"]


def test_a_run_observes_the_sources_before_their_archives(finished: Workspace) -> None:
    for set_name in SOURCE_KEYS:
        (version,) = observed(finished, set_name)
        assert input_version(finished, set_name) == version == finished.load(f"archives/{set_name}").sha256


def test_a_changed_archive_is_observed_once(workspace: Workspace) -> None:
    with workspace.instance() as instance:
        observe(instance, read_settings(), "small")
        assert len(observed(workspace, "small")) == 1
        change_a_letter(workspace)
        observe(instance, read_settings(), "small")
        observe(instance, read_settings(), "small")
    assert len(observed(workspace, "small")) == 2
    assert observed(workspace, "small")[0] != input_version(workspace, "small")


def test_a_source_that_does_not_answer_is_an_error(workspace: Workspace) -> None:
    (workspace.archives / "notMNIST_small.tar.gz").unlink()
    with workspace.instance() as instance, pytest.raises(CurationError, match="there is no such file"):
        observe(instance, read_settings(), "small")
