"""Gives Numba a temporary folder as its cache if it can write neither beside the package nor in the user's cache."""

import os
import tempfile
from pathlib import Path
from typing import Final

_VARIABLE: Final = "NUMBA_CACHE_DIR"


def use_writable_cache() -> None:
    """Set NUMBA_CACHE_DIR if Numba can write to none of its default folders; call this before Numba is imported."""
    if _VARIABLE not in os.environ and not any(map(_can_be_written, _default_folders())):
        os.environ[_VARIABLE] = str(_temporary_folder())


def _default_folders() -> list[Path]:
    """Return the folders in which Numba caches compiled code by default."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return [Path(__file__).parent, Path(caches)]


def _can_be_written(folder: Path) -> bool:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return os.access(existing, os.W_OK | os.X_OK)


def _temporary_folder() -> Path:
    """Return a folder that only this user can write, since the code in it is executed."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"notmnist_assets-numba-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if folder.is_symlink() or status.st_uid != user or status.st_mode & 0o022:
            raise PermissionError(folder)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="notmnist_assets-numba-"))
    return folder
