"""What assets hand to the storage for other programs: files that are written straight to where they are kept.

Belongs here: the two values. What is in the files is decided by the assets `exports/*` and `report/html`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from notmnist_assets.storage.store import WriteFile


@dataclass(frozen=True)
class ExportedFile:
    """A file for other programs: its name, the identity of its content, and what writes it."""

    name: str
    version: str
    write: WriteFile

    @property
    def files(self) -> Mapping[str, WriteFile]:
        """What writes it, by name."""
        return {self.name: self.write}


@dataclass(frozen=True)
class ExportedFolder:
    """A folder of two or more files for other programs: the identity of their content, what writes each, by name."""

    version: str
    files: Mapping[str, WriteFile]
