"""The plan after a change: stale assets with their reasons, and blocked ones. No test runs the job."""

from pathlib import Path

import dagster as dg
import pytest
from dagster_shared.record import replace

from notmnist_assets.settings.model import read_settings
from notmnist_assets.staleness.outcomes import latest_evaluations, outcome_of
from notmnist_assets.staleness.plan import grouped_reasons, next_round, plan_refresh
from notmnist_assets.storage.store import ValueStore
from notmnist_assets_tests.archives import tiny_members, write_archive, write_checksums
from notmnist_assets_tests.automation.changes import make_letters_that_fail_a_blocking_check
from notmnist_assets_tests.specs import asset_specs
from notmnist_assets_tests.workspace import Workspace, keys_of


def stale(workspace: Workspace) -> dict[str, str]:
    """Return the stale assets with their reasons; none may be blocked."""
    with workspace.instance() as instance:
        plan, blocked = plan_refresh(workspace.definitions.resolve_asset_graph(), instance, read_settings())
    assert not blocked
    return {key.to_user_string(): reason for key, reason in plan.items()}


def downstream(workspace: Workspace, *keys: str) -> set[str]:
    graph = workspace.definitions.resolve_asset_graph()
    selection = dg.AssetSelection.assets(*keys).downstream().resolve(graph)
    return {key.to_user_string() for key in selection}


def stored_file(workspace: Workspace, key: str, name: str) -> Path:
    (path,) = (workspace.storage / "custom" / key).glob(f"*/{name}")
    return path


def test_nothing_is_out_of_date_after_a_run(finished: Workspace) -> None:
    assert stale(finished) == {}


def test_everything_is_missing_before_the_first_run(finished: Workspace) -> None:
    with dg.DagsterInstance.ephemeral() as empty:
        plan, blocked = plan_refresh(finished.definitions.resolve_asset_graph(), empty, read_settings())
    assert not blocked
    assert set(plan.values()) == {"never materialized"}
    assert list(plan)[:2] == [dg.AssetKey(["archives", "large"]), dg.AssetKey(["archives", "small"])]


