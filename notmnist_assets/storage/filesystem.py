"""Reads and writes files below one root, a local folder or an fsspec URL."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.storage.errors import StorageUnusableError, temporary_folder_error
from notmnist_assets.storage.manifest import file_digest

IN_MEMORY: Final = 16 << 20
"""Largest downloaded file in bytes that is kept in memory; a larger file goes to the temporary folder."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_ENTITY_TAG: Final = "ETag"
"""The name under which S3 and compatible stores give the revision of an object."""


class ReplacedError(Exception):
    """Another process has replaced a file since its revision was read."""


class FileSystem:
    """Reads and writes whole files.

    An absent file raises FileNotFoundError, an unusable storage StorageUnusableError.

    Attributes:
        base: path of the root in the file system.
        is_local: whether the root is a local folder.
    """

    def __init__(self, root: str) -> None:
        self._root = root.rstrip("/")
        try:
            if "://" in root:
                # A cached list of files would still contain those that another process has replaced.
                self._fs, base = url_to_fs(root, use_listings_cache=False)
            else:  # fsspec reads "::" in a path as a chain of file systems
                self._fs, base = LocalFileSystem(), root
        except (ValueError, ImportError, OSError, RuntimeError) as error:
            raise CurationError(
                f"there is no such storage: {error}.",
                subject=root,
                remedy="Set NOTMNIST_STORAGE to a folder, or to an fsspec URL whose package is installed.",
            ) from error
        self.base = str(base).rstrip("/")
        self.is_local = isinstance(self._fs, LocalFileSystem)

    def uri(self, path: str) -> str:
        """Return the URI of a path; the path itself if local."""
        return path if self.is_local else self._root + path.removeprefix(self.base)

    def read(self, path: str) -> bytes:
        """Return the bytes of a small file."""
        with self._explain_errors():
            data: bytes = self._fs.cat_file(path)
        return data

    def size(self, path: str) -> int:
        """Return the size of a file in bytes."""
        with self._explain_errors():
            return int(self._fs.info(path)["size"])

    def digest(self, path: str) -> str:
        """Read a file and return its digest."""
        with self._explain_errors(), self._fs.open(path, "rb") as file:
            return file_digest(file)

    def open(self, path: str) -> tuple[BinaryIO, str]:
        """Read a file and return it, open at its start, with its digest.

        A remote file is downloaded to memory or to an unnamed temporary file.
        """
        with ExitStack() as stack, self._explain_errors():
            file: BinaryIO
            if self.is_local:
                file = stack.enter_context(Path(path).open("rb"))
                digest = file_digest(file)
            else:
                file = cast("BinaryIO", stack.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY)))
                with self._fs.open(path, "rb") as source:
                    digest = file_digest(source, copy=file)
            file.seek(0)
            stack.pop_all()  # the caller closes it
            return file, digest

    def create(self, source: Path, path: str) -> None:
        """Upload a complete local file to a path.

        Raises:
            FileExistsError: there is a file.
        """
        with self._explain_errors():
            self._fs.put_file(str(source), path, mode="create")

    def revision(self, path: str) -> str | None:
        """Return a text that changes with each replacement of a small file, None if the file is absent."""
        try:
            if self.is_local:
                found = Path(path).stat()
                return f"{found.st_ino} {found.st_mtime_ns} {found.st_size}"
            with self._explain_errors():
                return str(self._fs.info(path).get(_ENTITY_TAG) or self._fs.cat_file(path).hex())
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def replace(self, source: Path, path: str, expected: str | None) -> None:
        """Move or upload a complete local file to a path if the file there still has the expected revision.

        S3 compares and replaces in one step. Other file systems compare first.

        Raises:
            ReplacedError: another process has replaced the file.
        """
        conditional = not self.is_local and expected is not None and bool(self._fs.info(path).get(_ENTITY_TAG))
        if not conditional and self.revision(path) != expected:
            raise ReplacedError(path)
        if self.is_local:
            source.replace(path)
            return
        condition = {"IfMatch": expected} if conditional else {"mode": "create" if expected is None else "overwrite"}
        try:
            with self._explain_errors():
                self._fs.put_file(str(source), path, **condition)
        except (FileExistsError, StorageUnusableError) as error:
            if self.revision(path) != expected:
                raise ReplacedError(path) from error
            raise

    def folders(self, path: str) -> list[str]:
        """Return the names of the folders in a folder, none if it is absent."""
        try:
            with self._explain_errors():
                entries = self._fs.ls(path, detail=True)
        except FileNotFoundError:
            return []
        return [str(entry["name"]).rstrip("/").rsplit("/", 1)[-1] for entry in entries if entry["type"] == "directory"]

    def delete_folder(self, path: str) -> None:
        """Delete a folder with its content."""
        with self._explain_errors():
            self._fs.rm(path, recursive=True)

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        """Raise StorageUnusableError for errors of the file system, except those of an absent or existing file."""
        # The package of each remote storage raises its own kinds of errors.
        unusable = OSError if self.is_local else Exception
        try:
            yield
        except (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError):
            raise
        except unusable as error:
            if not self.is_local and isinstance(error, OSError) and error.errno in _FULL:
                raise temporary_folder_error(error) from error
            raise StorageUnusableError(
                f"the storage cannot be used: {str(error).rstrip('.')}.",
                subject=self.base,
                remedy="Check NOTMNIST_STORAGE, the network and your permissions, then start again.",
            ) from error
