"""Finds archives or their shards in a folder of this machine, and the checksums in a `SHA256SUMS` file beside them."""

from pathlib import Path
from typing import Final

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.curation.core.wording import printable
from notmnist_assets.curation.reading.formats import START_BYTES, describe_format, repack_command, shell_name
from notmnist_assets.sources.base import (
    archive_name,
    identify_archive,
    published_archive,
    shard_names,
    shard_pattern,
)
from notmnist_assets.sources.checksums import CHECKSUMS, Checksums

_MOST_NAMED: Final = 5


class FolderSource:
    """The two archives in a folder, verified against published checksums or `SHA256SUMS` in the folder if present."""

    def __init__(self, folder: str, *, published: bool) -> None:
        """Use the archives in `folder`; if `published`, they must be the originals."""
        self._folder = Path(folder)
        self._published = published

    def current_sha256(self, set_name: str) -> str | None:
        """Return the digest of the archive in the folder."""
        return self.fetch(set_name).sha256

    def validator(self, set_name: str) -> str:
        """Return size and time of the last change of the archive and of SHA256SUMS."""
        paths = self._paths(set_name)
        checksums = self._folder / CHECKSUMS
        if not self._published and checksums.is_file():
            paths.append(checksums)
        return "; ".join(f"{path.stat().st_size} bytes, changed {path.stat().st_mtime_ns}" for path in paths)

    def fetch(self, set_name: str) -> Archive:
        """Return the archive in the folder. Without an expected digest, damage is found only when it is read."""
        paths = self._paths(set_name)
        if self._published:
            return identify_archive(paths[0], published_archive(set_name), str(paths[0]))
        checksums = self._read_checksums()
        if paths[0].name == archive_name(set_name):
            return identify_archive(paths[0], checksums.of(paths[0].name), str(paths[0]))
        absent = sorted({*checksums.shards(set_name)} - {path.name for path in paths})
        if absent:
            raise CurationError(
                f"names {printable(absent[0])}, which is not in its folder.",
                subject=str(self._folder / CHECKSUMS),
                remedy="Copy it there, or write SHA256SUMS again (sha256sum *.tar.gz > SHA256SUMS).",
            )
        files = [identify_archive(path, checksums.of(path.name), str(path)) for path in paths]
        pattern = str(self._folder / shard_pattern(set_name))
        return Archive.of_shards(files, pattern, pattern)

    def _paths(self, set_name: str) -> list[Path]:
        """Return the file of the archive; without it, its shards."""
        path = self._folder / archive_name(set_name)
        if path.is_file():
            return [path]
        if not self._published and self._folder.is_dir():
            names = shard_names(set_name, (found.name for found in self._folder.iterdir()), str(self._folder))
            if names:
                return [self._folder / name for name in names]
        raise self._missing_error(path)

    def _read_checksums(self) -> Checksums:
        """Return the digests in SHA256SUMS in the folder."""
        checksums = self._folder / CHECKSUMS
        if not checksums.is_file():
            return Checksums(b"", str(checksums))
        try:
            data = checksums.read_bytes()
        except OSError as error:
            raise CurationError(
                f"it cannot be read: {error.strerror or error}.",
                subject=str(checksums),
                remedy="Make it readable, or remove it: archives are then only checked for completeness.",
            ) from error
        return Checksums(data, str(checksums))

    def _missing_error(self, path: Path) -> CurationError:
        """Return the error for a missing archive, with the files that the folder has instead."""
        if not self._folder.is_dir():
            kind = "it is a file, not a folder." if self._folder.exists() else "there is no such folder."
            return CurationError(
                kind,
                subject=str(self._folder),
                remedy="Set NOTMNIST_ARCHIVES to the folder that contains both archives.",
            )
        (other, *_) = [*sorted(self._folder.glob(f"{path.name.partition('.')[0]}.*")), None]
        if other is not None and other.is_file():
            return _other_format_error(path, other)
        files = sorted(found.name for found in self._folder.iterdir())
        listed = ", ".join(map(printable, files[:_MOST_NAMED])) + (", ..." if len(files) > _MOST_NAMED else "")
        return CurationError(
            f"there is no such file; its folder has {listed or 'no files'}.",
            subject=str(path),
            remedy=f"Put {path.name} there, or set NOTMNIST_ARCHIVES to the folder that contains both archives.",
        )


def _other_format_error(path: Path, other: Path) -> CurationError:
    """Return the error for a missing archive if there is a file of its name with another extension."""
    with other.open("rb") as file:
        start = file.read(START_BYTES)
    command = repack_command(start, shell_name(str(other)), shell_name(str(path)))
    return CurationError(
        f"there is no such file, but {printable(other.name)}, {describe_format(start)}.",
        subject=str(path),
        remedy=f"Make it: {command}" if command else "Put a gzip-compressed tar archive there.",
    )
