"""A versioned store of values on any fsspec path, where a value is complete or absent.

Layout of the value with key `splits/test`:

    <root>/splits/test/value.json           which version is current: its files, sizes and facts
    <root>/splits/test/<version>/...        the files of that version

Files get their name only when complete, and `value.json` is replaced last, so a killed run leaves the last good
value readable. Belongs here: names, atomic writing, finding. What is inside the files is in `io_managers`.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import uuid4

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from notmnist_assets.curation.errors import CurationError

_MANIFEST: Final = "value.json"
_FORMAT: Final = 1
_VERSION_DIGITS: Final = 16
_UNFINISHED: Final = ".writing-"

WriteFile = Callable[[BinaryIO], None]


@dataclass(frozen=True)
class StoredValue:
    """What is stored under a key: the version, the files' sizes in bytes and facts for the reader."""

    version: str
    files: Mapping[str, int]
    facts: Mapping[str, Any]

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(self.files.values())


class ValueStore:
    """Values by key below one root, a local folder or an fsspec URL."""

    def __init__(self, root: str) -> None:
        self._fs, base = url_to_fs(root)
        self._base = str(base).rstrip("/")
        self.is_local = isinstance(self._fs, LocalFileSystem)

    def write(
        self, key: Sequence[str], version: str, files: Mapping[str, WriteFile], facts: Mapping[str, Any]
    ) -> StoredValue:
        """Store a value and make it the current one.

        Args:
            key: path of the value.
            version: identity of its content; equal versions hold equal files.
            files: what writes each file, by file name.
            facts: JSON values that belong to the value.
        """
        folder = f"{self._folder(key)}/{version[:_VERSION_DIGITS]}"
        if self.is_local:
            _clear_leftovers(Path(folder))
        sizes = {name: self._write_file(f"{folder}/{name}", write) for name, write in files.items()}
        previous = self._previous_version(key)
        manifest = {"format": _FORMAT, "version": version, "files": sizes, "facts": dict(facts)}
        text = json.dumps(manifest, indent=1, sort_keys=True).encode()
        self._write_file(f"{self._folder(key)}/{_MANIFEST}", lambda file: _write_all(file, text))
        self._forget_old_versions(key, {version, previous or version})
        return StoredValue(version, sizes, facts)

    def find(self, key: Sequence[str]) -> StoredValue | None:
        """Return what is stored under a key, None when nothing is.

        Raises:
            CurationError: the manifest is damaged, or a file is missing or has another size than was written.
        """
        stored = self._read_manifest(key)
        if stored is None:
            return None
        for name, size in stored.files.items():
            file = self.file(key, stored, name)
            if not self._fs.exists(file):
                raise self._damaged(key, f"{name} is missing.")
            if (found := int(self._fs.size(file))) != size:
                raise self._damaged(key, f"{name} has {found} bytes, {size} were written.")
        return stored

    def require(self, key: Sequence[str]) -> StoredValue:
        """Return what is stored under a key.

        Raises:
            CurationError: nothing is stored, or it is damaged.
        """
        stored = self.find(key)
        if stored is None:
            raise CurationError(
                f"nothing is stored in {self._folder(key)}.",
                subject="/".join(key),
                remedy="Materialize the asset first, or everything that is missing: notmnist run",
            )
        return stored

    def file(self, key: Sequence[str], stored: StoredValue, name: str) -> str:
        """Return the path of one file, as this store's file system names it."""
        return f"{self._folder(key)}/{stored.version[:_VERSION_DIGITS]}/{name}"

    def uri(self, key: Sequence[str], stored: StoredValue, name: str | None = None) -> str:
        """Return the URI of a file, or of the folder of the version; a plain path when local."""
        path = self.file(key, stored, name or "").rstrip("/")
        return path if self.is_local else str(self._fs.unstrip_protocol(path))

    def open(self, key: Sequence[str], stored: StoredValue, name: str) -> BinaryIO:
        """Open one file for reading."""
        file: BinaryIO = self._fs.open(self.file(key, stored, name), "rb")
        return file

    def _read_manifest(self, key: Sequence[str]) -> StoredValue | None:
        path = f"{self._folder(key)}/{_MANIFEST}"
        if not self._fs.exists(path):
            return None
        try:
            manifest = json.loads(self._fs.cat_file(path))
            return StoredValue(str(manifest["version"]), dict(manifest["files"]), dict(manifest["facts"]))
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(key, f"{_MANIFEST} cannot be read ({error}).") from None

    def _previous_version(self, key: Sequence[str]) -> str | None:
        """Return the version to be replaced; None when there is none, or when what is there is damaged."""
        try:
            stored = self._read_manifest(key)
        except CurationError:
            return None
        return stored.version if stored else None

    def _folder(self, key: Sequence[str]) -> str:
        return "/".join([self._base, *key])

    def _write_file(self, path: str, write: WriteFile) -> int:
        """Write to a temporary name, then move (local) or upload whole (elsewhere); return the size."""
        folder = Path(path).parent if self.is_local else Path(tempfile.gettempdir())
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"{_UNFINISHED}{uuid4().hex}"
        try:
            with temporary.open("xb") as file:
                write(file)
            size = temporary.stat().st_size
            if self.is_local:
                temporary.replace(path)
            else:
                self._fs.put_file(str(temporary), path)
        finally:
            temporary.unlink(missing_ok=True)
        return size

    def _forget_old_versions(self, key: Sequence[str], keep: set[str]) -> None:
        """Delete all but the current and the previous version, which a reader may still have open."""
        kept = {version[:_VERSION_DIGITS] for version in keep}
        for entry in self._fs.ls(self._folder(key), detail=True):
            name = str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]
            is_version = len(name) == _VERSION_DIGITS and set(name) <= set("0123456789abcdef")
            if entry["type"] == "directory" and is_version and name not in kept:
                self._fs.rm(entry["name"], recursive=True)

    def _damaged(self, key: Sequence[str], problem: str) -> CurationError:
        return CurationError(
            f"the stored value in {self._folder(key)} is damaged: {problem}",
            subject="/".join(key),
            remedy="Materialize the asset again.",
        )


def _clear_leftovers(folder: Path) -> None:
    """Delete what a killed writer of the same version left unfinished."""
    for leftover in folder.glob(f"{_UNFINISHED}*"):
        leftover.unlink(missing_ok=True)


def _write_all(file: BinaryIO, data: bytes) -> None:
    file.write(data)
