"""The graph as people use it: look, materialize, inspect, repair, switch on."""

import re
import subprocess
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from playwright.sync_api import expect

from notmnist_assets.curation.core.images import SIDE
from notmnist_assets.settings.model import project_home
from notmnist_assets_tests.archives import glyph, png, tiny_members, write_archive
from notmnist_assets_tests.automation.changes import change_a_letter
from notmnist_assets_tests.browser.ui import UI
from notmnist_assets_tests.specs import asset_specs
from notmnist_assets_tests.workspace import Workspace, keys_of

pytestmark = pytest.mark.long


def graph_of(workspace: Workspace) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in asset_specs(workspace.definitions)}


def made_in(workspace: Workspace, run_ids: Iterable[str]) -> list[set[str]]:
    """Return the assets that each of these runs materialized."""
    made = []
    with workspace.instance() as instance:
        for run_id in run_ids:
            events = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
            made.append(keys_of([key for event in events if (key := event.get_dagster_event().asset_key)]))
    return made


def readers_of(workspace: Workspace, key: str) -> set[str]:
    """Return the assets that are made from this one directly."""
    return {
        reader
        for reader, spec in graph_of(workspace).items()
        if key in keys_of([dependency.asset_key for dependency in spec.deps])
    }


def test_the_graph_shows_all_groups_from_left_to_right(workspace: Workspace, ui: UI) -> None:
    graph = graph_of(workspace)
    arrows = {
        (graph[dependency.asset_key.to_user_string()].group_name or "", spec.group_name or "")
        for spec in graph.values()
        for dependency in spec.deps
        if dependency.asset_key.to_user_string() in graph
    }
    ui.open_graph()
    places = ui.groups(sorted({spec.group_name or "" for spec in graph.values()}))
    for start, end in arrows:
        if start != end:
            assert places[start]["x"] + places[start]["width"] <= places[end]["x"], f"{start} is left of {end}"
    tops = sorted((box["x"], box["y"], box["y"] + box["height"]) for box in places.values())
    for (left, _, bottom), (next_left, next_top, _) in pairwise(tops):
        assert next_left > left or next_top >= bottom, "groups of one column lie below each other"


def test_materialize_all_makes_everything_in_one_run(workspace: Workspace, ui: UI) -> None:
    everything = set(graph_of(workspace))
    ui.open_graph()
    run_id = ui.materialize()
    assert ui.watch(run_id) == "Success"
    expect(ui.page.get_by_text(f"{len(everything)} assets")).to_be_visible()
    assert made_in(workspace, [run_id]) == [everything]
    with workspace.instance() as instance:
        assert instance.get_runs_count() == 1


def test_an_asset_shows_its_description_its_picture_and_its_plots(made: Workspace, ui: UI) -> None:
    key = "letters/small/C"
    ui.open_asset(key)
    description = graph_of(made)[key].description or ""
    expect(ui.page.get_by_text(description.split(",")[0])).to_be_visible()
    picture = ui.show_picture("pictures")
    # One tile for each image, ten in a row.
    width, height = picture.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert width > height > 2 * 28
    ui.page.get_by_role("button", name="Close").click()
    ui.page.get_by_role("button", name="Plots").click()
    numbers = [
        label
        for label, value in made.metadata(key).items()
        if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue)
    ]
    assert "images" in numbers
    for label in numbers:
        # The last one is the plot's: the description above it may name a number too.
        expect(ui.page.get_by_text(label, exact=True).last).to_be_visible()
    expect(ui.page.locator("canvas")).to_have_count(len(numbers))


def test_one_letter_is_made_again_alone(made: Workspace, ui: UI) -> None:
    ui.open_asset("letters/small/C")
    run_id = ui.materialize()
    assert ui.watch(run_id) == "Success"
    assert made_in(made, [run_id]) == [{"letters/small/C"}]
    with made.instance() as instance:
        run = instance.get_run_by_id(run_id)
    assert run is not None
    assert keys_of(list(run.asset_selection or ())) == {"letters/small/C"}


