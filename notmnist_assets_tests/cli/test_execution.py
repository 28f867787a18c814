"""A refresh materializes only what changed; bad input fails with a message and changes no value."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from notmnist_assets.cli import execution
from notmnist_assets.cli.inspection import inspect_asset
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.settings.model import read_settings
from notmnist_assets.staleness import outcomes
from notmnist_assets.staleness.plan import plan_refresh, stale_assets
from notmnist_assets.storage.store import ValueStore
from notmnist_assets_tests.archives import (
    LARGE_PER_LETTER,
    SMALL_PER_LETTER,
    tiny_members,
    write_archive,
    write_checksums,
)
from notmnist_assets_tests.automation.changes import change_a_letter, make_letters_that_fail_a_blocking_check
from notmnist_assets_tests.workspace import Workspace, keys_of

pytestmark = pytest.mark.long


def refresh(workspace: Workspace) -> execution.Outcome:
    with workspace.instance() as instance:
        return execution.refresh(instance)


def runs_recorded(workspace: Workspace) -> int:
    with workspace.instance() as instance:
        return instance.get_runs_count()


def data_version(workspace: Workspace, key: str) -> str:
    with workspace.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(key.split("/")))
    assert event is not None
    assert event.asset_materialization is not None
    return (event.asset_materialization.tags or {})["dagster/data_version"]


def test_without_changes_nothing_is_materialized(workspace: Workspace) -> None:
    outcome = refresh(workspace)
    assert outcome.success
    assert outcome.made == {}
    assert outcome.run_ids == ()
    assert runs_recorded(workspace) == 1


def test_the_same_letters_packed_anew_stop_at_the_letters_and_the_page_that_names_the_archive(
    workspace: Workspace,
) -> None:
    path = workspace.archives / "notMNIST_small.tar.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=9, mtime=1))
    outcome = refresh(workspace)
    assert outcome.success
    letters = {f"letters/small/{letter}" for letter in LETTERS}
    assert keys_of(outcome.made) == {"archives/small", *letters, "letters/files", "report/html"}
    assert len(outcome.run_ids) == 2


def test_members_that_are_no_letters_are_counted_and_suspicious_ones_separately(workspace: Workspace) -> None:
    path = workspace.archives / "notMNIST_small.tar.gz"
    tar = io.BytesIO(gzip.decompress(path.read_bytes()))
    with tarfile.open(fileobj=tar, mode="a") as added:
        for name in ("README", "../../etc/passwd"):
            added.addfile(tarfile.TarInfo(name))
    path.write_bytes(gzip.compress(tar.getvalue()))
    run = workspace.run(["archives/small", "letters/small/A"])
    assert run.success
    with workspace.instance() as instance:
        printed = "\n".join(entry.user_message for entry in instance.all_logs(run.run_id))
    assert "lie outside the folders A to J: ../../etc/passwd, README" in printed
    assert "have an absolute path or .. in it: someone may have changed the archive: ../../etc/passwd" in printed


def test_a_changed_letter_materializes_what_is_downstream(workspace: Workspace) -> None:
    """All small letters are read again with their archive; train and valid have rows of large letters only."""
    change_a_letter(workspace)
    before = {key: data_version(workspace, key) for key in ("letters/small/B", "letters/small/C", "splits/train")}
    outcome = refresh(workspace)
    assert outcome.success, outcome.failures
    made = keys_of(outcome.made)
    everything = keys_of([spec.key for spec in workspace.definitions.resolve_all_asset_specs()])
    large = {"archives/large", *(f"letters/large/{letter}" for letter in LETTERS)}
    assert made == everything - large - {
        f"{group}/{name}" for group in ("splits", "hashes") for name in ("train", "valid")
    }
    assert len(outcome.run_ids) == 3
    changed = {key for key, version in before.items() if data_version(workspace, key) != version}
    assert changed == {"letters/small/C"}
    searched = workspace.metadata("overlap/near_pairs")
    new_images = searched["distinct_images"].value - searched["images_seen_before"].value
    assert new_images == 1
    assert refresh(workspace).made == {}


def test_an_asset_with_a_deleted_file_is_materialized_again_with_the_same_bytes(workspace: Workspace) -> None:
    (path,) = (workspace.storage / "custom" / "overlap" / "report").glob("*/table.parquet")
    before = path.read_bytes()
    path.unlink()
    outcome = refresh(workspace)
    assert outcome.success
    assert keys_of(outcome.made) == {"overlap/report", "report/html"}
    (again,) = path.parent.parent.glob("*/table.parquet")
    assert again.read_bytes() == before
    assert workspace.load("overlap/report").equals(pd.read_parquet(io.BytesIO(before)))


def test_one_letter_can_be_materialized_alone(workspace: Workspace) -> None:
    before = workspace.bytes_stored()
    result = workspace.run(["letters/small/D"])
    assert result.success
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key}
    assert made == {"letters/small/D"}
    checked = {evaluation.asset_key.to_user_string() for evaluation in result.get_asset_check_evaluations()}
    assert checked == {"letters/small/D"}
    assert workspace.bytes_stored() == before


@pytest.mark.parametrize("key", ["archives/small", "splits/valid", "sanitized/test"])
def test_any_asset_can_be_materialized_alone_with_its_checks(workspace: Workspace, key: str) -> None:
    before = workspace.bytes_stored()
    result = workspace.run([key])
    assert result.success
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key}
    assert made == {key}
    assert workspace.bytes_stored() == before


def test_a_failed_blocking_check_blocks_downstream_assets_in_the_next_run_too(workspace: Workspace) -> None:
    make_letters_that_fail_a_blocking_check(workspace)
    before = runs_recorded(workspace)
    ended = workspace.notmnist("run")
    assert ended.code == 1
    blocked = (
        "blocked: splits/test, train and valid (3 assets): the blocking check enough_images of letters/small/C failed"
    )
    assert blocked in ended.err
    assert "blocked: exports/" in ended.err
    assert runs_recorded(workspace) == before
    status = workspace.notmnist("status").out
    assert blocked in status
    assert "Everything is up to date." not in status
    assert "out of date:" not in status
    shown = workspace.notmnist("show", "letters/small/C")
    assert (shown.code, "failed" in shown.out) == (0, True)
    assert workspace.notmnist("run", "letters/small/C").code == 0
    outcome = refresh(workspace)
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
        assert not refresh(workspace).success
    assert check_result(workspace, "letters/small/C") == before
    assert "not run" not in workspace.notmnist("status").out


def test_letters_that_failed_a_check_are_checked_again_after_a_run_that_failed_before_them(
    workspace: Workspace,
) -> None:
    make_letters_that_fail_a_blocking_check(workspace)
    path = workspace.archives / "notMNIST_small.tar.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-300])
    assert not refresh(workspace).success
    path.write_bytes(whole)
    assert check_result(workspace, "letters/small/C")["enough_images"] == "failed"
    outcome = refresh(workspace)
    assert outcome.success
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
    outcome = refresh(workspace)
    assert outcome.success
    assert {key.to_user_string(): reason for key, reason in outcome.made.items()} == {
        "letters/small/C": "its blocking check complete has not run",
        "letters/files": "upstream letters/small/C is out of date",
    }
    assert set(check_result(workspace, "letters/small/C").values()) == {"passed", "not compared"}
    assert refresh(workspace).made == {}


def test_a_setting_in_the_launchpad_applies_to_that_run_only(workspace: Workspace) -> None:
    splits = ["splits/train", "splits/valid", "splits/test"]
    result = workspace.run(splits, {"resources": {"settings": {"config": {"train_size": 100}}}})
    assert result.success
    assert len(workspace.load("splits/train")) == 100
    with workspace.instance() as instance:
        plan = stale_assets(workspace.definitions.resolve_asset_graph(), instance, read_settings())
    reason = "was materialized with run-specific settings (train_size=100)"
    assert [plan[dg.AssetKey(key.split("/"))] for key in splits] == [reason] * 3


def test_a_wrong_setting_in_the_launchpad_fails_the_run_with_its_name(workspace: Workspace) -> None:
    result = workspace.run(["splits/train"], {"resources": {"settings": {"config": {"train_size": 15}}}})
    assert not result.success
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    assert "NOTMNIST_TRAIN_SIZE=15" in str(failure.step_failure_data.error_display_string)


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
    """The archives are right, a setting asks for too much of them."""
    assert archives.is_dir()


BAD: dict[str, tuple[Callable[[Path], None], dict[str, str], str, list[str]]] = {
    "wrong checksum": (wrong_checksum, {}, "archives/small", ["notMNIST_small.tar.gz", "SHA-256", "SHA256SUMS"]),
    "truncated archive": (truncated, {}, "archives/small", ["notMNIST_small.tar.gz", "cut short"]),
    "missing letter": (missing_letter, {}, "archives/small", ["for the letters G"]),
    "too few images": (nothing, {"MIN_SMALL": "16"}, "letters/small", [str(SMALL_PER_LETTER), "16"]),
    "train larger than the data": (nothing, {"TRAIN_SIZE": "400"}, "splits", [str(LARGE_PER_LETTER), "train_size"]),
    "test larger than the data": (nothing, {"TEST_SIZE": "160"}, "splits", [str(SMALL_PER_LETTER), "test_size"]),
}


def test_assets_that_a_failed_run_did_not_reach_are_materialized_once_the_cause_is_gone(workspace: Workspace) -> None:
    """Its content did not change, but the UI shows it as failed until then."""
    path = workspace.archives / "notMNIST_small.tar.gz"
    good = path.read_bytes()
    truncated(workspace.archives)
    (failed,) = refresh(workspace).run_ids
    path.write_bytes(good)
    with workspace.instance() as instance:
        stale = plan_refresh(workspace.definitions.resolve_asset_graph(), instance, read_settings())[0]
    assert stale[dg.AssetKey(["archives", "small"])] == f"its last run failed (run {failed[:8]})"
    outcome = refresh(workspace)
    assert outcome.success
    letters = {f"letters/small/{letter}" for letter in LETTERS}
    assert keys_of(outcome.made) == {"archives/small", "letters/files", *letters}
    with workspace.instance() as instance:
        records = instance.get_asset_records(list(outcome.made))
        assert {record.asset_entry.last_run_id for record in records} == set(outcome.run_ids)
    assert refresh(workspace).made == {}


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
    outcome = refresh(workspace)
    assert not outcome.success
    assert list(outcome.failures) == [step]
    assert all(word in outcome.failures[step] for word in words), outcome.failures[step]
    changed = {name for name, data in workspace.bytes_stored().items() if before.get(name) != data}
    assert not any("letters/" in name or "splits/" in name for name in changed)
    assert {name for name in before if name not in workspace.bytes_stored()} == set()
    assert len(workspace.load("splits/test")) == 100
    assert len(workspace.load("letters/small/G")) == SMALL_PER_LETTER
