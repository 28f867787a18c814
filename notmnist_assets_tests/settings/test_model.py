"""Settings: defaults by profile, what wins over what, and refusals that tell what is allowed."""

from pathlib import Path

import pytest

from notmnist_assets.curation.core.published import BASE_URL
from notmnist_assets.settings.model import (
    SEARCH_RADIUS,
    Settings,
    SettingsError,
    failure_webhook,
    project_home,
    read_settings,
    userinfo,
    without_userinfo,
)

CUSTOM = {"NOTMNIST_PROFILE": "custom", "NOTMNIST_ARCHIVES": "https://example.org/books"}


def test_the_sample_is_the_default_profile() -> None:
    settings = read_settings({})
    assert settings.profile == "sample"
    assert settings.archives is None
    assert settings.storage == str(project_home() / "data")
    assert settings.seed == 133
    assert settings.near_radius is None
    assert settings.train_size is not None


def test_the_full_profile_is_the_assignment() -> None:
    settings = read_settings({"NOTMNIST_PROFILE": "full"})
    assert settings.archives == BASE_URL
    assert (settings.train_size, settings.valid_size, settings.test_size) == (200_000, 10_000, 10_000)
    assert settings.minimum == {"large": 45_000, "small": 1_800}


def test_custom_takes_sizes_from_the_data() -> None:
    settings = read_settings(CUSTOM)
    assert (settings.train_size, settings.valid_size, settings.test_size) == (None, None, None)
    assert settings.minimum == {"large": 1, "small": 1}


def test_the_environment_wins_over_the_profile_and_overrides_win_over_both() -> None:
    environment = {"NOTMNIST_PROFILE": "full", "NOTMNIST_TRAIN_SIZE": "5000", "NOTMNIST_SEED": "7"}
    settings = read_settings(environment, {"seed": 8, "valid_size": None})
    assert settings.train_size == 5000
    assert settings.valid_size == 10_000
    assert settings.seed == 8


def test_an_overridden_profile_brings_its_own_defaults() -> None:
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
        ("TRAIN_SIZE", "many", "integer of at least 10 that 10 divides"),
        ("TRAIN_SIZE", "15", "integer of at least 10 that 10 divides"),
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
        ("SANITIZE_REPEATS", "no", "drop, keep"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_is_allowed(variable: str, value: str, allowed: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({f"NOTMNIST_{variable}": value})
    assert f"NOTMNIST_{variable}={value}" in str(caught.value)
    assert allowed in str(caught.value)


def test_all_wrong_values_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"NOTMNIST_SEED": "x", "NOTMNIST_TEST_SIZE": "y"})
    assert "NOTMNIST_SEED=x" in str(caught.value)
    assert "NOTMNIST_TEST_SIZE=y" in str(caught.value)


def test_an_unknown_variable_is_refused_with_the_likely_one() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"NOTMNIST_TRAINSIZE": "100"})
    assert "NOTMNIST_TRAINSIZE is not a setting; did you mean NOTMNIST_TRAIN_SIZE" in str(caught.value)


def test_an_unknown_variable_unlike_all_others_is_refused_with_the_list() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"NOTMNIST_QQQ": "1"})
    assert all(f"NOTMNIST_{name.upper()}" in str(caught.value) for name in Settings.model_fields)


def test_variables_of_others_are_none_of_our_business() -> None:
    assert read_settings({"MYNOTMNIST_X": "1", "PATH": "/bin"}) == read_settings({})


def test_custom_without_archives_says_what_is_missing() -> None:
    with pytest.raises(SettingsError, match=r"NOTMNIST_ARCHIVES is not set.*notMNIST_large\.tar\.gz"):
        read_settings({"NOTMNIST_PROFILE": "custom"})


GUARDED_MIRROR = "https://user:se%3Acret@example.org:8443/books"


@pytest.mark.parametrize("url", ["s3://key:secret@bucket/x", "s3://key:sec/ret@bucket/x", "ftp://me:secret@host/x"])
def test_a_password_in_the_storage_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="NOTMNIST_STORAGE: a password has no place") as caught:
        read_settings({"NOTMNIST_STORAGE": url})
    assert "ret" not in str(caught.value).replace("SECRET", "")
    assert "FSSPEC_FTP_PASSWORD" in str(caught.value)


@pytest.mark.parametrize("url", ["abfs://container@account.dfs.core.windows.net/x", "s3://bucket/a@b:c"])
def test_other_signs_of_that_kind_in_the_storage_stay(url: str) -> None:
    assert read_settings({"NOTMNIST_STORAGE": url}).storage == url


def test_a_password_of_a_mirror_is_kept_for_requests_and_left_out_of_what_is_told() -> None:
    settings = read_settings(CUSTOM | {"NOTMNIST_ARCHIVES": GUARDED_MIRROR})
    assert settings.archives == GUARDED_MIRROR
    assert settings.redacted_archives == "https://example.org:8443/books"
    assert userinfo(GUARDED_MIRROR) == ("user", "se:cret")
    assert userinfo("https://example.org/a@b") is None
    assert without_userinfo("https://example.org/a@b") == "https://example.org/a@b"
    with pytest.raises(SettingsError, match=r"NOTMNIST_ARCHIVES=https://example\.org:8443/books: the") as caught:
        read_settings({"NOTMNIST_ARCHIVES": GUARDED_MIRROR})
    assert "cret" not in str(caught.value)


