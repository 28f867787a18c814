"""Temporary folders that the next process removes if their own process is killed.

Each folder contains a lock file, which the process that uses the folder keeps locked. The operating system releases the
lock when the process ends, so an unlocked folder has no owner. Unlike process ids, this works for processes in other
containers and on other hosts that share the folder.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

_LOCK: Final = "in-use.lock"
_CONTENT: Final = "content"
_ATTEMPTS: Final = 10
PREFIX: Final = "notmnist-scratch-"
"""Start of the names of scratch folders in the system's temporary folder."""


@contextmanager
def scratch_folder(parent: Path | None = None, prefix: str = PREFIX) -> Iterator[Path]:
    """Provide an empty folder and remove it afterwards; first remove folders of the same prefix without an owner.

    Args:
        parent: existing folder to create it in; the system's temporary folder by default.
        prefix: start of its name. Folders of this user with this prefix count as scratch folders if they are empty or
            contain a lock file.

    Raises:
        OSError: the folder cannot be created.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    _remove_abandoned(parent, prefix)
    folder, lock = _locked_folder(parent, prefix)
    try:
        content = folder / _CONTENT
        content.mkdir()
        yield content
    finally:
        shutil.rmtree(folder / _CONTENT, ignore_errors=True)
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _locked_folder(parent: Path, prefix: str) -> tuple[Path, FileLock]:
    for _ in range(_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = FileLock(folder / _LOCK)
        # Another process may have locked and removed the folder between these lines. If it does so while `acquire`
        # checks that the folder exists, the error is FileExistsError.
        with suppress(Timeout, FileNotFoundError, FileExistsError):
            lock.acquire(timeout=0)
            if (folder / _LOCK).exists():
                return folder, lock
        lock.release()
    raise FileExistsError(f"no scratch folder could be created in {parent}: other processes remove them")


def _remove_abandoned(parent: Path, prefix: str) -> None:
    for folder in parent.glob(f"{prefix}*"):
        # Folders of other users, or that cannot be read, are left to their owners.
        with suppress(OSError, Timeout):
            if folder.is_symlink() or not _is_ours(folder):
                continue
            if not (folder / _LOCK).is_file():
                # Its process was killed before it created the lock or after it deleted it, when the folder is empty. A
                # process that is still running creates another one.
                folder.rmdir()
                continue
            lock = FileLock(folder / _LOCK)
            lock.acquire(timeout=0)
            try:
                shutil.rmtree(folder / _CONTENT, ignore_errors=True)
            finally:
                lock.release()
            shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
