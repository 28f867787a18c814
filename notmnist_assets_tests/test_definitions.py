"""The definitions as a whole: keys, checks, resources, schedule, and what loading them needs."""

import subprocess
import sys
import tomllib
from pathlib import Path

import dagster as dg
import pytest
import yaml

from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.definitions import DECLARATIONS, build_definitions, defs
from notmnist_assets.settings.model import read_settings
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.value_io import ValueIOManager
from notmnist_assets_tests.specs import asset_specs
from notmnist_assets_tests.workspace import keys_of

PROJECT = Path(__file__).parent.parent
CONTRACT = {
    *(f"archives/{set_name}" for set_name in SETS),
    *(f"letters/{set_name}/{letter}" for set_name in SETS for letter in LETTERS),
    *(f"{group}/{split}" for group in ("splits", "hashes", "sanitized") for split in SPLITS),
    "overlap/report",
    "overlap/near_pairs",
    "overlap/label_conflicts",
    "overlap/radius",
    "sanitized/removed",
    "labels/issues",
    *(f"baselines/{name}" for name in ("metrics", "mistakes", "leakage", "reference")),
    *(f"exports/{name}" for name in ("pickle", "npz", "idx", "parquet")),
    "report/html",
}
SPECS = sorted(asset_specs(defs), key=lambda spec: spec.key)


def test_every_asset_of_the_contract_exists() -> None:
    assert keys_of([spec.key for spec in SPECS]) >= CONTRACT


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.key.to_user_string())
def test_every_asset_has_a_group_description_kinds_and_code_version(spec: dg.AssetSpec) -> None:
    first, second, *_ = spec.key.path
    assert spec.group_name == (f"letters_{second}" if first == "letters" and second in SETS else first)
    assert spec.description
    assert spec.kinds
    assert spec.code_version


def test_every_asset_is_stored_by_one_of_our_io_managers() -> None:
    for spec in SPECS:
        manager = defs.resolve_assets_def(spec.key).get_io_manager_key_for_asset_key(spec.key)
        assert isinstance((defs.resources or {})[manager], ValueIOManager), spec.key


def test_checks_of_correctness_block_and_checks_of_properties_of_the_data_do_not() -> None:
    blocking = {
        f"{key.asset_key.path[0]}:{key.name}"
        for key in defs.resolve_asset_graph().asset_check_keys
        if defs.resolve_asset_graph().get(key).blocking
    }
    assert blocking >= {
        "archives:checksum",
        "letters:complete",
        "letters:enough_images",
        "splits:disjoint_sources",
        "sanitized:no_shared_images",
        "sanitized:no_near_duplicates",
        "sanitized:all_rows_accounted_for",
        "sanitized:no_repeats",
        "sanitized:no_near_repeats",
        "sanitized:no_contradictions",
        "grouped:no_shared_images",
        "labels:every_image_once",
        "labels:judged_by_other_rows",
        "grouped:no_near_repeats",
        "grouped:no_contradictions",
    }
    assert not any(name.startswith(("overlap:", "baselines:")) for name in blocking)
    assert "sanitized:class_balance" not in blocking


def test_tables_have_the_columns_of_the_contract() -> None:
    def names(key: str) -> list[str]:
        return list(DECLARATIONS[key].columns)

    assert {"row", "label", "exact", "cells", "ink"} <= set(names("hashes/test"))
    assert names("overlap/report") == ["method", "rows_of", "found_in", "rows", "distinct", "share"]
    assert names("overlap/near_pairs") == ["exact_a", "exact_b", "distance", "rows_a", "rows_b"]
    assert set(names("baselines/metrics")) >= {
        *("model", "train_on", "train_rows", "eval_on", "eval_rows", "rows"),
        *("accuracy", "ci_low", "ci_high", "converged", "seconds"),
    }


def test_workspace_and_project_file_name_the_same_location_and_module() -> None:
    """`dagster` reads one file, `dg` the other; Dagster stores which schedules are on by the name of the location."""
    workspace = yaml.safe_load((PROJECT / "workspace.yaml").read_text())
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    (location,) = workspace["load_from"]
    module = location["python_module"]["module_name"]
    dg_project = project["tool"]["dg"]["project"]
    assert module == dg_project["code_location_target_module"] == "notmnist_assets.definitions"
    assert location["python_module"]["location_name"] == dg_project["code_location_name"]
    assert "dagster" not in project["tool"], "it would shadow workspace.yaml"


def test_the_weekly_schedule_is_off_by_default_and_refreshes_all_assets() -> None:
    schedule = defs.resolve_schedule_def("weekly_refresh")
    assert schedule.cron_schedule == "*/10 3-8 * * 1"
    assert schedule.execution_timezone == "UTC"
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    assert schedule.job_name == "refresh"
    assert set(defs.resolve_job_def("refresh").asset_layer.executable_asset_keys) == {spec.key for spec in SPECS}


LOAD = """
import socket, sys
def refuse(*_args, **_kwargs):
    raise AssertionError("the network was touched")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from notmnist_assets.definitions import DECLARATIONS, defs
defs.resolve_job_def("refresh")
print([name for name in ("numba", "sklearn", "matplotlib", "jinja2.environment") if name in sys.modules])
"""


def test_definitions_load_without_heavy_imports_network_or_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_PROFILE", "full")
    monkeypatch.setenv("NOTMNIST_STORAGE", str(tmp_path / "values"))
    ended = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "[]"
    assert list(tmp_path.iterdir()) == []


def test_no_file_uses_private_modules_of_dagster() -> None:
    private = "dagster." + "_"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    texts = [PROJECT / name for name in listed.split("\0") if Path(name).suffix in {".py", ".md", ".toml", ".yaml"}]
    assert texts
    assert [str(path) for path in texts if path.exists() and private in path.read_text(encoding="utf-8")] == []


def test_every_resource_has_a_description_and_io_managers_share_the_settings() -> None:
    resources = defs.resources or {}
    for key, resource in resources.items():
        assert type(resource).__module__.startswith("notmnist_assets."), key
        assert type(resource).__doc__, key
        if isinstance(resource, ValueIOManager):
            assert set(resource.nested_resources) == {"settings", "one_run"}, key
            assert all(resource.nested_resources[name] is resources[name] for name in resource.nested_resources)


def test_resources_can_be_replaced_by_key(tmp_path: Path) -> None:
    elsewhere = SettingsResource(storage=str(tmp_path / "elsewhere"))
    tables = dg.FilesystemIOManager(base_dir=str(tmp_path))
    replaced = build_definitions(read_settings(), resources={"settings": elsewhere, "table_io": tables}).resources or {}
    assert set(replaced) == set(defs.resources or {})
    assert replaced["table_io"] is tables
    assert replaced["values"].settings is elsewhere
    assert replaced["split_io"].settings.storage_root() == str(tmp_path / "elsewhere" / "sample")
