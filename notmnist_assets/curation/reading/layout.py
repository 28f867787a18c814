"""Assigns the files of an archive to letters by their paths, counts the others, and describes missing letters."""

import re
import shlex
from collections.abc import Collection
from typing import Final

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import MOST_EXAMPLES, Archive, OtherFiles
from notmnist_assets.curation.core.wording import counted, printable
from notmnist_assets.curation.reading.formats import shell_name
from notmnist_assets.curation.reading.members import Member

ROOT_ONLY: Final = 1
"""Folders above the letter folders in `<root>/<letter>/<file>`."""
MOST_PATHS: Final = 128
"""Million characters of all paths together, which are kept in memory; those of the large archive have about 30."""
OTHER_LEVELS: Final = (0, 2)
"""Folders above the letter folders in archives without a root folder, or with one more folder around it."""

_LETTERS: Final = frozenset(LETTERS)
_APPLE_DOUBLE: Final = b"\x00\x05\x16\x07"
_MAC_FOLDER: Final = "__MACOSX"
_MAC_FOLDER_SETTINGS: Final = ".DS_Store"
_EXAMPLES_NAMED: Final = 3
_LOWER_CASE: Final = re.compile(r"(^|/)[a-j]/[^/]+$")


class PathSample:
    """Counts paths and keeps the first of them in sorted order, in bounded memory."""

    def __init__(self) -> None:
        self._count = 0
        self._paths: list[str] = []

    def add(self, path: str) -> None:
        """Count a path."""
        self._count += 1
        self._paths.append(path)
        if len(self._paths) > 100 * MOST_EXAMPLES:
            self._paths = sorted(self._paths)[:MOST_EXAMPLES]

    def merge(self, other: "PathSample") -> None:
        """Add the paths of another sample."""
        self._count += other._count
        self._paths += other._paths

    def files(self) -> OtherFiles:
        """Return the number of paths and the first of them."""
        return OtherFiles(self._count, tuple(sorted(self._paths)[:MOST_EXAMPLES]))


class Layout:
    """Assigns members to letters while an archive is read.

    Attributes:
        archive: the archive.
        levels: number of folders above the letter folders.
        most_paths: limit of the characters of all paths together, in millions.
        counts: number of members of each letter so far.
        levels_elsewhere: numbers of folders above a letter folder, of paths that have another number than `levels`.
    """

    def __init__(self, archive: Archive, levels: int = ROOT_ONLY, most_paths: float = MOST_PATHS) -> None:
        """Start without members."""
        self.archive = archive
        self.levels = levels
        self.most_paths = most_paths
        self.counts = dict.fromkeys(LETTERS, 0)
        self.levels_elsewhere: set[int] = set()
        self._characters = 0
        self._root: list[str] | None = None
        self._outside = PathSample()
        self._unsafe = PathSample()
        self._ignored = PathSample()

    def assign(self, member: Member) -> tuple[str, str] | None:
        """Return the letter and the file name of a member; count it and return None if it belongs to no letter.

        Raises:
            CurationError: letters lie below two folders, or all paths together are too long.
        """
        path = member.path
        self._count_characters(len(path))
        parts = path.split("/")
        if "" in parts or "." in parts:
            parts = [part for part in parts if part not in ("", ".")]
        if parts and _is_from_macos(parts, member.data):
            self._ignored.add(path)
            return None
        unsafe = path.startswith("/") or ".." in parts
        if unsafe:
            self._unsafe.add(path)
        if unsafe or len(parts) < 2 or parts[-2] not in _LETTERS or len(parts) - 2 != self.levels:
            if not unsafe and len(parts) > 1 and parts[-2] in _LETTERS:
                self.levels_elsewhere.add(len(parts) - 2)
            self._outside.add(path)
            return None
        *root, letter, name = parts
        if self._root is None:
            self._root = root
        elif root != self._root:
            raise self._two_roots_error(self._root, path)
        self.counts[letter] += 1
        return letter, name

    def merge(self, other: "Layout") -> None:
        """Add the members of another shard of the same archive.

        Raises:
            CurationError: its letters lie below another folder, or all paths together are too long.
        """
        self._count_characters(other._characters)
        if self._root is not None and other._root not in (None, self._root):
            raise self._two_roots_error(self._root, "/".join([*(other._root or []), "A"]))
        self._root = self._root or other._root
        for letter, count in other.counts.items():
            self.counts[letter] += count
        self.levels_elsewhere |= other.levels_elsewhere
        self._outside.merge(other._outside)
        self._unsafe.merge(other._unsafe)
        self._ignored.merge(other._ignored)

    def outside(self) -> OtherFiles:
        """Return the files in no letter folder."""
        return self._outside.files()

    def unsafe(self) -> OtherFiles:
        """Return the files of `outside` that have an absolute path or `..` in it."""
        return self._unsafe.files()

    def ignored(self) -> OtherFiles:
        """Return the files that macOS adds: `__MACOSX/`, AppleDouble files `._x`, and `.DS_Store`."""
        return self._ignored.files()

    def _count_characters(self, characters: int) -> None:
        self._characters += characters
        if self._characters > self.most_paths * 1_000_000:
            raise CurationError(
                f"has paths of more than {self.most_paths:g} million characters together, which are kept in memory.",
                subject=self.archive.origin,
                remedy="Pack fewer files, or files with shorter names, or raise NOTMNIST_MOST_PATHS.",
            )

    def _two_roots_error(self, root: list[str], path: str) -> CurationError:
        return CurationError(
            f"has letters in two folders: '{printable('/'.join(root))}' and that of '{printable(path)}'.",
            subject=self.archive.origin,
            remedy="Pack the letters of one set below one folder.",
        )


def _is_from_macos(parts: list[str], data: bytes | None) -> bool:
    name = parts[-1]
    is_twin = name.startswith("._") and data is not None and data.startswith(_APPLE_DOUBLE)
    return is_twin or name == _MAC_FOLDER_SETTINGS or _MAC_FOLDER in parts


def describe_absent(absent: Collection[str], outside: OtherFiles) -> str:
    """Return as text which letters an archive lacks and which other files it has."""
    problem = f"has no files <root>/<letter>/<file> for the letters {', '.join(absent)}"
    if not outside.count:
        return problem
    paths = [*map(printable, outside.examples[:_EXAMPLES_NAMED]), *(["..."] if outside.count > _EXAMPLES_NAMED else [])]
    return f"{problem}; it has {counted(outside.count, 'other file')}: {', '.join(paths)}"


def repair_layout(archive: Archive, outside: OtherFiles) -> str:
    """Return the remedy for an archive that lacks letters, with the command that repacks it if one is known."""
    name = shell_name(archive.origin)
    paths = outside.examples
    if any("\\" in path for path in paths):
        change, reason = r"s,\\,/,g", "Its paths have backslashes for slashes"
    elif any(map(_LOWER_CASE.search, paths)):
        change, reason = r"s,\(^\|/\)\([a-j]\)/,\1\U\2/,", "Its letter folders have lower-case names"
    else:
        return f"Pack a folder that has the folders A to J: tar -czf {name} FOLDER"
    return (
        f'{reason}. Repack it with GNU tar: f={name}; d=$(mktemp -d) && tar -xzf "$f" -C "$d"'
        f' --transform={shlex.quote(change)} && tar -czf "$f" -C "$d" .'
    )
