"""Opens the Dagster instance in the folder of the history, with the `dagster.yaml` of the package as default."""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

import dagster as dg
from filelock import FileLock
from sqlalchemy.exc import DBAPIError

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.settings.model import project_home, read_settings

_HOME: Final = "DAGSTER_HOME"
_CONFIGURATION: Final = "dagster.yaml"
_LOCK: Final = "history.lock"


def instance_home() -> Path:
    """Return the folder of the history: DAGSTER_HOME, else one for each profile in `.dagster` of the project's folder.

    A history keeps one last materialization per asset, so profiles that share one would replace each other's.
    """
    chosen = os.environ.get(_HOME)
    return Path(chosen) if chosen else project_home() / ".dagster" / read_settings().profile


def shipped_configuration() -> str:
    """Return the `dagster.yaml` of the package."""
    return files(__package__).joinpath(_CONFIGURATION).read_text(encoding="utf-8")


@contextmanager
def open_instance() -> Iterator[dg.DagsterInstance]:
    """Open the instance in `instance_home()`; a folder without `dagster.yaml` gets that of the package.

    Raises:
        CurationError: the history cannot be read or written; no remedy deletes the history.
    """
    home = instance_home()
    with ExitStack() as stack:
        try:
            instance = stack.enter_context(_instance(home))
        # A wrong dagster.yaml, a file in place of the folder and a damaged file raise errors of different kinds.
        except Exception as error:
            raise _unusable_error(home, error) from error
        try:
            yield instance
        except DBAPIError as error:
            raise _unusable_error(home, error) from error


def _instance(home: Path) -> dg.DagsterInstance:
    if not home.is_absolute():
        raise ValueError("this is not an absolute path")
    home.mkdir(parents=True, exist_ok=True)
    # Dagster creates a new history in steps; two processes that do so at the same time leave it incomplete.
    with FileLock(home / _LOCK):
        if not (home / _CONFIGURATION).exists():
            (home / _CONFIGURATION).write_text(shipped_configuration(), encoding="utf-8")
        os.environ[_HOME] = str(home)
        return dg.DagsterInstance.get()


def _unusable_error(home: Path, error: Exception) -> CurationError:
    """Return the error with the cause and a remedy that keeps the history."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    message = (str(cause).strip() or repr(cause)).splitlines()[0]
    return CurationError(
        f"Dagster's history cannot be used: {message.rstrip('.:')}.", subject=str(home), remedy=_remedy(home, cause)
    )


def _remedy(home: Path, cause: BaseException) -> str:
    message, number = str(cause).lower(), getattr(cause, "errno", None)
    if not home.is_absolute():
        return f"Set {_HOME} to an absolute path."
    if "locked" in message:
        return "Another program has locked it: start again when that has ended."
    if number in (errno.ENOSPC, errno.EDQUOT) or "is full" in message:
        first = "Free space on its disk"
    elif "disk i/o error" in message:  # SQLite's error for a broken disk and, in some places, for a full one
        first = "Free space on its disk and check it"
    elif (
        isinstance(cause, PermissionError)
        or number == errno.EROFS
        or "readonly" in message
        or "unable to open" in message
    ):
        first = "Allow this user to write there"
    elif "not a database" in message or "malformed" in message:
        first = "Restore it from a backup"
    elif isinstance(cause, OSError):
        first = "Check its files"
    else:
        first = f"Correct {home / _CONFIGURATION}"
    return f"{first}, or set {_HOME} to the absolute path of another folder."


if __name__ == "__main__":
    with open_instance():
        pass
