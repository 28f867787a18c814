"""The weekly schedule asks for what is out of date, and for nothing when all is current."""

from pathlib import Path

import dagster as dg

from notmnist_assets.automation import weekly_refresh
from notmnist_assets_tests.automation.changes import change_a_letter
from notmnist_assets_tests.automation.ticks import below
from notmnist_assets_tests.workspace import Workspace, keys_of


def tick(workspace: Workspace, instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    repository = workspace.definitions.get_repository_def()
    asked = weekly_refresh(dg.build_schedule_context(instance=instance, repository_def=repository))
    assert isinstance(asked, dg.RunRequest | dg.SkipReason)
    return asked


def test_a_tick_on_an_empty_instance_asks_for_everything(finished: Workspace) -> None:
    with dg.instance_for_test() as empty:
        asked = tick(finished, empty)
    assert isinstance(asked, dg.RunRequest)
    assert set(asked.asset_selection or ()) == {spec.key for spec in finished.definitions.resolve_all_asset_specs()}


def test_a_tick_with_nothing_changed_is_skipped(finished: Workspace) -> None:
    with finished.instance() as instance:
        assert isinstance(tick(finished, instance), dg.SkipReason)


def test_a_tick_after_a_lost_file_asks_for_it_and_what_follows(workspace: Workspace) -> None:
    (manifest,) = Path(workspace.storage).glob("custom/baselines/metrics/value.json")
    manifest.unlink()
    with workspace.instance() as instance:
        asked = tick(workspace, instance)
    assert isinstance(asked, dg.RunRequest)
    assert keys_of(list(asked.asset_selection or ())) == below(workspace, "baselines/metrics")


def test_a_tick_while_a_run_makes_the_archives_is_skipped(workspace: Workspace) -> None:
    change_a_letter(workspace)
    with workspace.instance() as instance:
        run = instance.create_run_for_job(workspace.definitions.resolve_job_def("refresh"))
        assert tick(workspace, instance) == dg.SkipReason(f"Run {run.run_id} is refreshing already.")
