"""Creates and deletes the folders of the versions of a value: `<version>`, or `<version>-2`, `-3` for other bytes."""

import os
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from notmnist_assets.storage.errors import StorageUnusableError
from notmnist_assets.storage.filesystem import FileSystem
from notmnist_assets.storage.manifest import VERSION_DIGITS

_VERSION_FOLDER: Final = re.compile(rf"([0-9a-f]{{{VERSION_DIGITS}}})(?:-([0-9]+))?")


class VersionFolders:
    """The version folders below the folder of a value."""

    def __init__(self, files: FileSystem, folder: str) -> None:
        self._files = files
        self._folder = folder

    def add(self, version: str, content: Path, names: Sequence[str]) -> str:
        """Move or upload complete files into a new folder and return its name.

        Args:
            version: identity of the content, hexadecimal.
            content: local folder that contains the files; on a local file system, it becomes the new folder.
            names: the files.
        """
        name = version[:VERSION_DIGITS]
        numbers = [int(found[2] or 1) for found in self._all() if found[1] == name]
        for number in count(max(numbers, default=0) + 1):
            folder = f"{name}-{number}" if number > 1 else name
            if self._move(content, f"{self._folder}/{folder}", names):
                return folder
        raise AssertionError

    def _move(self, content: Path, target: str, names: Sequence[str]) -> bool:
        """Return False if another process has just stored the same version under this name."""
        try:
            if self._files.is_local:
                content.rename(target)
            else:
                for file in names:
                    self._files.create(content / file, f"{target}/{file}")
        except FileExistsError:
            return False
        except OSError:
            if self._files.is_local and os.path.lexists(target):
                return False
            raise
        return True

    def names(self) -> set[str]:
        """Return the names of all version folders."""
        return {found[0] for found in self._all()}

    def delete(self, names: AbstractSet[str]) -> None:
        """Delete version folders; folders that cannot be deleted are left."""
        with suppress(StorageUnusableError, FileNotFoundError):
            for name in sorted(names):
                self._files.delete_folder(f"{self._folder}/{name}")

    def _all(self) -> list[re.Match[str]]:
        return [found for name in self._files.folders(self._folder) if (found := _VERSION_FOLDER.fullmatch(name))]
