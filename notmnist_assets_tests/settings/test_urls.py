"""Folders and URLs as settings: passwords are never repeated or shown, mistyped URLs are errors."""

from pathlib import Path

import pytest

from notmnist_assets.settings.deployment import SettingsError
from notmnist_assets.settings.model import read_settings
from notmnist_assets.settings.urls import userinfo, without_userinfo

CUSTOM = {"NOTMNIST_PROFILE": "custom", "NOTMNIST_ARCHIVES": "https://example.org/books"}
GUARDED_MIRROR = "https://user:se%3Acret@example.org:8443/books"


@pytest.mark.parametrize("url", ["s3://key:secret@bucket/x", "s3://key:sec/ret@bucket/x", "ftp://me:secret@host/x"])
def test_a_password_in_the_storage_is_an_error_that_does_not_repeat_it(url: str) -> None:
    with pytest.raises(SettingsError, match="NOTMNIST_STORAGE: the UI shows this URL") as caught:
        read_settings({"NOTMNIST_STORAGE": url})
    assert "ret" not in str(caught.value).replace("SECRET", "")
    assert "FSSPEC_FTP_PASSWORD" in str(caught.value)


@pytest.mark.parametrize("url", ["abfs://container@account.dfs.core.windows.net/x", "s3://bucket/a@b:c"])
def test_an_at_sign_without_a_password_is_allowed_in_the_storage(url: str) -> None:
    assert read_settings({"NOTMNIST_STORAGE": url}).storage == url


def test_a_password_of_a_mirror_is_used_for_requests_and_never_shown() -> None:
    settings = read_settings(CUSTOM | {"NOTMNIST_ARCHIVES": GUARDED_MIRROR})
    assert settings.archives == GUARDED_MIRROR
    assert settings.redacted_archives == "https://example.org:8443/books"
    assert userinfo(GUARDED_MIRROR) == ("user", "se:cret")
    assert userinfo("https://example.org/a@b") is None
    assert without_userinfo("https://example.org/a@b") == "https://example.org/a@b"
    with pytest.raises(SettingsError, match=r"NOTMNIST_ARCHIVES=https://example\.org:8443/books: the") as caught:
        read_settings({"NOTMNIST_ARCHIVES": GUARDED_MIRROR})
    assert "cret" not in str(caught.value)


def test_the_scheme_of_a_url_may_be_in_capitals() -> None:
    assert read_settings({}, {"profile": "custom", "archives": "HTTP://Host/X"}).archives == "http://Host/X"


@pytest.mark.parametrize(
    ("name", "problem"),
    [("archives", "ARCHIVES: this is neither a folder nor"), ("storage", "STORAGE=~nobody-of-this-name/x: .* home ")],
)
def test_the_home_folder_of_an_unknown_user_is_an_error(name: str, problem: str) -> None:
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
def test_a_url_that_is_not_a_base_url_is_an_error_that_does_not_repeat_it(url: str) -> None:
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
def test_a_mistyped_url_is_an_error_that_does_not_repeat_it(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"NOTMNIST_{name}: ") as caught:
        read_settings(CUSTOM | {f"NOTMNIST_{name}": value})
    assert "zebra" not in str(caught.value)
    assert "allowed: " in str(caught.value)


@pytest.mark.parametrize("url", ["s3://bucket/x?secret=zebra", "https://user:zebra@host/books?x"])
def test_a_query_in_the_storage_is_an_error_that_does_not_repeat_it(url: str) -> None:
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