def test_the_schedule_is_switched_on_and_its_tick_asks_only_for_what_is_missing(made: Workspace, ui: UI) -> None:
    ui.open_schedule("weekly_refresh")
    expect(ui.schedule_switch).not_to_be_checked()
    ui.schedule_switch.press("Space")
    expect(ui.schedule_switch).to_be_checked()
    with made.instance() as instance:
        (state,) = (state for state in instance.all_instigator_state() if state.name == "weekly_refresh")
    assert state.is_running
    tick = ui.preview_tick()
    expect(tick).to_contain_text('Skip reason: "Both archives are unchanged, and all assets are up to date."')
    ui.close(tick)

    (made.storage / "custom" / "baselines" / "metrics" / "value.json").unlink()
    tick = ui.preview_tick()
    expect(tick).to_contain_text("1 run request")
    tick.get_by_role("button", name="Launch all").click()
    expect(ui.page.get_by_role("link", name="weekly_refresh")).to_be_visible()
    run_id = ui.page.url.rpartition("id%3A")[2]
    assert ui.watch(run_id) == "Success"
    assert "baselines/metrics" in made_in(made, [run_id])[0]

    ui.open_schedule("weekly_refresh")
    ui.schedule_switch.press("Space")
    expect(ui.schedule_switch).not_to_be_checked()


def test_what_the_terminal_switched_on_is_on_in_the_ui(workspace: Workspace, ui: UI) -> None:
    """Both read their own file for the name under which Dagster remembers switches."""
    command = [str(Path(sys.executable).with_name("dagster")), "schedule", "start", "weekly_refresh"]
    ended = subprocess.run(
        [*command, "-w", "workspace.yaml"], cwd=project_home(), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    ui.open_schedule("weekly_refresh")
    expect(ui.schedule_switch).to_be_checked()
    ui.schedule_switch.press("Space")
    expect(ui.schedule_switch).not_to_be_checked()
    with workspace.instance() as instance:
        (state,) = (state for state in instance.all_instigator_state() if state.name == "weekly_refresh")
    assert not state.is_running


@pytest.mark.extended
def test_after_a_changed_archive_unsynced_assets_are_made_and_no_others(made: Workspace, ui: UI) -> None:
    """Each press makes what the one before changed: all letters are read again, C alone differs, its readers follow."""
    small = tiny_members()["small"]
    small["C"][next(iter(small["C"]))] = png(glyph("C", np.random.default_rng(99)))
    write_archive(made.archives, "small", small)
    ui.open_asset("archives/small")
    archive_run = ui.materialize()
    assert ui.watch(archive_run) == "Success"

    first = readers_of(made, "archives/small")
    listed, button = ui.unsynced()
    assert listed == first
    letters_run = ui.materialize_unsynced(button)
    assert ui.watch(letters_run) == "Success"
    assert made_in(made, [archive_run, letters_run]) == [{"archives/small"}, first]

    listed, _ = ui.unsynced()
    assert listed == readers_of(made, "letters/small/C") - first


def test_a_bad_archive_shows_which_check_failed_and_why(workspace: Workspace, ui: UI) -> None:
    small = tiny_members()["small"]
    blank = png(np.zeros((SIDE, SIDE), np.uint8))
    write_archive(workspace.archives, "small", {**small, "C": dict.fromkeys(small["C"], blank)})
    ui.open_graph('key:"archives/small" or key:"letters/small/C"')
    run_id = ui.materialize()
    assert ui.watch(run_id) == "Success", "the check warns and does not block"
    assert made_in(workspace, [run_id]) == [{"archives/small", "letters/small/C"}]

    ui.open_asset("letters/small/C", "checks")
    ui.page.get_by_text("pixel_moments").first.click()
    expect(ui.page.get_by_text("Failed").first).to_be_visible()
    for value in ("mean -0.500000, standard deviation 0.000000", "mean -0.400000 to 0.400000"):
        expect(ui.page.get_by_text(value).first).to_be_visible()


def test_runs_of_the_terminal_are_on_the_timeline_and_the_page_of_their_job(made: Workspace, ui: UI) -> None:
    with made.instance() as instance:
        runs = [run for run in instance.get_runs() if run.job_name == "refresh"]
    assert runs
    ui.page.goto(f"{ui.url}/overview")
    ui.page.get_by_role("link", name="refresh").click()
    ui.page.get_by_role("tab", name="Runs").click()
    expect(ui.page.get_by_role("link", name=runs[0].run_id[:8]).first).to_be_visible()


def test_a_page_shows_its_answer_on_the_first_screen(made: Workspace, ui: UI) -> None:
    ui.open_asset("letters/files")
    answer = ui.page.get_by_role("row", name="summary")
    expect(answer.get_by_role("listitem").last).to_be_in_viewport(ratio=1)
    expect(answer.get_by_role("link", name="splits/train")).to_have_attribute(
        "href", re.compile("/assets/splits/train")
    )
    expect(ui.page.get_by_role("row", name="pictures")).to_be_in_viewport()


def test_a_changed_archive_is_unsynced_once_its_source_is_observed(made: Workspace, ui: UI) -> None:
    change_a_letter(made)
    assert ui.watch(ui.observe("sources/small")) == "Success"
    listed, _ = ui.unsynced()
    assert listed == {"archives/small"}
