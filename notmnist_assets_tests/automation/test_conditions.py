"""The declarative way, on real runs: new bytes are followed, the same bytes are not, and bad bytes are held."""

import gzip

import dagster as dg
import pytest

from notmnist_assets.automation import react_to_new_data
from notmnist_assets.curation.images import LETTERS, SETS
from notmnist_assets_tests.archives import tiny_members, write_archive
from notmnist_assets_tests.automation.changes import change_a_letter
from notmnist_assets_tests.automation.ticks import Conditions
from notmnist_assets_tests.workspace import Workspace, keys_of

SMALL_LETTERS = {f"letters/small/{letter}" for letter in LETTERS}
LETTER_C = "letters/small/C"


@pytest.fixture
def conditions(workspace: Workspace) -> Conditions:
    return Conditions(workspace)


def below_letters(workspace: Workspace) -> set[str]:
    every = keys_of([spec.key for spec in workspace.definitions.resolve_all_asset_specs()])
    return {key for key in every if not key.startswith(("archives/", "letters/"))}


def run(workspace: Workspace, *keys: str) -> None:
    assert workspace.run(keys).success


def test_the_sensor_is_off_and_the_only_one_that_evaluates_conditions(finished: Workspace) -> None:
    sensors = finished.definitions.get_repository_def().sensor_defs
    automatic = [sensor for sensor in sensors if isinstance(sensor, dg.AutomationConditionSensorDefinition)]
    assert [sensor.name for sensor in automatic] == [react_to_new_data.name] == ["react_to_new_data"]
    assert react_to_new_data.default_status == dg.DefaultSensorStatus.STOPPED


def test_every_asset_but_the_archives_has_the_condition(finished: Workspace) -> None:
    specs = finished.definitions.resolve_all_asset_specs()
    without = {spec.key.to_user_string() for spec in specs if spec.automation_condition is None}
    assert without == {f"archives/{name}" for name in SETS}


def test_whatever_reads_an_archive_reads_its_letters_too(finished: Workspace) -> None:
    """What reads an archive and something below its letters must wait for the letters, and waits for its inputs."""
    graph = finished.definitions.resolve_asset_graph()
    for key in graph.toposorted_asset_keys:
        parents = keys_of(sorted(graph.get(key).parent_keys))
        if key.path[0] != "letters" and parents & {f"archives/{name}" for name in SETS}:
            assert parents >= {f"letters/{name}/{letter}" for name in SETS for letter in LETTERS}


def test_the_same_bytes_made_again_are_no_reason(workspace: Workspace, conditions: Conditions) -> None:
    run(workspace, "archives/small")
    run(workspace, *SMALL_LETTERS)
    assert conditions.tick() == set()


def test_new_bytes_are_followed_first_by_the_letters_then_by_all_below_in_one_run(
    workspace: Workspace, conditions: Conditions
) -> None:
    change_a_letter(workspace)
    run(workspace, "archives/small")
    assert conditions.tick() == SMALL_LETTERS
    run(workspace, *SMALL_LETTERS)
    assert conditions.tick() == below_letters(workspace)
    assert conditions.tick() == set(), "asked for once"


def test_the_same_letters_packed_anew_stop_at_the_letters(workspace: Workspace, conditions: Conditions) -> None:
    path = workspace.archives / "notMNIST_small.tar.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=9, mtime=1))
    run(workspace, "archives/small")
    assert conditions.tick() == SMALL_LETTERS
    run(workspace, *SMALL_LETTERS)
    assert conditions.tick() == {"report/html"}, "it reads the archive itself"


def test_new_bytes_with_a_failed_blocking_check_are_held_until_it_passes(
    workspace: Workspace, conditions: Conditions
) -> None:
    change_a_letter(workspace)
    run(workspace, "archives/small", *SMALL_LETTERS)
    workspace.judge(LETTER_C, min_small=1_000)
    assert conditions.tick() == set()
    workspace.judge(LETTER_C)
    assert conditions.tick() == below_letters(workspace)


def test_what_failed_is_not_tried_over_and_over(workspace: Workspace, conditions: Conditions) -> None:
    small = tiny_members()["small"]
    del small["G"]
    write_archive(workspace.archives, "small", small)
    run(workspace, "archives/small")
    assert conditions.tick() == SMALL_LETTERS
    assert not workspace.run(sorted(SMALL_LETTERS)).success
    assert conditions.tick() == set()
    change_a_letter(workspace)
    run(workspace, "archives/small")
    assert conditions.tick() == SMALL_LETTERS, "a repaired archive is new bytes"
