"""Settings in metadata: which setting makes which assets stale."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from notmnist_assets.definitions import build_definitions
from notmnist_assets.settings.model import Settings
from notmnist_assets.settings.recorded import own_settings, settings_to_record
from notmnist_assets_tests.specs import asset_specs

BASE: dict[str, Any] = {"profile": "custom", "archives": "/archives", "storage": "/values"}
ALL_KEYS = [spec.key for spec in asset_specs(build_definitions(Settings(**BASE)))]


def code_versions(**changes: Any) -> dict[str, str | None]:
    definitions = build_definitions(Settings(**(BASE | changes)))
    return {spec.key.to_user_string(): spec.code_version for spec in asset_specs(definitions)}


def metadata_of(key: str) -> Mapping[str, Any]:
    spec = build_definitions(Settings(**BASE)).resolve_assets_def(dg.AssetKey(key.split("/"))).specs_by_key
    return spec[dg.AssetKey(key.split("/"))].metadata


def changed_by(**changes: Any) -> set[str]:
    before, after = code_versions(), code_versions(**changes)
    return {key for key in before if before[key] != after[key]}


def test_the_storage_makes_no_asset_stale() -> None:
    assert changed_by() == changed_by(storage="/elsewhere") == set()


@pytest.mark.parametrize("change", [{"seed": 134}, {"train_size": 100}, {"valid_size": 100}, {"test_size": 100}])
def test_seed_and_sizes_make_the_splits_stale(change: dict[str, Any]) -> None:
    changed = changed_by(**change)
    assert changed >= {"splits/train", "splits/valid", "splits/test"}
    assert not any(key.startswith(("archives", "letters", "hashes", "overlap", "baselines")) for key in changed)


def test_another_source_makes_the_archives_stale() -> None:
    assert changed_by(archives="/others") == {"archives/large", "archives/small"}


def test_a_minimum_makes_the_letters_of_its_set_and_the_report_stale() -> None:
    assert changed_by(min_small=5) == {"report/html", *(f"letters/small/{letter}" for letter in "ABCDEFGHIJ")}


def test_a_radius_within_the_search_radius_makes_only_the_choice_stale() -> None:
    assert changed_by(near_radius=3.0) == {"overlap/radius"}


def test_a_radius_beyond_the_search_radius_makes_the_search_stale() -> None:
    assert changed_by(near_radius=15.0) == {"overlap/radius", "overlap/near_pairs"}


def test_shifts_make_all_searches_and_the_dataset_card_stale() -> None:
    grouped = {f"grouped/{name}" for name in ("train", "valid", "test")}
    assert changed_by(near_shifts=True) == {
        "overlap/near_pairs",
        "overlap/recall",
        "labels/issues",
        "exports/parquet",
        *grouped,
    }


def test_the_policy_makes_sanitized_and_grouped_splits_and_the_dataset_card_stale() -> None:
    changed = changed_by(sanitize_repeats="keep")
    sanitized = {f"sanitized/{name}" for name in ("train", "valid", "test", "removed")}
    assert changed == {"exports/parquet", *sanitized, *(f"grouped/{name}" for name in ("train", "valid", "test"))}
    assert changed_by(sanitize_method="exact") == {"exports/parquet", *sanitized}


def test_the_content_of_overrides_makes_sanitized_splits_stale_and_their_path_does_not(tmp_path: Path) -> None:
    lists = {}
    for name, action in (("one", "drop"), ("other", "keep"), ("moved", "drop")):
        path = tmp_path / f"{name}.csv"
        path.write_text(f"key,action,label\nlarge/A/x.png,{action},\n")
        lists[name] = code_versions(overrides=str(path))
    sanitized = {f"sanitized/{name}" for name in ("train", "valid", "test", "removed")}
    assert {key for key, version in code_versions().items() if version != lists["one"][key]} == sanitized
    assert {key for key, version in lists["one"].items() if version != lists["other"][key]} == sanitized
    assert lists["one"] == lists["moved"]


def test_the_pickle_depends_on_the_split_settings_and_other_exports_also_on_the_policy() -> None:
    pickled, arrays = (settings_to_record(metadata_of(f"exports/{name}")) for name in ("pickle", "npz"))
    assert set(pickled) == {"profile", "train_size", "valid_size", "test_size", "seed"}
    assert set(arrays) > {*pickled, "near_radius", "sanitize_method"}


def test_every_setting_but_storage_cluster_and_download_rate_makes_an_asset_stale() -> None:
    named = {name for key in ALL_KEYS for name in own_settings(metadata_of(key.to_user_string()))}
    assert named >= set(Settings.model_fields) - {"storage", "min_rate", "most_paths", "dask"}
    assert own_settings(metadata_of("hashes/train")) == []
