"""What is out of date after a change, and why. Nothing here runs the job."""

from pathlib import Path

import dagster as dg
import pytest
from dagster_shared.record import replace

from notmnist_assets.settings.model import read_settings
from notmnist_assets.staleness.outcomes import latest_evaluations, outcome_of
from notmnist_assets.staleness.plan import plan_refresh, stale_assets
from notmnist_assets.storage.store import ValueStore
from notmnist_assets_tests.archives import tiny_members, write_archive, write_checksums
from notmnist_assets_tests.automation.changes import make_letters_that_fail_a_blocking_check
from notmnist_assets_tests.workspace import Workspace, keys_of


def stale(workspace: Workspace) -> dict[str, str]:
    with workspace.instance() as instance:
        plan = stale_assets(workspace.definitions.resolve_asset_graph(), instance, read_settings())
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
        plan = stale_assets(finished.definitions.resolve_asset_graph(), empty, read_settings())
    assert set(plan.values()) == {"never made"}
    assert list(plan)[:2] == [dg.AssetKey(["archives", "large"]), dg.AssetKey(["archives", "small"])]


def test_another_seed_draws_again_and_leaves_the_letters(finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_SEED", "134")
    plan = stale(finished)
    assert set(plan) == downstream(finished, "splits/train", "splits/valid", "splits/test")
    assert "seed=133" in plan["splits/train"]
    assert "seed=134" in plan["splits/train"]
    assert plan["hashes/train"] == "follows splits/train"


def test_another_radius_keeps_the_search(finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_NEAR_RADIUS", "1.5")
    plan = stale(finished)
    assert "overlap/radius" in plan
    assert "sanitized/train" in plan
    assert not {"overlap/near_pairs", "exports/pickle", "hashes/train", "splits/train"} & set(plan)


def test_another_archive_concerns_its_letters(workspace: Workspace) -> None:
    small = tiny_members()["small"]
    small["C"].popitem()
    write_archive(workspace.archives, "small", small)
    plan = stale(workspace)
    assert plan["archives/small"] == "the archive changed"
    assert set(plan) == downstream(workspace, "archives/small")
    assert not any(key.startswith("letters/large") for key in plan)


def test_an_archive_that_cannot_be_had_is_left_to_the_run(workspace: Workspace) -> None:
    write_checksums(workspace.archives)
    write_archive(workspace.archives, "small", {})
    assert stale(workspace)["archives/small"].startswith("to be checked: its SHA-256 is")


def test_a_deleted_file_is_out_of_date(workspace: Workspace) -> None:
    stored_file(workspace, "hashes/valid", "table.parquet").unlink()
    plan = stale(workspace)
    assert "table.parquet is missing" in plan["hashes/valid"]
    assert set(plan) == downstream(workspace, "hashes/valid")


def test_a_truncated_file_is_out_of_date(workspace: Workspace) -> None:
    path = stored_file(workspace, "baselines/metrics", "table.parquet")
    path.write_bytes(path.read_bytes()[:-1])
    plan = stale(workspace)
    assert set(plan) == downstream(workspace, "baselines/metrics")
    assert "bytes" in plan["baselines/metrics"]


def test_another_value_in_the_storage_is_out_of_date(workspace: Workspace) -> None:
    ValueStore(read_settings().storage_root).write(["baselines", "metrics"], "f" * 64, {"x": lambda _file: None}, {})
    plan = stale(workspace)
    assert set(plan) == downstream(workspace, "baselines/metrics")
    assert plan["baselines/metrics"] == "the storage holds another value"


def planned(workspace: Workspace) -> tuple[set[str], set[str]]:
    """Return what would be made and what waits."""
    with workspace.instance() as instance:
        plan, held = plan_refresh(workspace.definitions.resolve_asset_graph(), instance, read_settings())
    return keys_of(plan), keys_of(held)


def test_nothing_waits_for_a_failed_check_of_what_is_made_again_anyway(workspace: Workspace) -> None:
    make_letters_that_fail_a_blocking_check(workspace)
    plan, held = planned(workspace)
    assert plan == set()
    assert "splits/test" in held
    write_archive(workspace.archives, "small", tiny_members()["small"])
    assert planned(workspace) == (downstream(workspace, "archives/small"), set())


def test_nothing_waits_for_a_blocking_check_that_only_warned(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = dg.AssetCheckKey(dg.AssetKey(["splits", "train"]), "disjoint_sources")
    with workspace.instance() as instance:
        passed = latest_evaluations(instance, [check])[check]
        warned = replace(passed, passed=False, severity=dg.AssetCheckSeverity.WARN)
        instance.report_runless_asset_event(warned)
        assert outcome_of(latest_evaluations(instance, [check])[check]) == "warned"
    monkeypatch.setenv("NOTMNIST_SANITIZE_REPEATS", "keep")
    plan, held = planned(workspace)
    assert "sanitized/train" in plan
    assert held == set()


def test_what_a_canceled_run_was_to_make_is_out_of_date_with_the_reason(workspace: Workspace) -> None:
    hashes = frozenset({dg.AssetKey(["hashes", "test"])})
    with workspace.instance() as instance:
        job = workspace.definitions.resolve_job_def("refresh")
        run = instance.create_run_for_job(job, asset_selection=hashes)
        instance.report_run_canceled(run)
    plan = stale(workspace)
    assert plan["hashes/test"] == f"run {run.run_id[:8]} was canceled before it was made again"
    assert set(plan) == downstream(workspace, "hashes/test")


def test_an_emptied_storage_is_out_of_date(
    finished: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_STORAGE", str(tmp_path))
    plan = stale(finished)
    assert len(plan) == len(list(finished.definitions.resolve_all_asset_specs()))
    assert plan["archives/large"] == "not in storage"
