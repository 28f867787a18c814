"""A versioned store of values on any fsspec path, where a value is complete or absent.

Layout of the value with key `splits/test`:

    <root>/splits/test/value.json           which version is current: its files, sizes and facts
    <root>/splits/test/<version>/...        the files of that version
    <root>/splits/test/<version>-2/...      the same version once more, when it came out as other bytes

Files get their name only when complete, no file of the current value is ever written over, and `value.json` is
replaced last, so a killed run leaves the last good value readable. Belongs here: names, atomic writing, finding. What
is inside the files is in `io_managers`.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import uuid4

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from notmnist_assets.curation.errors import CurationError

_MANIFEST: Final = "value.json"
_FORMAT: Final = 1
_VERSION_DIGITS: Final = 16
_AGAIN: Final = "-2"
_UNFINISHED: Final = ".writing-"
_SURELY_LEFT: Final = 24 * 60 * 60
"""Seconds after which nobody writes an unfinished file any more."""
_BLOCK: Final = 1 << 20

WriteFile = Callable[[BinaryIO], None]


@dataclass(frozen=True)
class StoredValue:
    """What is stored under a key.

    Attributes:
        version: identity of the content.
        files: sizes in bytes.
        facts: for the reader.
        suffix: of the folder's name, where the version was stored once more with other bytes.
    """

    version: str
    files: Mapping[str, int]
    facts: Mapping[str, Any]
    suffix: str = ""

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(self.files.values())

    @property
    def folder(self) -> str:
        """Name of the folder that holds the files."""
        return self.version[:_VERSION_DIGITS] + self.suffix


class StorageUnusableError(CurationError):
    """The storage itself cannot be asked: nothing is known of what it holds."""


class ValueStore:
    """Values by key below one root, a local folder or an fsspec URL."""

    def __init__(self, root: str) -> None:
        self._root = root.rstrip("/")
        try:
            if "://" in root:
                # A list of files that is kept would go on telling of what another process has replaced.
                self._fs, base = url_to_fs(root, use_listings_cache=False)
            else:  # fsspec would take "::" in a path for a chain of file systems
                self._fs, base = LocalFileSystem(), root
        except (ValueError, ImportError, OSError, RuntimeError) as error:
            raise CurationError(
                f"there is no such storage: {error}.",
                subject=root,
                remedy="Set NOTMNIST_STORAGE to a folder, or to an fsspec URL whose package is installed.",
            ) from error
        self._base = str(base).rstrip("/")
        self.is_local = isinstance(self._fs, LocalFileSystem)

    def write(
        self, key: Sequence[str], version: str, files: Mapping[str, WriteFile], facts: Mapping[str, Any]
    ) -> StoredValue:
        """Store a value and make it the current one.

        Args:
            key: path of the value.
            version: identity of its content; equal versions hold equal content, but perhaps in other bytes.
            files: what writes each file, by file name.
            facts: JSON values that belong to the value.
        """
        current = self._whole(key)
        taken = current is not None and current.folder == version[:_VERSION_DIGITS]
        place = StoredValue(version, {}, facts, _AGAIN if taken else "")
        folder = self.file(key, place, "").rstrip("/")
        if self.is_local:
            _clear_leftovers(Path(self._folder(key)))
            _clear_leftovers(Path(folder))
        sizes = {name: self._write_file(f"{folder}/{name}", write) for name, write in files.items()}
        stored = replace(place, files=sizes)
        again = current is not None and current.version == version and self._are_equal(key, current, stored)
        if current is not None and again:
            stored = replace(stored, suffix=current.suffix)
        manifest: dict[str, Any] = {"format": _FORMAT, "version": version, "files": sizes, "facts": dict(facts)}
        if stored.suffix:
            manifest["suffix"] = stored.suffix
        text = json.dumps(manifest, indent=1, sort_keys=True).encode()
        self._write_file(f"{self._folder(key)}/{_MANIFEST}", lambda file: _write_all(file, text))
        if again:  # the version before this one stays, too
            self._delete(folder)
        else:
            self._forget_old_versions(key, {stored.folder, (current or stored).folder})
        return stored

    def find(self, key: Sequence[str]) -> StoredValue | None:
        """Return what is stored under a key, None when nothing is.

        Raises:
            CurationError: the manifest is damaged, or a file is missing or has another size than was written.
            StorageUnusableError: the storage cannot be read.
        """
        stored = self._read_manifest(key)
        if stored is None:
            return None
        for name, size in stored.files.items():
            try:
                with self._reached():
                    found = int(self._fs.info(self.file(key, stored, name))["size"])
            except FileNotFoundError:
                raise self._damaged(key, f"{name} is missing.") from None
            if found != size:
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
                remedy="Make it first, and all that is missing: notmnist run",
            )
        return stored

    def file(self, key: Sequence[str], stored: StoredValue, name: str) -> str:
        """Return the path of one file, as this store's file system names it."""
        return f"{self._folder(key)}/{stored.folder}/{name}"

    def uri(self, key: Sequence[str], stored: StoredValue, name: str | None = None) -> str:
        """Return the URI of a file, or of the folder of the version; a plain path when local."""
        path = self.file(key, stored, name or "").rstrip("/")
        return path if self.is_local else self._root + path.removeprefix(self._base)

    def open(self, key: Sequence[str], stored: StoredValue, name: str) -> BinaryIO:
        """Open one file for reading."""
        with self._reached():
            file: BinaryIO = self._fs.open(self.file(key, stored, name), "rb")
        return file

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Tell in words of a storage that cannot be asked; what is not there stays a FileNotFoundError."""
        # Every store's package raises errors of its own kinds.
        unusable = OSError if self.is_local else Exception
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise
        except unusable as error:
            raise StorageUnusableError(
                f"the storage cannot be used: {str(error).rstrip('.')}.",
                subject=self._base,
                remedy="Check NOTMNIST_STORAGE, the network and what you may do there, then start again.",
            ) from error

    def _read_manifest(self, key: Sequence[str]) -> StoredValue | None:
        try:
            with self._reached():
                text = self._fs.cat_file(f"{self._folder(key)}/{_MANIFEST}")
            manifest = json.loads(text)
            stored = StoredValue(
                str(manifest["version"]),
                dict(manifest["files"]),
                dict(manifest["facts"]),
                str(manifest.get("suffix", "")),
            )
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError, IsADirectoryError) as error:
            raise self._damaged(key, f"{_MANIFEST} cannot be read ({error}).") from None
        if manifest.get("format") != _FORMAT:
            raise self._damaged(key, f"{_MANIFEST} has the format {manifest.get('format')}, of another release.")
        if not stored.files:
            raise self._damaged(key, f"{_MANIFEST} names no files.")
        return stored

    def _whole(self, key: Sequence[str]) -> StoredValue | None:
        """Return what is stored; None when there is nothing, or when it is damaged."""
        try:
            return self.find(key)
        except CurationError:
            return None

    def _are_equal(self, key: Sequence[str], one: StoredValue, other: StoredValue) -> bool:
        """Tell whether two stored values consist of the same bytes."""
        if one.files != other.files:
            return False
        for name in one.files:
            with self.open(key, one, name) as first, self.open(key, other, name) as second:
                while block := first.read(_BLOCK):
                    if block != second.read(_BLOCK):
                        return False
        return True

    def _folder(self, key: Sequence[str]) -> str:
        return "/".join([self._base, *key])

    def _write_file(self, path: str, write: WriteFile) -> int:
        """Write to a temporary name, then move (local) or upload whole (elsewhere); return the size."""
        try:
            return self._written(path, write)
        except OSError as error:
            raise CurationError(
                f"it cannot be written: {error}.",
                subject=path,
                remedy="Free space or allow writing there, or set NOTMNIST_STORAGE to another place; then start again.",
            ) from error

    def _written(self, path: str, write: WriteFile) -> int:
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
                with self._reached():
                    self._fs.put_file(str(temporary), path)
        finally:
            temporary.unlink(missing_ok=True)
        return size

    def _forget_old_versions(self, key: Sequence[str], kept: set[str]) -> None:
        """Delete all folders but those of the current and the previous version, which a reader may still have open."""
        with self._reached():
            entries = self._fs.ls(self._folder(key), detail=True)
        for entry in entries:
            name = str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]
            digits = name.removesuffix(_AGAIN)
            is_version = len(digits) == _VERSION_DIGITS and set(digits) <= set("0123456789abcdef")
            if entry["type"] == "directory" and is_version and name not in kept:
                self._delete(entry["name"])

    def _delete(self, folder: str) -> None:
        with self._reached():
            self._fs.rm(folder, recursive=True)

    def _damaged(self, key: Sequence[str], problem: str) -> CurationError:
        return damaged(key, f"the stored value in {self._folder(key)} is damaged: {problem}")


def damaged(key: Sequence[str], problem: str) -> CurationError:
    """Return the error that tells what is wrong with a stored value, and the command that makes it again."""
    asset = "/".join(key)
    return CurationError(problem, subject=asset, remedy=f"Make it again: notmnist run {asset}")


def _clear_leftovers(folder: Path) -> None:
    """Delete what killed writers left unfinished, and nothing that another may be writing now."""
    for leftover in folder.glob(f"{_UNFINISHED}*"):
        with suppress(FileNotFoundError):
            if time.time() - leftover.stat().st_mtime > _SURELY_LEFT:
                leftover.unlink()


def _write_all(file: BinaryIO, data: bytes) -> None:
    file.write(data)
