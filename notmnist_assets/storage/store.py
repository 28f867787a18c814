"""Stores versions of values on any fsspec path, and detects values that are incomplete or were changed.

Layout of the value with key `splits/test`:

    <root>/splits/test/value.json           the manifest of the current version: its files, sizes, digests and facts
    <root>/splits/test/<version>/...        the files of that version
    <root>/splits/test/<version>-2/...      the same version stored again, in other bytes; then -3 and so on

A folder gets its name only when all its files are complete, no stored file is ever overwritten, and `value.json` is
replaced last, so a killed run leaves the last good value. It is replaced only if it has not changed since the writer
started, so that of two writers of one value one fails. The bytes of a file are compared with their digest each time
before it is read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.scratch import scratch_folder
from notmnist_assets.storage import manifest
from notmnist_assets.storage.errors import NoDigestsError, StorageUnusableError, damage_error, temporary_folder_error
from notmnist_assets.storage.filesystem import FileSystem, ReplacedError
from notmnist_assets.storage.manifest import Manifest, file_digest
from notmnist_assets.storage.versions import VersionFolders

__all__ = ["Manifest", "NoDigestsError", "StorageUnusableError", "ValueStore", "WriteFile", "damage_error"]

_UNFINISHED: Final = ".writing-"

WriteFile = Callable[[BinaryIO], None]


class ValueStore:
    """Values by key below one root, a local folder or an fsspec URL.

    Attributes:
        is_local: whether the root is a local folder.
    """

    def __init__(self, root: str) -> None:
        self._files = FileSystem(root)
        self.is_local = self._files.is_local

    def write(
        self, key: Sequence[str], version: str, files: Mapping[str, WriteFile], facts: Mapping[str, Any]
    ) -> Manifest:
        """Store a value and make it the current one.

        Args:
            key: path of the value.
            version: identity of its content, hexadecimal. Equal versions have equal content; the bytes of their
                files may differ.
            files: the function that writes each file, by file name.
            facts: JSON values to store beside the files.

        Raises:
            CurationError: the files cannot be written, or another process has stored a value under the same key
                meanwhile, which stays.
        """
        with self._scratch(key) as scratch:
            versions = self._versions(key)
            revision, current, before = self._files.revision(self._manifest(key)), self._current(key), versions.names()
            content = scratch / "content"
            content.mkdir()
            sizes, digests = {}, {}
            for name, write in files.items():
                with (content / name).open("xb") as file:
                    write(file)
                with (content / name).open("rb") as file:
                    digests[name] = file_digest(file)
                    sizes[name] = file.tell()
            stored = Manifest(version, sizes, facts, digests)
            if current and (current.version, current.digests) == (version, digests) and self._is_intact(key, current):
                stored = replace(stored, folder=current.folder)
            else:
                stored = replace(stored, folder=versions.add(version, content, list(files)))
            try:
                self._write_manifest(key, stored, scratch, revision)
            except ReplacedError:
                versions.delete({stored.folder} - before)
                raise CurationError(
                    "another run stored this asset at the same time. Its value stays, and this run's is discarded.",
                    subject="/".join(key),
                    remedy="Start again when the other run has ended: notmnist run",
                ) from None
        if revision is None:
            # Nobody reads what a killed writer left, and another first writer fails, as the manifest is there now.
            versions.delete(before - {stored.folder})
        elif current is not None and current.folder != stored.folder:
            # A reader may still have the previous version open, and another process may be writing a new one.
            versions.delete(before - {stored.folder, current.folder})
        return stored

    def find(self, key: Sequence[str]) -> Manifest | None:
        """Return the manifest of the value under a key, None if nothing is stored; the files are not read.

        Raises:
            CurationError: the manifest is damaged, a file is missing or differs in size from what was written, or an
                earlier release stored the value without digests (NoDigestsError).
            StorageUnusableError: the storage cannot be read.
        """
        stored = self._read_manifest(key)
        if stored is None:
            return None
        if not stored.digests:
            asset = "/".join(key)
            raise NoDigestsError(
                "an earlier release stored it without digests, so a change of its files cannot be detected.",
                subject=asset,
                remedy=f"Materialize it again: notmnist run {asset}. If that is impossible and you trust the files:"
                " notmnist verify --record",
            )
        self._check_sizes(key, stored)
        return stored

    def require(self, key: Sequence[str]) -> Manifest:
        """Return the manifest of the value under a key.

        Raises:
            CurationError: nothing is stored, or it is damaged.
        """
        stored = self.find(key)
        if stored is None:
            raise CurationError(
                f"nothing is stored in {self._folder(key)}.",
                subject="/".join(key),
                remedy="Materialize everything that is missing: notmnist run",
            )
        return stored

    def facts(self, key: Sequence[str]) -> Mapping[str, Any]:
        """Return the facts of the value under a key, without looking at its files; empty if nothing is stored."""
        stored = self._read_manifest(key)
        return stored.facts if stored else {}

    def verify(self, key: Sequence[str], stored: Manifest) -> None:
        """Compare all files of a value with their digests.

        Raises:
            CurationError: a file cannot be read, or differs from what was written.
        """
        for name in stored.files:
            with self._explain_read_errors(key, name):
                digest = self._files.digest(self.file(key, stored, name))
            self._check_digest(key, stored, name, digest)

    def record_digests(self, key: Sequence[str]) -> Manifest | None:
        """Record digests for a value that an earlier release stored without; its files are assumed to be unchanged.

        Returns:
            The manifest with its digests; None if nothing is stored, or if it already has digests.

        Raises:
            CurationError: a file is missing, unreadable, or differs in size from what was written.
        """
        stored = self._read_manifest(key)
        if stored is None or stored.digests:
            return None
        self._check_sizes(key, stored)
        digests = {}
        for name in stored.files:
            with self._explain_read_errors(key, name):
                digests[name] = self._files.digest(self.file(key, stored, name))
        stored = replace(stored, digests=digests)
        with self._scratch(key) as scratch:
            self._write_manifest(key, stored, scratch, self._files.revision(self._manifest(key)))
        return stored

    def file(self, key: Sequence[str], stored: Manifest, name: str) -> str:
        """Return the path of a file in the store's file system, without reading it."""
        return f"{self._folder(key)}/{stored.folder}/{name}"

    def verified_file(self, key: Sequence[str], stored: Manifest, name: str) -> Path:
        """Compare a file of a local store with its digest and return its path.

        Raises:
            CurationError: the file cannot be read, or differs from what was written.
        """
        self.open(key, stored, name).close()
        return Path(self.file(key, stored, name))

    def uri(self, key: Sequence[str], stored: Manifest, name: str | None = None) -> str:
        """Return the URI of a file, or of the folder of the version; a plain path when local."""
        return self._files.uri(self.file(key, stored, name or "").rstrip("/"))

    def open(self, key: Sequence[str], stored: Manifest, name: str) -> BinaryIO:
        """Compare a file with its digest and open it for reading.

        Raises:
            CurationError: the file cannot be read, or differs from what was written.
        """
        with self._explain_read_errors(key, name):
            file, digest = self._files.open(self.file(key, stored, name))
        try:
            self._check_digest(key, stored, name, digest)
        except CurationError:
            file.close()
            raise
        return file

    def _folder(self, key: Sequence[str]) -> str:
        return "/".join([self._files.base, *key])

    def _versions(self, key: Sequence[str]) -> VersionFolders:
        return VersionFolders(self._files, self._folder(key))

    def _read_manifest(self, key: Sequence[str]) -> Manifest | None:
        folder = self._folder(key)
        try:
            return manifest.from_json(self._files.read(self._manifest(key)))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except IsADirectoryError:
            raise self._damage_error(key, f"{manifest.NAME} is a folder.") from None
        except ValueError as error:
            raise self._damage_error(key, f"{manifest.NAME} cannot be read: {error}.") from None
        except StorageUnusableError:
            if self.is_local and _can_be_listed(Path(folder)):  # only the file is unreadable
                raise self._damage_error(key, f"{manifest.NAME} cannot be read.") from None
            raise

    def _check_sizes(self, key: Sequence[str], stored: Manifest) -> None:
        for name, size in stored.files.items():
            with self._explain_read_errors(key, name):
                found = self._files.size(self.file(key, stored, name))
            if found != size:
                raise self._damage_error(key, f"{name} has {found} bytes, but {size} were written.")

    def _check_digest(self, key: Sequence[str], stored: Manifest, name: str, digest: str) -> None:
        if digest != stored.digests[name]:
            raise self._damage_error(key, f"the bytes of {name} differ from those that were written.")

    def _current(self, key: Sequence[str]) -> Manifest | None:
        """Return the manifest without checking the files; None if it is absent or damaged."""
        try:
            return self._read_manifest(key)
        except CurationError:
            return None

    def _is_intact(self, key: Sequence[str], stored: Manifest) -> bool:
        try:
            self.verify(key, stored)
        except CurationError:
            return False
        return True

    def _manifest(self, key: Sequence[str]) -> str:
        return f"{self._folder(key)}/{manifest.NAME}"

    def _write_manifest(self, key: Sequence[str], stored: Manifest, scratch: Path, revision: str | None) -> None:
        written = scratch / manifest.NAME
        written.write_bytes(manifest.to_json(stored))
        self._files.replace(written, self._manifest(key), revision)

    @contextmanager
    def _scratch(self, key: Sequence[str]) -> Iterator[Path]:
        """Provide a folder for new files, on the file system of their destination if that is local."""
        folder = Path(self._folder(key))
        try:
            if self.is_local:
                folder.mkdir(parents=True, exist_ok=True)
            with scratch_folder(folder, _UNFINISHED) if self.is_local else scratch_folder() as scratch:
                yield scratch
        except OSError as error:
            if not self.is_local:
                raise temporary_folder_error(error) from error
            raise CurationError(
                f"it cannot be written: {error}.",
                subject=str(folder),
                remedy="Free space or allow writing there, or set NOTMNIST_STORAGE to another place; then start again.",
            ) from error

    @contextmanager
    def _explain_read_errors(self, key: Sequence[str], name: str) -> Iterator[None]:
        """Raise the error of a damaged value for an absent or unreadable file, not for an unreachable storage."""
        try:
            yield
        except (FileNotFoundError, NotADirectoryError):
            raise self._damage_error(key, f"{name} is missing.") from None
        except IsADirectoryError:
            raise self._damage_error(key, f"{name} is a folder.") from None
        except StorageUnusableError as error:
            if self.is_local and isinstance(error.__cause__, OSError):
                raise self._damage_error(key, f"{name} cannot be read ({error.__cause__.strerror}).") from None
            raise

    def _damage_error(self, key: Sequence[str], problem: str) -> CurationError:
        return damage_error(key, f"the stored value in {self._folder(key)} is damaged: {problem}")


def _can_be_listed(folder: Path) -> bool:
    try:
        next(folder.iterdir(), None)
    except OSError:
        return False
    return True
