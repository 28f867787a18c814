"""The assets that the UI marks as unsynced are those that are out of date."""

import dagster as dg
import pytest

from notmnist_assets.assets.report import report_settings
from notmnist_assets.cli.execution import refresh
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.definitions import DECLARATIONS
from notmnist_assets_tests.automation.changes import change_a_letter
from notmnist_assets_tests.automation.unsynced import unsynced
from notmnist_assets_tests.curation.report.pages import read_page
from notmnist_assets_tests.workspace import Workspace, keys_of

pytestmark = pytest.mark.long

SMALL_LETTERS = {f"letters/small/{letter}" for letter in LETTERS}


def children(workspace: Workspace, *keys: str) -> set[str]:
    """Return the direct children of these assets."""
    graph = workspace.definitions.resolve_asset_graph()
    return keys_of([child for key in keys for child in graph.get(dg.AssetKey(key.split("/"))).child_keys])


def test_nothing_is_unsynced_after_a_run(finished: Workspace) -> None:
    assert unsynced(finished) == {}


def test_materializing_the_same_archives_again_leaves_all_assets_synced(workspace: Workspace) -> None:
    assert workspace.run(["archives/small", "archives/large"]).success
    assert unsynced(workspace) == {}


def test_a_changed_archive_spreads_as_far_as_bytes_changed_and_no_further(workspace: Workspace) -> None:
    change_a_letter(workspace)
    assert unsynced(workspace) == {}, "Dagster compares materializations; only upstream_watch asks the source"
    assert workspace.run(["archives/small"]).success
    of_archive = children(workspace, "archives/small")
    assert set(unsynced(workspace)) == of_archive
    assert unsynced(workspace)["letters/small/A"] == {"DATA"}
    assert workspace.run(sorted(SMALL_LETTERS)).success
    of_letter = children(workspace, "letters/small/C")
    found = unsynced(workspace)
    assert set(found) == of_letter | of_archive - SMALL_LETTERS
    assert found["splits/test"] == {"DATA"}
    assert workspace.run(["splits/train", "splits/valid", "splits/test"]).success
    of_split = children(workspace, "splits/test")
    assert set(unsynced(workspace)) == of_split | (of_letter | of_archive) - SMALL_LETTERS - {
        "splits/train",
        "splits/valid",
        "splits/test",
    }
    assert not {"hashes/train", "hashes/valid"} & of_split, "their splits came out with the same bytes"


def test_a_changed_setting_marks_what_it_changes(finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_SEED", "134")
    found = unsynced(finished)
    assert set(found) == {key for key, declaration in DECLARATIONS.items() if "seed" in declaration.settings}
    assert {"splits/train", "grouped/test"} < set(found)
    assert set().union(*found.values()) == {"CODE"}
    monkeypatch.setenv("NOTMNIST_SEED", "133")
    assert unsynced(finished) == {}, "changed back"


@pytest.mark.extended
def test_no_report_contradicts_itself_on_the_way_to_another_radius(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_NEAR_RADIUS", "60")
    assert set(unsynced(workspace)) == {"overlap/near_pairs", "overlap/radius"}
    rounds = []
    while keys := sorted(unsynced(workspace)):
        result = workspace.run(keys)
        assert result.success, [event.message for event in result.all_events if event.is_step_failure]
        rounds += [
            (evaluation.passed, str(evaluation.metadata["problems"].value))
            for evaluation in result.get_asset_check_evaluations()
            if evaluation.check_name == "complete_and_faithful"
            and evaluation.asset_key == dg.AssetKey(["report", "html"])
        ]
    assert [passed for passed, _ in rounds] == [False, True]
    assert " was built from an older version of sanitized/" in rounds[0][1]
    assert shown_radius(workspace) == ("60.0", 60.0)


@pytest.mark.extended
def test_a_report_that_is_older_than_its_inputs_fails_its_check(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_NEAR_RADIUS", "3")
    result = workspace.run(["overlap/radius", "report/html"])
    (problems,) = problems_of_the_report(result)
    assert "overlap/report was built from an older version of overlap/radius" in problems
    page = workspace.load("report/html").read_text(encoding="utf-8")
    assert "Do not rely on this page" in page
    assert "<li>overlap/report was built from an older version of overlap/radius</li>" in page
    with workspace.instance() as instance:
        assert refresh(instance).success
    assert workspace.run(["report/html"]).success
    assert "Do not rely on this page" not in workspace.load("report/html").read_text(encoding="utf-8")


def test_the_report_shows_the_settings_that_its_values_were_materialized_with(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = workspace.load("report/html").read_bytes()
    monkeypatch.setenv("NOTMNIST_NEAR_RADIUS", "3")
    monkeypatch.setenv("NOTMNIST_SEED", "134")
    monkeypatch.setenv("NOTMNIST_SANITIZE_CONFLICTS", "keep")
    assert problems_of_the_report(workspace.run(["report/html"])) == []
    assert workspace.load("report/html").read_bytes() == before


def test_values_materialized_with_different_settings_are_reported(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_SEED", "134")
    assert workspace.run(["splits/test"]).success
    (problems,) = problems_of_the_report(workspace.run(["report/html"]))
    assert "values were materialized with different NOTMNIST_SEED: 133 and 134" in problems


def test_the_report_prints_settings_as_a_person_types_them(finished: Workspace) -> None:
    tables = read_page(finished.load("report/html").read_text(encoding="utf-8")).tables
    printed = {row[0]: row[1] for row in tables["settings-table"]}
    assert printed["NOTMNIST_TRAIN_SIZE"] == "200"
    assert printed["NOTMNIST_NEAR_SHIFTS"] == "false"
    assert printed["NOTMNIST_NEAR_RADIUS"] == "taken from the data"
    (shown,) = report_settings({"train_size": [12000]})
    assert shown.value == "12,000"
    (shown,) = report_settings({"seed": [4294967295]})
    assert shown.value == "4294967295"


def problems_of_the_report(result: dg.ExecuteInProcessResult) -> list[str]:
    """Return the problems that the check of the report found."""
    assert result.success
    (found,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "complete_and_faithful"]
    return [] if found.passed else [str(found.metadata["problems"].value)]


def shown_radius(workspace: Workspace) -> tuple[str, float]:
    """Return the radius as a setting and the one in use, by the page."""
    tables = read_page(workspace.load("report/html").read_text(encoding="utf-8")).tables
    (setting,) = [row[1] for row in tables["settings-table"] if row[0] == "NOTMNIST_NEAR_RADIUS"]
    (used,) = [float(row[0]) for row in tables["radius-curve-table"] if row[-1].startswith("in use")]
    return setting, used


def test_a_changed_code_version_marks_its_assets_alone(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    # A part of code versions that changes no bytes.
    monkeypatch.setenv("NOTMNIST_MIN_SMALL", "2")
    assert set(unsynced(workspace)) == {*SMALL_LETTERS, "report/html"}
    assert workspace.run(sorted(SMALL_LETTERS)).success
    assert set(unsynced(workspace)) == {"report/html"}, "the new code gave the same letters"
