"""Folders of the versions of one value: `<version>`, then `<version>-2`, `-3` for the same version in other bytes."""

import os
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
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
        number = max(numbers, default=0) + 1
        while True:
            folder = f"{name}-{number}" if number > 1 else name
            target = f"{self._folder}/{folder}"
            if not self._files.is_local:
                for file in names:
                    self._files.put(content / file, f"{target}/{file}")
                return folder
            try:
                content.rename(target)
            except OSError:
                if not os.path.lexists(target):
                    raise
                number += 1  # another process has just stored the same version
            else:
                return folder

    def delete_except(self, kept: AbstractSet[str]) -> None:
        """Delete all version folders except the named ones; the next call retries what cannot be deleted now."""
        with suppress(StorageUnusableError, FileNotFoundError):
            for found in self._all():
                if found[0] not in kept:
                    self._files.delete_folder(f"{self._folder}/{found[0]}")

    def _all(self) -> list[re.Match[str]]:
        return [found for name in self._files.folders(self._folder) if (found := _VERSION_FOLDER.fullmatch(name))]
