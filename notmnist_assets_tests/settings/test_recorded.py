"""Which settings make which assets stale."""

from typing import Any

import dagster as dg
import pytest

from notmnist_assets.definitions import build_definitions
from notmnist_assets.settings.model import Settings
from notmnist_assets.settings.recorded import MADE_WITH, OWN_SETTINGS, recorded_settings

BASE: dict[str, Any] = {"profile": "custom", "archives": "/archives", "storage": "/values"}
ALL_KEYS = [spec.key for spec in build_definitions(Settings(**BASE)).resolve_all_asset_specs()]


def code_versions(**changes: Any) -> dict[str, str | None]:
    definitions = build_definitions(Settings(**(BASE | changes)))
    return {spec.key.to_user_string(): spec.code_version for spec in definitions.resolve_all_asset_specs()}


def settings_of(key: str, label: str) -> dict[str, Any]:
    spec = build_definitions(Settings(**BASE)).resolve_assets_def(dg.AssetKey(key.split("/"))).specs_by_key
    return recorded_settings(spec[dg.AssetKey(key.split("/"))].metadata, label)


def changed_by(**changes: Any) -> set[str]:
    before, after = code_versions(), code_versions(**changes)
    return {key for key in before if before[key] != after[key]}


def test_storage_and_the_same_settings_change_nothing() -> None:
    assert changed_by() == changed_by(storage="/elsewhere") == set()


@pytest.mark.parametrize("change", [{"seed": 134}, {"train_size": 100}, {"valid_size": 100}, {"test_size": 100}])
def test_the_draw_changes_the_splits(change: dict[str, Any]) -> None:
    changed = changed_by(**change)
    assert changed >= {"splits/train", "splits/valid", "splits/test"}
    assert not any(key.startswith(("archives", "letters", "hashes", "overlap", "baselines")) for key in changed)


def test_another_source_changes_the_archives() -> None:
    assert changed_by(archives="/others") == {"archives/large", "archives/small"}


def test_a_minimum_changes_the_letters_of_its_set() -> None:
    assert changed_by(min_small=5) == {"report/html", *(f"letters/small/{letter}" for letter in "ABCDEFGHIJ")}


def test_a_radius_within_the_search_changes_only_the_choice() -> None:
    assert changed_by(near_radius=3.0) == {"overlap/radius"}


def test_a_radius_beyond_the_search_searches_again() -> None:
    assert changed_by(near_radius=15.0) == {"overlap/radius", "overlap/near_pairs"}


def test_shifts_change_all_that_searches_by_itself_and_the_card_that_tells_them() -> None:
    grouped = {f"grouped/{name}" for name in ("train", "valid", "test")}
    assert changed_by(near_shifts=True) == {"overlap/near_pairs", "overlap/recall", "exports/parquet", *grouped}


def test_a_policy_changes_only_what_is_sanitized_and_what_tells_it() -> None:
    changed = changed_by(sanitize_repeats="keep")
    sanitized = {f"sanitized/{name}" for name in ("train", "valid", "test", "removed")}
    assert changed == {"exports/parquet", *sanitized}


def test_the_pickle_is_made_with_the_draw_alone_and_other_exports_with_the_policy_too() -> None:
    pickled, arrays = (settings_of(f"exports/{name}", MADE_WITH) for name in ("pickle", "npz"))
    assert set(pickled) == {"profile", "train_size", "valid_size", "test_size", "seed"}
    assert set(arrays) > {*pickled, "near_radius", "sanitize_method"}


def test_every_setting_but_storage_and_download_rate_makes_an_asset_stale() -> None:
    named = {name for key in ALL_KEYS for name in settings_of(key.to_user_string(), OWN_SETTINGS)}
    assert named >= set(Settings.model_fields) - {"storage", "min_rate"}
    assert settings_of("hashes/train", OWN_SETTINGS) == {}
