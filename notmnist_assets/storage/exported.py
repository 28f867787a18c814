"""Values of the assets `exports/*`: files for other programs, which are written directly to the storage."""

from collections.abc import Mapping
from dataclasses import dataclass

from notmnist_assets.storage.store import WriteFile


@dataclass(frozen=True)
class ExportedFile:
    """A file for other programs.

    Attributes:
        name: file name.
        version: identity of the content, hexadecimal.
        write: writes the content to an open file.
    """

    name: str
    version: str
    write: WriteFile

    @property
    def files(self) -> Mapping[str, WriteFile]:
        """The function that writes the file, by file name."""
        return {self.name: self.write}


@dataclass(frozen=True)
class ExportedFolder:
    """A folder of two or more files for other programs.

    Attributes:
        version: identity of the content, hexadecimal.
        files: the function that writes each file, by file name.
    """

    version: str
    files: Mapping[str, WriteFile]