def test_a_changed_seed_makes_splits_and_everything_downstream_stale(
    finished: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_SEED", "134")
    plan = stale(finished)
    assert set(plan) == downstream(finished, "splits/train", "splits/valid", "splits/test")
    assert plan["splits/train"] == "the setting seed changed from 133 to 134"
    assert plan["hashes/train"] == "upstream splits/train is out of date"


def test_a_radius_within_the_search_keeps_the_near_pairs(finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_NEAR_RADIUS", "1.5")
    plan = stale(finished)
    assert "overlap/radius" in plan
    assert "sanitized/train" in plan
    assert not {"overlap/near_pairs", "exports/pickle", "hashes/train", "splits/train"} & set(plan)


def test_a_changed_archive_makes_everything_downstream_of_it_stale(workspace: Workspace) -> None:
    small = tiny_members()["small"]
    small["C"].popitem()
    write_archive(workspace.archives, "small", small)
    plan = stale(workspace)
    assert plan["archives/small"] == "the archive changed at its source"
    assert set(plan) == downstream(workspace, "archives/small")
    assert not any(key.startswith("letters/large") for key in plan)


def test_an_archive_whose_source_fails_is_out_of_date_with_the_error(workspace: Workspace) -> None:
    write_checksums(workspace.archives)
    write_archive(workspace.archives, "small", {})
    assert stale(workspace)["archives/small"].startswith("cannot be compared with its source: its SHA-256 is")


def test_a_deleted_file_is_out_of_date(workspace: Workspace) -> None:
    stored_file(workspace, "hashes/valid", "cells-00000-of-00001.parquet").unlink()
    plan = stale(workspace)
    assert "cells-00000-of-00001.parquet is missing" in plan["hashes/valid"]
    assert set(plan) == downstream(workspace, "hashes/valid")


def test_a_truncated_file_is_out_of_date(workspace: Workspace) -> None:
    path = stored_file(workspace, "baselines/metrics", "table.parquet")
    path.write_bytes(path.read_bytes()[:-1])
    plan = stale(workspace)
    assert set(plan) == downstream(workspace, "baselines/metrics")
    assert "bytes" in plan["baselines/metrics"]


def test_a_value_that_was_stored_by_no_materialization_is_out_of_date(workspace: Workspace) -> None:
    ValueStore(read_settings().storage_root).write(["baselines", "metrics"], "f" * 64, {"x": lambda _file: None}, {})
    plan = stale(workspace)
    assert set(plan) == downstream(workspace, "baselines/metrics")
    assert plan["baselines/metrics"] == "the storage contains another version than the last materialization"


def planned(workspace: Workspace) -> tuple[set[str], set[str]]:
    """Return the assets to materialize and the blocked ones."""
    with workspace.instance() as instance:
        plan, blocked = plan_refresh(workspace.definitions.resolve_asset_graph(), instance, read_settings())
    return keys_of(plan), keys_of(blocked)


def test_a_failed_blocking_check_blocks_until_its_asset_is_stale_itself(workspace: Workspace) -> None:
    make_letters_that_fail_a_blocking_check(workspace)
    plan, blocked = planned(workspace)
    assert plan == set()
    assert "splits/test" in blocked
    write_archive(workspace.archives, "small", tiny_members()["small"])
    assert planned(workspace) == (downstream(workspace, "archives/small"), set())


def test_a_failed_blocking_check_also_blocks_what_is_stale_behind_current_assets(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = dg.AssetCheckKey(dg.AssetKey(["letters", "small", "C"]), "enough_images")
    with workspace.instance() as instance:
        instance.report_runless_asset_event(replace(latest_evaluations(instance, [check])[check], passed=False))
    assert planned(workspace) == (set(), set())
    monkeypatch.setenv("NOTMNIST_SANITIZE_REPEATS", "keep")
    plan, blocked = planned(workspace)
    assert plan == set()
    assert "sanitized/test" in blocked
    assert "splits/test" not in blocked


def test_a_warning_of_a_blocking_check_blocks_nothing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    check = dg.AssetCheckKey(dg.AssetKey(["splits", "train"]), "disjoint_sources")
    with workspace.instance() as instance:
        passed = latest_evaluations(instance, [check])[check]
        warned = replace(passed, passed=False, severity=dg.AssetCheckSeverity.WARN)
        instance.report_runless_asset_event(warned)
        assert outcome_of(latest_evaluations(instance, [check])[check]) == "warned"
    monkeypatch.setenv("NOTMNIST_SANITIZE_REPEATS", "keep")
    plan, blocked = planned(workspace)
    assert "sanitized/train" in plan
    assert blocked == set()


def test_an_asset_of_a_canceled_run_is_out_of_date(workspace: Workspace) -> None:
    hashes = frozenset({dg.AssetKey(["hashes", "test"])})
    with workspace.instance() as instance:
        job = workspace.definitions.resolve_job_def("refresh")
        run = instance.create_run_for_job(job, asset_selection=hashes)
        instance.report_run_canceled(run)
    plan = stale(workspace)
    assert plan["hashes/test"] == f"its last run was canceled (run {run.run_id[:8]})"
    assert set(plan) == downstream(workspace, "hashes/test")


def test_an_emptied_storage_is_out_of_date(
    finished: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_STORAGE", str(tmp_path))
    plan = stale(finished)
    assert len(plan) == len(list(asset_specs(finished.definitions)))
    assert plan["archives/large"] == "is not in the storage"


def reasons(**by_key: str) -> dict[dg.AssetKey, str]:
    return {dg.AssetKey(key.split("__")): reason for key, reason in by_key.items()}


def test_assets_with_the_same_reason_share_a_line_and_those_downstream_are_last() -> None:
    letters = {f"letters__large__{letter}": "upstream archives/large is out of date" for letter in "ABCDEFGHIJ"}
    some = {f"letters__small__{letter}": "is not in the storage" for letter in "ACD"}
    splits = {f"splits__{name}": "never materialized" for name in ("train", "valid", "test")}
    lines = list(grouped_reasons(reasons(archives__large="x", **letters, **some, letters__files="x", **splits)))
    assert lines == [
        "archives/large and letters/files (2 assets): x",
        "letters/small/A, C and D (3 assets): is not in the storage",
        "splits/train, valid and test (3 assets): never materialized",
        "letters/large/A to J (10 assets): something upstream is out of date",
    ]


def test_different_reasons_in_one_folder_get_a_line_each() -> None:
    lines = list(grouped_reasons(reasons(hashes__train="a", hashes__valid="b", hashes__test="a")))
    assert lines == ["hashes/train and test (2 assets): a", "hashes/valid: b"]


def test_assets_of_several_folders_are_counted_by_folder() -> None:
    splits = {f"splits__{name}": "x" for name in ("train", "valid", "test")}
    lines = list(grouped_reasons(reasons(**splits, hashes__test="x", report__html="x")))
    assert lines == ["3 of splits, hashes/test and report/html (5 assets): x"]


def test_archives_and_letters_are_materialized_before_splits_and_splits_before_all_others() -> None:
    plan = reasons(archives__small="x", letters__small__A="x", splits__test="x", hashes__test="x")
    assert keys_of(next_round(plan)) == {"archives/small", "letters/small/A"}
    assert keys_of(next_round(reasons(splits__test="x", hashes__test="x"))) == {"splits/test"}
    assert keys_of(next_round(reasons(hashes__test="x", report__html="x"))) == {"hashes/test", "report/html"}


def test_a_graph_with_archives_that_were_never_materialized_is_one_round() -> None:
    plan = reasons(archives__small="never materialized", letters__small__A="x", splits__test="x")
    assert next_round(plan) == plan
