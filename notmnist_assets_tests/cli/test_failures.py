"""Runs that fail and checks that fail: messages, blocked assets, and the next run."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from notmnist_assets.cli.inspection import inspect_asset
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.settings.model import read_settings
from notmnist_assets.staleness import outcomes
from notmnist_assets.staleness.plan import plan_refresh
from notmnist_assets.storage.store import ValueStore
from notmnist_assets_tests.archives import (
    LARGE_PER_LETTER,
    SMALL_PER_LETTER,
    tiny_members,
    write_archive,
    write_checksums,
)
from notmnist_assets_tests.automation.changes import make_letters_that_fail_a_blocking_check
from notmnist_assets_tests.workspace import QUIET, Workspace, keys_of

pytestmark = pytest.mark.long


def test_a_failed_blocking_check_blocks_downstream_assets_in_the_next_run_too(workspace: Workspace) -> None:
    make_letters_that_fail_a_blocking_check(workspace)
    before = workspace.runs_recorded()
    ended = workspace.notmnist("run")
    assert ended.code == 1
    (blocked,) = (line for line in ended.err.splitlines() if line.startswith("blocked: "))
    assert blocked.endswith("the blocking check enough_images of letters/small/C failed")
    assert "3 of splits" in blocked
    assert "of exports" in blocked
    assert workspace.runs_recorded() == before
    status = workspace.notmnist("status").out
    assert blocked in status
    assert "Everything is up to date." not in status
    assert "out of date:" not in status
    shown = workspace.notmnist("show", "letters/small/C")
    assert (shown.code, "failed" in shown.out) == (0, True)
    assert workspace.notmnist("run", "letters/small/C").code == 0
    outcome = workspace.refresh()
    assert outcome.success
    assert {"splits/test", "exports/npz"} <= keys_of(outcome.made)


def check_result(workspace: Workspace, key: str) -> dict[str, str]:
    """Return the outcome of each check of the current value."""
    with workspace.instance() as instance:
        store = ValueStore(read_settings().storage_root)
        checks = inspect_asset(workspace.definitions, instance, store, key, "custom").checks
    return {check.name: check.outcome for check in checks}


def test_check_results_from_before_failed_runs_stay_valid_for_an_unchanged_value(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that three runs are more records than are read at a time.
    monkeypatch.setattr(outcomes, "_PAGE", 2)
    path = workspace.archives / "notMNIST_small.tar.gz"
    whole = path.read_bytes()
    before = check_result(workspace, "letters/small/C")
    assert "passed" in before.values()
    for _ in range(3):
        path.write_bytes(whole[:-300])
        assert not workspace.refresh().success
    assert check_result(workspace, "letters/small/C") == before
    assert "not run" not in workspace.notmnist("status").out


@pytest.mark.extended
def test_letters_that_failed_a_check_are_checked_again_after_a_run_that_failed_before_them(
    workspace: Workspace,
) -> None:
    make_letters_that_fail_a_blocking_check(workspace)
    path = workspace.archives / "notMNIST_small.tar.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-300])
    assert not workspace.refresh().success
    path.write_bytes(whole)
    assert check_result(workspace, "letters/small/C")["enough_images"] == "failed"
    outcome = workspace.refresh()
    assert outcome.success, outcome.failures
    assert {"letters/small/C", "splits/test"} <= keys_of(outcome.made)
    assert check_result(workspace, "letters/small/C")["enough_images"] == "passed"


def test_a_check_that_its_run_never_reached_is_shown_as_not_run_and_runs_next_time(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The value is new, so results for the previous value do not count."""

    def break_off(*_: object) -> int:
        raise OSError("the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr("notmnist_assets.checks.letters._recorded_members", break_off)
        ended = workspace.notmnist("run", "letters/small/C")
    assert ended.code == 1
    assert "checks of letters/small/C failed: OSError: the disk is gone" in ended.err
    outcomes = check_result(workspace, "letters/small/C")
    assert [name for name, outcome in outcomes.items() if outcome == "not run"] == [
        "complete",
        "dark_border",
        "enough_images",
        "pixel_moments",
    ]
    assert outcomes["drift"] == "not compared"
    printed = workspace.notmnist("status").out
    assert printed.count("4 not run") == 1
    assert "out of date: letters/small/C: its blocking check complete has not run" in printed
    outcome = workspace.refresh()
    assert outcome.success
    assert {key.to_user_string(): reason for key, reason in outcome.made.items()} == {
        "letters/small/C": "its blocking check complete has not run",
        "letters/files": "upstream letters/small/C is out of date",
    }
    assert set(check_result(workspace, "letters/small/C").values()) == {"passed", "not compared"}
    assert workspace.refresh().made == {}


def test_checks_that_a_terminated_run_did_not_reach_run_next_time_without_their_assets(workspace: Workspace) -> None:
    (check,) = check_result(workspace, "exports/npz")
    definitions = workspace.definitions
    with workspace.instance() as instance:
        # Like a run that ended between the asset and its check.
        dg.materialize(
            definitions.assets,  # type: ignore[arg-type]
            selection=["exports/npz"],
            resources=definitions.resources,
            instance=instance,
            run_config=QUIET,
        )
    assert check_result(workspace, "exports/npz")[check] == "not run"
    outcome = workspace.refresh()
    assert outcome.success, outcome.failures
    assert outcome.made == {}
    assert [f"{one.asset_key.to_user_string()}:{one.name}" for one in outcome.checked] == [f"exports/npz:{check}"]
    assert check_result(workspace, "exports/npz")[check] == "passed"
    assert workspace.refresh().checked == []


def wrong_checksum(archives: Path) -> None:
    write_checksums(archives)
    small = tiny_members()["small"]
    small["B"].popitem()
    write_archive(archives, "small", small)


def truncated(archives: Path) -> None:
    path = archives / "notMNIST_small.tar.gz"
    path.write_bytes(path.read_bytes()[:-300])


def missing_letter(archives: Path) -> None:
    small = tiny_members()["small"]
    del small["G"]
    write_archive(archives, "small", small)


def nothing(archives: Path) -> None:
    """Change no archive: a setting exceeds the data."""
    assert archives.is_dir()


BAD: dict[str, tuple[Callable[[Path], None], dict[str, str], str, list[str]]] = {
    "wrong checksum": (wrong_checksum, {}, "archives/small", ["notMNIST_small.tar.gz", "SHA-256", "SHA256SUMS"]),
    "truncated archive": (truncated, {}, "archives/small", ["notMNIST_small.tar.gz", "cut short"]),
    "missing letter": (missing_letter, {}, "archives/small", ["for the letters G"]),
    "too few images": (
        nothing,
        {"MIN_SMALL": "16"},
        "checks of letters/small",
        [f"enough_images of letters/small/A: {SMALL_PER_LETTER}, needed at least 16 (9 more).", "NOTMNIST_MIN_SMALL"],
    ),
    "train larger than the data": (nothing, {"TRAIN_SIZE": "400"}, "splits", [str(LARGE_PER_LETTER), "train_size"]),
    "test larger than the data": (nothing, {"TEST_SIZE": "160"}, "splits", [str(SMALL_PER_LETTER), "test_size"]),
}


def test_assets_that_a_failed_run_did_not_reach_are_materialized_once_the_cause_is_gone(workspace: Workspace) -> None:
    """Its content did not change, but the UI shows it as failed until then."""
    path = workspace.archives / "notMNIST_small.tar.gz"
    good = path.read_bytes()
    truncated(workspace.archives)
    (failed,) = workspace.refresh().run_ids
    path.write_bytes(good)
    with workspace.instance() as instance:
        stale = plan_refresh(workspace.definitions.resolve_asset_graph(), instance, read_settings())[0]
    assert stale[dg.AssetKey(["archives", "small"])] == f"its last run failed (run {failed[:8]})"
    outcome = workspace.refresh()
    assert outcome.success
    letters = {f"letters/small/{letter}" for letter in LETTERS}
    assert keys_of(outcome.made) == {"archives/small", "letters/files", *letters}
    with workspace.instance() as instance:
        records = instance.get_asset_records(list(outcome.made))
        assert {record.asset_entry.last_run_id for record in records} == set(outcome.run_ids)
    assert workspace.refresh().made == {}


@pytest.mark.parametrize(("spoil", "settings", "step", "words"), BAD.values(), ids=list(BAD))
def test_bad_input_fails_with_a_message_and_keeps_the_last_good_values(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], None],
    settings: dict[str, str],
    step: str,
    words: list[str],
) -> None:
    before = workspace.bytes_stored()
    spoil(workspace.archives)
    for name, value in settings.items():
        monkeypatch.setenv(f"NOTMNIST_{name}", value)
    outcome = workspace.refresh()
    assert not outcome.success
    assert list(outcome.failures) == [step]
    assert all(word in outcome.failures[step] for word in words), outcome.failures[step]
    changed = {name for name, data in workspace.bytes_stored().items() if before.get(name) != data}
    assert not any("letters/" in name or "splits/" in name for name in changed)
    assert {name for name in before if name not in workspace.bytes_stored()} == set()
    assert len(workspace.load("splits/test")) == 100
    assert len(workspace.load("letters/small/G")) == SMALL_PER_LETTER