def test_the_scheme_of_a_url_may_be_written_in_capitals() -> None:
    assert read_settings({}, {"profile": "custom", "archives": "HTTP://Host/X"}).archives == "http://Host/X"


@pytest.mark.parametrize(
    ("name", "problem"),
    [("archives", "ARCHIVES: this is neither a folder nor"), ("storage", "STORAGE=~nobody-of-this-name/x: .* home ")],
)
def test_a_home_of_nobody_is_refused_in_words(name: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        read_settings({}, {"profile": "custom", "archives": "/x", name: "~nobody-of-this-name/x"})


@pytest.mark.parametrize(
    "url",
    [
        "https://host/books?token=secret",
        "https://host/#secret",
        "https://user:se/cret@host/books",
        "http:///x",
        "ftp://host/books",
        "s3://bucket",
    ],
)
def test_what_is_no_base_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError, match="NOTMNIST_ARCHIVES: this is neither a folder nor a base URL") as caught:
        read_settings(CUSTOM | {"NOTMNIST_ARCHIVES": url})
    assert url not in str(caught.value)
    assert "cret" not in str(caught.value)


MISTYPED = [
    "https:/user:zebra@host/books",
    "https:user:zebra@host",
    "user:zebra@host",
    "//user:zebra@host/books",
    "host/books?secret=zebra",
    "s3:zebra",
    "file://user:zebra@host/books",
    "https://user:zebra@[host/books",
    "~user:zebra@host",
]


@pytest.mark.parametrize("value", MISTYPED)
@pytest.mark.parametrize("name", ["ARCHIVES", "STORAGE"])
def test_a_mistyped_url_is_refused_without_repeating_it(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"NOTMNIST_{name}: ") as caught:
        read_settings(CUSTOM | {f"NOTMNIST_{name}": value})
    assert "zebra" not in str(caught.value)
    assert "allowed: " in str(caught.value)


@pytest.mark.parametrize("url", ["s3://bucket/x?secret=zebra", "https://user:zebra@host/books?x"])
def test_a_query_in_the_storage_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError, match="NOTMNIST_STORAGE: ") as caught:
        read_settings({"NOTMNIST_STORAGE": url})
    assert "zebra" not in str(caught.value)


def test_a_folder_may_be_named_like_a_mistyped_url(tmp_path: Path) -> None:
    folder = tmp_path / "me@work?"
    folder.mkdir()
    settings = read_settings({}, {"profile": "custom", "archives": str(folder), "storage": str(folder)})
    assert (settings.archives, settings.storage) == (str(folder), str(folder))


def test_the_default_storage_may_lie_in_a_folder_named_like_a_mistyped_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "me@work"
    home.mkdir()
    monkeypatch.setattr("notmnist_assets.settings.model.project_home", lambda: home)
    assert read_settings({}).storage == str(home / "data")


def test_archives_for_the_sample_are_a_misunderstanding() -> None:
    with pytest.raises(SettingsError, match="NOTMNIST_PROFILE=custom"):
        read_settings({"NOTMNIST_ARCHIVES": "somewhere"})


def test_pairs_are_searched_as_far_as_the_radius_needs() -> None:
    assert read_settings({}).search_radius == SEARCH_RADIUS
    assert read_settings({"NOTMNIST_NEAR_RADIUS": "3"}).search_radius == SEARCH_RADIUS
    assert read_settings({"NOTMNIST_NEAR_RADIUS": "15"}).search_radius == 15


def test_the_webhook_for_failures_is_a_variable_of_the_deployment_and_no_setting_of_runs() -> None:
    url = "https://hooks.example.org/services/T0/B0/secret"
    assert failure_webhook({"NOTMNIST_FAILURE_WEBHOOK": f" {url} "}) == url
    assert failure_webhook({"NOTMNIST_FAILURE_WEBHOOK": " "}) is None
    assert failure_webhook({}) is None
    assert read_settings({"NOTMNIST_FAILURE_WEBHOOK": url}) == read_settings({})


@pytest.mark.parametrize(
    "url", ["hooks.example.org/secret", "ftp://hooks.example.org/secret", "https://", "http://a secret"]
)
def test_a_webhook_that_is_no_url_is_refused_at_start_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError, match="NOTMNIST_FAILURE_WEBHOOK is not a URL; allowed: an http") as caught:
        read_settings({"NOTMNIST_FAILURE_WEBHOOK": url})
    assert url not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_misspelt_webhook_is_refused_with_the_likely_one() -> None:
    with pytest.raises(SettingsError, match="did you mean NOTMNIST_FAILURE_WEBHOOK"):
        read_settings({"NOTMNIST_FAILURE_WEBHOK": "https://example.org"})
