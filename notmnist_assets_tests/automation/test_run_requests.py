"""Command, schedule and sensor materialize the same assets, round by round."""

import gzip
from collections.abc import Callable

import dagster as dg
import pytest

from notmnist_assets.cli.execution import refresh
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets_tests.automation.changes import change_a_letter
from notmnist_assets_tests.automation.ticks import Schedule, Watch, follow
from notmnist_assets_tests.specs import asset_specs
from notmnist_assets_tests.workspace import Workspace, keys_of

pytestmark = pytest.mark.long

WAYS = ["command", "schedule", "watch"]
ARCHIVES = {f"archives/{name}" for name in SETS}
EVERY_LETTER = {f"letters/{name}/{letter}" for name in SETS for letter in LETTERS}
SPLITS = {f"splits/{name}" for name in ("train", "valid", "test")}


def repack_all(workspace: Workspace) -> None:
    """Compress the same tar files to other bytes."""
    for path in workspace.archives.glob("*.gz"):
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=9, mtime=1))


def materialized_by(way: str, workspace: Workspace) -> tuple[set[str], int]:
    """Refresh everything in one way; return the materialized assets and the number of runs."""
    if way == "command":
        with workspace.instance() as instance:
            outcome = refresh(instance)
        assert outcome.success
        return keys_of(outcome.made), len(outcome.run_ids)
    tick = Schedule(workspace).tick if way == "schedule" else Watch(workspace).tick
    made = follow(workspace, tick)
    assert sum(map(len, made)) == len(set().union(*made)), "no asset is materialized twice"
    with workspace.instance() as instance:
        assert refresh(instance).made == {}, "nothing is left for the command"
    return set().union(*made), len(made)


def materialized_by_each_way(workspace: Workspace, change: Callable[[Workspace], None]) -> tuple[set[str], int]:
    """Refresh after a change in each way, from the same state; return the materialized assets and the number of runs.

    All ways must agree.
    """
    made = {}
    for way in WAYS:
        change(workspace)
        made[way] = materialized_by(way, workspace)
        workspace.restore()
    first = made[WAYS[0]]
    assert made == dict.fromkeys(WAYS, first)
    return first


@pytest.mark.extended
def test_archives_packed_anew_make_the_same_assets_by_each_way(workspace: Workspace) -> None:
    expected = ARCHIVES | EVERY_LETTER | {"letters/files", "report/html"}
    assert materialized_by_each_way(workspace, repack_all) == (expected, 2)


def test_the_watch_makes_the_same_assets_of_a_changed_letter_as_the_command(workspace: Workspace) -> None:
    """`test_execution.py` has the same case for the command; the extended tests compare all ways."""
    change_a_letter(workspace)
    made, runs = materialized_by("watch", workspace)
    large = {"archives/large", *(f"letters/large/{letter}" for letter in LETTERS)}
    unchanged = {f"{group}/{name}" for group in ("splits", "hashes") for name in ("train", "valid")}
    assert made == keys_of([spec.key for spec in asset_specs(workspace.definitions)]) - large - unchanged
    assert runs == 3


@pytest.mark.extended
def test_a_new_letter_that_a_person_made_is_followed_by_each_way(workspace: Workspace) -> None:
    def make_letters(workspace: Workspace) -> None:
        change_a_letter(workspace)
        small = [f"letters/small/{letter}" for letter in LETTERS]
        assert workspace.run(["archives/small", *small, "letters/files"]).success

    made, runs = materialized_by_each_way(workspace, make_letters)
    assert made & SPLITS == {"splits/test"}
    assert not made & (ARCHIVES | EVERY_LETTER)
    assert runs == 2


@pytest.mark.parametrize("way", ["schedule", "watch"])
def test_a_first_refresh_is_one_run(workspace: Workspace, way: str) -> None:
    repository = workspace.definitions.get_repository_def()
    with dg.instance_for_test() as empty:
        if way == "schedule":
            sensor = next(one for one in repository.schedule_defs if one.name == "weekly_refresh")
            asked = sensor.evaluate_tick(dg.build_schedule_context(instance=empty, repository_def=repository))
            (request,) = asked.run_requests or ()
        else:
            watch = next(one for one in repository.sensor_defs if one.name == "upstream_watch")
            (request,) = (
                watch.evaluate_tick(dg.build_sensor_context(empty, repository_def=repository)).run_requests or ()
            )
    every = {spec.key for spec in asset_specs(workspace.definitions)}
    assert set(request.asset_selection or ()) == every
