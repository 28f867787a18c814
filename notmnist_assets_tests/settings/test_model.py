"""Defaults by profile, precedence of environment and overrides, and errors that name the allowed values."""

from pathlib import Path

import pytest

from notmnist_assets.curation.core.published import BASE_URL
from notmnist_assets.settings.deployment import SettingsError, failure_webhook, place_of_steps
from notmnist_assets.settings.model import SEARCH_RADIUS, Settings, project_home, read_settings

CUSTOM = {"NOTMNIST_PROFILE": "custom", "NOTMNIST_ARCHIVES": "https://example.org/books"}


def test_the_sample_is_the_default_profile() -> None:
    settings = read_settings({})
    assert settings.profile == "sample"
    assert settings.archives is None
    assert settings.storage == str(project_home() / "data")
    assert settings.seed == 133
    assert settings.near_radius is None
    assert settings.train_size is not None


def test_the_profile_full_has_the_sizes_of_the_assignment() -> None:
    settings = read_settings({"NOTMNIST_PROFILE": "full"})
    assert settings.archives == BASE_URL
    assert (settings.train_size, settings.valid_size, settings.test_size) == (200_000, 10_000, 10_000)
    assert settings.minimum == {"large": 45_000, "small": 1_800}


def test_the_profile_custom_takes_sizes_from_the_data() -> None:
    settings = read_settings(CUSTOM)
    assert (settings.train_size, settings.valid_size, settings.test_size) == (None, None, None)
    assert settings.minimum == {"large": 1, "small": 1}


def test_overrides_take_precedence_over_the_environment_and_the_environment_over_the_profile() -> None:
    environment = {"NOTMNIST_PROFILE": "full", "NOTMNIST_TRAIN_SIZE": "5000", "NOTMNIST_SEED": "7"}
    settings = read_settings(environment, {"seed": 8, "valid_size": None})
    assert settings.train_size == 5000
    assert settings.valid_size == 10_000
    assert settings.seed == 8


def test_an_overridden_profile_has_its_own_defaults() -> None:
    assert read_settings({}, {"profile": "full"}).train_size == 200_000


def test_empty_variables_count_as_unset() -> None:
    assert read_settings({"NOTMNIST_PROFILE": "", "NOTMNIST_SEED": "  "}) == read_settings({})


def test_relative_folders_become_absolute_and_urls_stay() -> None:
    settings = read_settings(CUSTOM | {"NOTMNIST_STORAGE": "elsewhere/values"})
    assert settings.storage == str(Path.cwd() / "elsewhere" / "values")
    assert settings.archives == "https://example.org/books"
    assert read_settings({"NOTMNIST_STORAGE": "s3://bucket/prefix"}).storage == "s3://bucket/prefix"
    assert read_settings({"NOTMNIST_STORAGE": "~/x"}).storage == str(Path.home() / "x")


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("PROFILE", "samples", "sample, full, custom"),
        ("MIN_RATE", "-1", "number from 0 to 1000000"),
        ("MIN_RATE", "fast", "number from 0 to 1000000"),
        ("MOST_PATHS", "0", "number"),
        ("TRAIN_SIZE", "many", "integer of at least 10 divisible by 10"),
        ("TRAIN_SIZE", "15", "integer of at least 10 divisible by 10"),
        ("VALID_SIZE", "0", "integer of at least 10"),
        ("TEST_SIZE", "-10", "integer of at least 10"),
        ("MIN_LARGE", "0", "integer of at least 1"),
        ("MIN_SMALL", "1.5", "integer of at least 1"),
        ("SEED", "-1", "integer from 0 to 4294967295"),
        ("SEED", "4294967296", "integer from 0 to 4294967295"),
        ("NEAR_RADIUS", "nan", "number from 0 to 784"),
        ("NEAR_RADIUS", "-0.1", "number from 0 to 784"),
        ("NEAR_RADIUS", "785", "number from 0 to 784"),
        ("NEAR_SHIFTS", "perhaps", "boolean"),
        ("SANITIZE_METHOD", "fuzzy", "exact, cells, near"),
        ("SANITIZE_REMOVE", "all", "evaluation, training"),
        ("SANITIZE_CONFLICTS", "ask", "drop, majority, keep"),
        ("SANITIZE_REPEATS", "no", "drop, exact, keep"),
        ("LARGEST_IMBALANCE", "0.9", "number of at least 1"),
    ],
)
def test_the_error_of_a_wrong_value_names_it_and_the_allowed_values(variable: str, value: str, allowed: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({f"NOTMNIST_{variable}": value})
    assert f"NOTMNIST_{variable}={value}" in str(caught.value)
    assert allowed in str(caught.value)


def test_one_error_names_all_wrong_values() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"NOTMNIST_SEED": "x", "NOTMNIST_TEST_SIZE": "y"})
    assert "NOTMNIST_SEED=x" in str(caught.value)
    assert "NOTMNIST_TEST_SIZE=y" in str(caught.value)


