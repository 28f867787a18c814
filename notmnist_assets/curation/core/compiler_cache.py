"""Where compiled loops are kept: a folder for temporary files where neither the package nor the home can be written."""

import os
import tempfile
from pathlib import Path
from typing import Final

_VARIABLE: Final = "NUMBA_CACHE_DIR"


def use_writable_cache() -> None:
    """Name a folder to Numba where its own places cannot be written; call it before Numba is imported."""
    if _VARIABLE not in os.environ and not any(map(_can_be_written, _usual_places())):
        os.environ[_VARIABLE] = str(_temporary_place())


def _usual_places() -> list[Path]:
    """Return beside which folders Numba keeps what it compiled: the package, and the user's caches."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return [Path(__file__).parent, Path(caches)]


def _can_be_written(folder: Path) -> bool:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return os.access(existing, os.W_OK | os.X_OK)


def _temporary_place() -> Path:
    """Return a folder that only this user can write: what is in it is executed."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"notmnist_assets-numba-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if folder.is_symlink() or found.st_uid != user or found.st_mode & 0o022:
            raise PermissionError(folder)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="notmnist_assets-numba-"))
    return folder
