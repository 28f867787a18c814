"""Validates settings that are a folder or a URL, and separates the password of a URL from what may be shown."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

BASE_URL_RULE: Final = (
    "this is neither a folder nor a base URL; allowed: http(s)://[user:password@]host[:port]/folder, special characters"
    " of a password percent-encoded"
)
"""The message for a wrong value of `archives`."""
STORAGE_RULE: Final = (
    "the UI shows this URL, so it cannot contain a password or a query; allowed: a folder, or the URL without them, and"
    " the password where the package of the storage reads it, such as AWS_SECRET_ACCESS_KEY or FSSPEC_FTP_PASSWORD"
)
"""The message for a value of `storage` that may contain a password."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""At least two characters, because one is the letter of a Windows drive."""
_USERINFO: Final = re.compile(r"(?<=://)([^/?#]*)@")


def without_userinfo(url: str) -> str:
    """Return a URL without user and password, any other text unchanged."""
    return _USERINFO.sub("", url, count=1)


def userinfo(url: str) -> tuple[str, str] | None:
    """Return user and password of a URL, percent-decoded; None if it has none."""
    found = _USERINFO.search(url)
    if found is None:
        return None
    user, _, password = found[1].partition(":")
    return unquote(user), unquote(password)


def absolute_path(path: str) -> str:
    """Return the absolute path of a folder, with `~` expanded; a URL unchanged.

    Raises:
        ValueError: there is no home folder for `~`.
    """
    if "://" in path:
        return path
    try:
        return str(Path(path).expanduser().absolute())
    except RuntimeError as error:
        raise ValueError(str(error)) from error


def base_url(value: str) -> str:
    """Return an http(s) or file URL with its scheme in lower case; a value without `://` unchanged.

    Raises:
        ValueError: the URL has another scheme, no host, or a query or fragment, which a file name cannot follow.
    """
    scheme, separator, rest = value.partition("://")
    if not separator:
        return value
    url = f"{scheme.lower()}://{rest}"
    if scheme.lower() == "file":
        if is_mistyped_url(rest):
            raise ValueError(BASE_URL_RULE)
        return url
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and not parts.query and not parts.fragment and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.scheme not in ("http", "https"):
        raise ValueError(BASE_URL_RULE)
    return url


def may_contain_password(url: str) -> bool:
    """Return whether a URL has a user with a password, or a query."""
    rest = url.partition("://")[2]
    before, at, _ = rest.partition("@")
    return bool(at and ":" in before) or "?" in rest


def is_mistyped_url(value: str) -> bool:
    """Return whether a value without `://` has the `@`, scheme or query of a URL outside of existing folders.

    Such a value would pass as the path of a folder and be shown with its password.
    """
    if "://" in value or not ("@" in value or "?" in value or _SCHEME.match(value)):
        return False
    try:
        path = Path(value).expanduser()
        existing = next((folder for folder in (path, *path.parents) if folder.parts and folder.is_dir()), Path())
        rest = path.relative_to(existing).as_posix()
    except (OSError, RuntimeError, ValueError):
        return True
    return "@" in rest or "?" in rest or _SCHEME.match(rest) is not None
