"""The command `notmnist`: its output and exit codes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from notmnist_assets.cli import app
from notmnist_assets.cli.terminal import assets_table, findings
from notmnist_assets.definitions import DECLARATIONS
from notmnist_assets.metadata.failures import failure_message
from notmnist_assets_tests.archives import tiny_members, write_archive, write_checksums
from notmnist_assets_tests.plain import plain_lines
from notmnist_assets_tests.workspace import Workspace


def test_the_first_run_shows_assets_checks_and_findings(finished: Workspace) -> None:
    assert finished.first_run.code == 0
    for text in ("archives/large", "sanitized/test", "passed", "Findings", "overlap/radius", "accuracy"):
        assert text in finished.first_run.out


def test_findings_are_the_summaries_of_the_pages(finished: Workspace) -> None:
    printed = " ".join(finished.first_run.out.split())
    shown = [declaration.key for declaration in DECLARATIONS.values() if declaration.is_finding]
    assert "letters/files" in shown
    for key in shown:
        for line in plain_lines(str(finished.metadata(key)["summary"].value)):
            assert line in printed


def test_a_second_run_has_nothing_to_do(workspace: Workspace) -> None:
    ended = workspace.notmnist("run")
    assert (ended.code, ended.err) == (0, "")
    assert "Nothing to do" in ended.out


def test_run_makes_only_the_named_assets_again(workspace: Workspace) -> None:
    ended = workspace.notmnist("run", "letters/small/C", "hashes")
    assert ended.code == 0
    assert "Done: 4 assets materialized" in ended.out
    with workspace.instance() as instance:
        last = instance.get_runs(limit=1)[0]
    assert {key.to_user_string() for key in last.asset_selection or ()} == {
        "letters/small/C",
        *(f"hashes/{split}" for split in ("train", "valid", "test")),
    }


def test_run_knows_no_asset_by_part_of_a_name(workspace: Workspace) -> None:
    ended = workspace.notmnist("run", "letters/smal")
    assert ended.code == 1
    assert "letters/smal" in ended.err
    assert "no such asset" in ended.err


def test_status_lists_the_assets_and_that_they_are_up_to_date(finished: Workspace) -> None:
    ended = finished.notmnist("status")
    assert ended.code == 0
    assert f"profile custom, stored in {finished.storage}" in ended.out
    assert "baselines/metrics" in ended.out
    assert "Everything is up to date." in ended.out


def test_status_lists_what_is_out_of_date_and_why(finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_SANITIZE_REMOVE", "training")
    ended = finished.notmnist("status")
    assert ended.code == 0
    reason = "the setting sanitize_remove changed from evaluation to training"
    assert f"out of date: 4 of sanitized and exports/parquet (5 assets): {reason}\n" in ended.out
    (inherited,) = (line for line in ended.out.splitlines() if line.endswith("something upstream is out of date"))
    assert inherited.startswith("out of date: ")
    assert "2 of baselines" in inherited
    assert "up to date" not in ended.out


def test_assets_of_another_profile_are_named_but_not_shown(
    finished: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_PROFILE", "full")
    shown = finished.notmnist("show", "hashes/test")
    assert (shown.code, shown.out) == (1, "")
    assert "last materialized for the profile custom, not for full" in shown.err
    with finished.instance() as instance:
        table = assets_table(finished.definitions, instance, "full")
        heading, *others = findings(DECLARATIONS.values(), instance, "full")
    assert set(table.columns[2].cells) == {"last for profile custom"}
    assert str(heading) == "Findings"
    assert others == []


@pytest.mark.parametrize("command", ["run", "status"])
def test_a_wrong_setting_ends_with_2_and_no_traceback(
    finished: Workspace, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("NOTMNIST_PROFILE", "[/fulll]")
    ended = finished.notmnist(command)
    assert ended.code == 2
    assert "Wrong setting: NOTMNIST_PROFILE=[/fulll]: allowed: sample, full, custom" in ended.err
    assert "Traceback" not in ended.err


def test_a_wrong_setting_stops_the_installed_command_at_start() -> None:
    environment = {**os.environ, "NOTMNIST_TRAIN_SIZE": "many"}
    command = [sys.executable, "-c", "from notmnist_assets.cli.app import main; main()", "run"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "NOTMNIST_TRAIN_SIZE=many" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_failed_run_prints_the_error_and_ends_with_1(workspace: Workspace) -> None:
    write_checksums(workspace.archives)
    write_archive(workspace.archives, "small", {**tiny_members()["small"], "J": {}})
    ended = workspace.notmnist("run")
    assert ended.code == 1
    assert f"archives/small failed: {workspace.archives}/notMNIST_small.tar.gz: its SHA-256 is" in ended.err
    assert (
        "0 assets materialized; blocked and failed assets and everything downstream keep their previous values."
        in ended.err
    )
    assert "Traceback" not in ended.err


def test_a_failed_run_prints_the_number_of_assets_that_it_materialized(workspace: Workspace) -> None:
    members = tiny_members()
    write_archive(workspace.archives, "large", {**members["large"], "B": members["large"]["C"]})
    write_archive(workspace.archives, "small", {**members["small"], "J": {}})
    ended = workspace.notmnist("run", "archives", "letters/small")
    assert ended.code == 1
    assert "archives/small failed: " in ended.err
    assert (
        "1 asset materialized; blocked and failed assets and everything downstream keep their previous values."
        in ended.err
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [("dagster.yaml", "a: [b"), ("dagster.yaml", "bogus_storage: 1"), ("history/runs.db", "no database" * 1000)],
)
def test_a_history_that_cannot_be_used_is_an_error_without_traceback(
    workspace: Workspace, name: str, content: str
) -> None:
    for path in workspace.home.glob(f"**/{name}") if "/" in name else [workspace.home / name]:
        path.write_text(content)
    for command in (["status"], ["run"], ["show", "splits/test"]):
        ended = workspace.notmnist(*command)
        assert ended.code == 1
        assert f"{workspace.home}: Dagster's history cannot be used: " in ended.err
        assert "Traceback" not in ended.err


def test_an_unknown_kind_of_storage_is_an_error_without_traceback(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_STORAGE", "bogus://x")
    copy = str(workspace.root / "x.npz")
    for command in (["status"], ["show", "splits/test"], ["export", "npz", copy], ["run"], ["run", "--all"]):
        ended = workspace.notmnist(*command)
        assert ended.code == 1
        assert "there is no such storage" in ended.err
        assert "Traceback" not in ended.err


def test_an_unusable_storage_in_the_launchpad_fails_the_run_with_a_message(workspace: Workspace) -> None:
    config = {"resources": {"settings": {"config": {"storage": "bogus://x"}}}}
    result = workspace.run(["splits/test", "hashes/test"], config)
    assert not result.success
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    assert failure_message(failure).startswith("bogus://x/custom: there is no such storage")


def test_an_unknown_command_ends_with_2(finished: Workspace) -> None:
    assert finished.notmnist("fly").code == 2


def test_render_names_the_tool_that_took_its_place(finished: Workspace) -> None:
    ended = finished.notmnist("render", "--per-letter", "200", "--out", "archives")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "python -m tools.render" in ended.err


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_names_that_a_terminal_cannot_encode_are_escaped(tmp_path: Path, encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "NOTMNIST_STORAGE": str(tmp_path / "字")}
    command = [sys.executable, "-c", "from notmnist_assets.cli.app import main; main()", "export", "npz", str(tmp_path)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "\\u5b57" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_help_of_each_command_describes_it_with_an_example() -> None:
    commands = typer.main.get_command(app._app).commands  # type: ignore[attr-defined]
    shown = {name: command for name, command in commands.items() if not command.hidden}
    assert {"run", "status", "doctor", "verify", "show", "report", "gallery", "export"} == set(shown)
    for name, command in shown.items():
        assert command.help
        assert command.epilog.startswith("Example")
        assert f"notmnist {name}" in command.epilog


def test_a_signal_while_a_connection_is_closed_shows_no_traceback(
    values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", ["notmnist", "status"])

    def end(*_: object) -> None:
        sys.exit(129)  # as the handler of a signal does

    monkeypatch.setattr("sqlalchemy.engine.default.DefaultDialect.do_close", end)
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 129
    assert "Exception closing connection" not in caplog.text
    assert not list(values.glob("*"))
