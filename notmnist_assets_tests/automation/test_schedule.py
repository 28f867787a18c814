"""The weekly schedule requests what is out of date, and skips its tick if nothing is."""

import time
from pathlib import Path

import dagster as dg
import pytest

from notmnist_assets.automation import weekly_refresh
from notmnist_assets_tests.automation.changes import change_a_letter, make_letters_that_fail_a_blocking_check
from notmnist_assets_tests.automation.ticks import Schedule, carry_out
from notmnist_assets_tests.sources.server import FaultyServer
from notmnist_assets_tests.specs import asset_specs
from notmnist_assets_tests.workspace import Workspace, keys_of


def tick(workspace: Workspace, instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    repository = workspace.definitions.get_repository_def()
    asked = weekly_refresh(dg.build_schedule_context(instance=instance, repository_def=repository))
    assert isinstance(asked, dg.RunRequest | dg.SkipReason)
    return asked


def test_a_tick_on_an_empty_instance_requests_everything(finished: Workspace) -> None:
    with dg.instance_for_test() as empty:
        asked = tick(finished, empty)
    assert isinstance(asked, dg.RunRequest)
    assert set(asked.asset_selection or ()) == {spec.key for spec in asset_specs(finished.definitions)}


def test_a_tick_with_nothing_changed_is_skipped(finished: Workspace) -> None:
    with finished.instance() as instance:
        assert isinstance(tick(finished, instance), dg.SkipReason)


def test_a_tick_after_a_lost_file_requests_its_asset_and_everything_downstream(workspace: Workspace) -> None:
    (manifest,) = Path(workspace.storage).glob("custom/baselines/metrics/value.json")
    manifest.unlink()
    with workspace.instance() as instance:
        asked = tick(workspace, instance)
    assert isinstance(asked, dg.RunRequest)
    graph = workspace.definitions.resolve_asset_graph()
    below = dg.AssetSelection.assets("baselines/metrics").downstream().resolve(graph)
    assert set(asked.asset_selection or ()) == below


@dg.job
def something_else() -> None:
    """A job of another project on the same instance."""


def test_a_tick_while_a_run_makes_assets_is_skipped(workspace: Workspace) -> None:
    change_a_letter(workspace)
    with workspace.instance() as instance:
        instance.create_run_for_job(something_else)
        assert isinstance(tick(workspace, instance), dg.RunRequest)
        run = instance.create_run_for_job(workspace.definitions.resolve_job_def("refresh"))
        assert tick(workspace, instance) == dg.SkipReason(f"Run {run.run_id} is under way.")


def test_a_failed_round_is_not_requested_by_the_next_tick(workspace: Workspace) -> None:
    schedule = Schedule(workspace)
    path = workspace.archives / "notMNIST_small.tar.gz"
    path.write_bytes(path.read_bytes()[:-300])
    assert not carry_out(workspace, schedule.tick()).success
    assert "failed; it is repeated in 60 minutes" in str(schedule.tick())


def test_a_skipped_tick_names_the_blocked_assets_and_the_check(workspace: Workspace) -> None:
    make_letters_that_fail_a_blocking_check(workspace)
    with workspace.instance() as instance:
        skipped = tick(workspace, instance)
    assert isinstance(skipped, dg.SkipReason)
    assert "blocked, first letters/files: the blocking check enough_images of letters/small/C failed." in str(skipped)


def test_a_tick_while_the_server_is_silent_ends_in_time_and_leaves_the_archives_to_the_run(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer().running() as server:
        server.files = {path.name: path.read_bytes() for path in workspace.archives.glob("*.gz")}
        monkeypatch.setenv("NOTMNIST_ARCHIVES", server.url)
        assert workspace.run(["archives/large", "archives/small"]).success
        server.silent.update(server.files)
        begun = time.monotonic()
        with workspace.instance() as instance:
            asked = tick(workspace, instance)
        # The limit of a tick is 60 seconds.
        assert time.monotonic() - begun < 50
    assert isinstance(asked, dg.RunRequest)
    assert {"archives/large", "archives/small"} <= keys_of(list(asked.asset_selection or ()))
