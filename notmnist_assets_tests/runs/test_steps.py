"""Names of steps are made of the keys of their assets and the names of their checks."""

import io
import re

import dagster as dg
import pytest
from rich.console import Console

from notmnist_assets.cli import app
from notmnist_assets.cli.terminal import progress_bars
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.definitions import build_definitions, defs
from notmnist_assets.runs.steps import current_step_name, step_name, step_names
from notmnist_assets.settings.model import read_settings
from notmnist_assets_tests.specs import asset_specs
from notmnist_assets_tests.workspace import Workspace, keys_of

KEYS = {spec.key for spec in asset_specs(defs)}
STEPS = defs.resolve_asset_graph().assets_defs


def key(name: str) -> dg.AssetKey:
    return dg.AssetKey(name.split("/"))


def test_every_step_of_a_whole_run_has_a_unique_name_of_asset_keys() -> None:
    named = step_names(STEPS, KEYS)
    assert set(named) == {node.name for node in defs.resolve_job_def("refresh").graph.nodes}
    assert len(set(named.values())) == len(named)
    beginnings = {"/".join(name.split("/")[:parts]) for name in keys_of(list(KEYS)) for parts in (1, 2, 3)}
    assert {words for words in named.values() if not words.startswith("check")} <= beginnings
    assert named["letters_large"] == "letters/large"
    assert named["letters_large_checks"] == "checks of letters/large"
    assert named["archives__small_checksum"] == "check checksum of archives/small"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (["letters/small/C"], "letters/small/C"),
        (["letters/small/C", "letters/small/D"], "letters/small"),
        (["splits/train", "splits/valid", "hashes/test"], "hashes/test and splits"),
        (["archives/large", "letters/large/A", "overlap/report"], "archives/large, letters/large/A and overlap/report"),
        ([], ""),
    ],
)
def test_a_step_is_named_by_the_common_parts_of_its_assets(made: list[str], words: str) -> None:
    assert step_name(map(key, made), []) == words


def test_a_step_of_checks_is_named_by_its_checks() -> None:
    checks = [dg.AssetCheckKey(key(name), "drift") for name in ("splits/test", "splits/train")]
    assert step_name([], checks[:1]) == "check drift of splits/test"
    assert step_name([], checks) == "check drift of splits"
    assert step_name([], [*checks, dg.AssetCheckKey(key("splits/test"), "complete")]) == "checks of splits"


@pytest.mark.parametrize("name", sorted(keys_of(list(KEYS))))
def test_no_two_steps_of_a_run_of_one_asset_have_the_same_name(name: str) -> None:
    named = step_names(STEPS, {key(name)})
    assert len(set(named.values())) == len(named) >= 1


def test_steps_that_check_the_same_assets_are_named_by_their_checks() -> None:
    full = build_definitions(read_settings({"NOTMNIST_PROFILE": "full"})).resolve_asset_graph()
    named = step_names(full.assets_defs, {key("overlap/report")})
    assert named["published_result_checks"] == (
        "checks published_shared_images, published_shared_rows of overlap/report"
    )


def test_only_selected_assets_are_named() -> None:
    assert step_names(STEPS, {key("letters/small/D"), key("hashes/test")})["letters_small"] == "letters/small/D"
    assert "splits" not in step_names(STEPS, {key("letters/small/D")})


def test_outside_a_run_there_is_no_step() -> None:
    assert current_step_name() == ""


def test_progress_bars_begin_with_the_asset_they_belong_to(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(app, "_errors", Console(file=shown, force_terminal=True, width=200))
    assert workspace.notmnist("run", "archives/small", "letters/small", "hashes/test").code == 0
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue()).splitlines()
    bars = [line.strip("\r ⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏") for line in lines if "━" in line]
    titles = {bar.partition(" (")[0] for bar in bars}
    assert {
        "letters/small: read small",
        "hashes/test: hash",
    } <= titles
    groups = {name.path[0] for name in KEYS}
    # A plan may hash the archive before the first step.
    named = re.compile(rf"(checks? (.+ )?of )?({'|'.join(groups)})/|verify notMNIST_")
    assert [title for title in sorted(titles) if not named.match(title)] == []


def test_the_same_work_on_several_values_has_one_bar() -> None:
    shown = io.StringIO()
    with progress_bars(Console(file=shown, force_terminal=True, width=200)):
        for amount in (3, 4):
            with progress_bar("hash", amount, "images") as advance:
                advance(amount)
    last = shown.getvalue().split("hash (images)")[-1]
    assert "7/7" in last
    assert "3/3" not in last


def test_without_a_terminal_a_line_per_asset_takes_the_place_of_bars(finished: Workspace) -> None:
    assert finished.first_run.err == ""
    lines, _, _ = finished.first_run.out.partition("Assets")
    assert len(re.findall(r"^\d\d:\d\d:\d\d materialized \w", lines, re.MULTILINE)) == len(KEYS)
    assert len(lines.splitlines()) == len(KEYS)