def test_the_error_of_an_unknown_variable_suggests_a_similar_one() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"NOTMNIST_TRAINSIZE": "100"})
    assert "NOTMNIST_TRAINSIZE is not a setting; did you mean NOTMNIST_TRAIN_SIZE" in str(caught.value)


def test_the_error_of_an_unknown_variable_lists_all_variables() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"NOTMNIST_QQQ": "1"})
    assert all(f"NOTMNIST_{name.upper()}" in str(caught.value) for name in Settings.model_fields)


def test_variables_without_the_prefix_are_ignored() -> None:
    assert read_settings({"MYNOTMNIST_X": "1", "PATH": "/bin"}) == read_settings({})


def test_the_profile_custom_needs_archives() -> None:
    with pytest.raises(SettingsError, match=r"NOTMNIST_ARCHIVES is not set.*notMNIST_large\.tar\.gz"):
        read_settings({"NOTMNIST_PROFILE": "custom"})


def test_the_profile_sample_takes_no_archives() -> None:
    with pytest.raises(SettingsError, match="NOTMNIST_PROFILE=custom"):
        read_settings({"NOTMNIST_ARCHIVES": "somewhere"})


def test_the_search_radius_is_at_least_the_near_radius() -> None:
    assert read_settings({}).search_radius == SEARCH_RADIUS
    assert read_settings({"NOTMNIST_NEAR_RADIUS": "3"}).search_radius == SEARCH_RADIUS
    assert read_settings({"NOTMNIST_NEAR_RADIUS": "15"}).search_radius == 15


def test_the_webhook_is_read_from_its_variable_and_is_not_a_setting_of_runs() -> None:
    url = "https://hooks.example.org/services/T0/B0/secret"
    assert failure_webhook({"NOTMNIST_FAILURE_WEBHOOK": f" {url} "}) == url
    assert failure_webhook({"NOTMNIST_FAILURE_WEBHOOK": " "}) is None
    assert failure_webhook({}) is None
    assert read_settings({"NOTMNIST_FAILURE_WEBHOOK": url}) == read_settings({})


@pytest.mark.parametrize(
    "url", ["hooks.example.org/secret", "ftp://hooks.example.org/secret", "https://", "http://a secret"]
)
def test_a_webhook_that_is_not_a_url_is_an_error_that_does_not_repeat_it(url: str) -> None:
    with pytest.raises(SettingsError, match="NOTMNIST_FAILURE_WEBHOOK is not a URL; allowed: an http") as caught:
        read_settings({"NOTMNIST_FAILURE_WEBHOOK": url})
    assert url not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_error_of_a_misspelt_webhook_suggests_the_variable() -> None:
    with pytest.raises(SettingsError, match="did you mean NOTMNIST_FAILURE_WEBHOOK"):
        read_settings({"NOTMNIST_FAILURE_WEBHOK": "https://example.org"})


def test_steps_are_executed_in_the_process_of_the_run_unless_the_deployment_says_otherwise() -> None:
    assert place_of_steps({}) == place_of_steps({"NOTMNIST_STEPS": " "}) == "process"
    assert place_of_steps({"NOTMNIST_STEPS": "kubernetes"}) == "kubernetes"
    assert read_settings({"NOTMNIST_STEPS": "kubernetes"}) == read_settings({})
    with pytest.raises(SettingsError, match=r"^NOTMNIST_STEPS=pods: allowed: process, kubernetes$"):
        read_settings({"NOTMNIST_STEPS": "pods"})
