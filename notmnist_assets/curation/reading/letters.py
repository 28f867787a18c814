"""Reads an archive into letters: ten tensors, their names and what was rejected, in canonical order.

Decides which members make a letter, and has threads decode them; decoded images go through scratch files, so that
pixels need no more memory for a larger archive.
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.scratch import scratch_folder
from notmnist_assets.curation.core.values import Archive, LetterImages
from notmnist_assets.curation.reading.archive import read_members
from notmnist_assets.curation.reading.letter_buffer import LetterBuffer, Piece
from notmnist_assets.curation.reading.members import Member

_LETTERS: Final = frozenset(LETTERS)


@dataclass(frozen=True)
class ReadingReport:
    """What was in an archive.

    Attributes:
        members: number of members of each letter A to J, readable or not, requested or not.
        outside: sorted paths of the members that lie in no letter folder, such as a README.
        unsafe: those of `outside` with an absolute path or with `..` in it. Nothing is ever written under a
            member's name; they are a sign that someone meddled with the archive.
    """

    members: dict[str, int]
    outside: tuple[str, ...]
    unsafe: tuple[str, ...]


class _Files(NamedTuple):
    """The members of one letter in a block, and their file names."""

    names: list[str]
    members: list[Member]


class Reading:
    """An archive that was read and proved intact; iterate once over its letters, in alphabetical order.

    Attributes:
        report: what was in the archive.
    """

    def __init__(self, report: ReadingReport, buffers: dict[str, LetterBuffer], spare: Path) -> None:
        self.report = report
        self._buffers = buffers
        self._spare = spare

    def __iter__(self) -> Iterator[tuple[str, LetterImages]]:
        """Yield each requested letter and its images.

        The images are mapped read-only from a scratch file, which is removed when the reading is closed: copy or
        store them before.
        """
        target = self._spare
        for letter in sorted(self._buffers):
            buffer = self._buffers.pop(letter)
            buffer.write_ordered(target)
            yield letter, buffer.value(target)
            # The next letter goes into the file that this one came from: fresh pages cost more than used.
            target = buffer.path


@contextmanager
def read_letters(
    archive: Archive,
    set_name: str,
    letters: Sequence[str] = LETTERS,
    *,
    minimum: int = 0,
    workers: int = 2,
    scratch: Path | None = None,
) -> Iterator[Reading]:
    """Read an archive once, as a stream, and open its letters.

    The whole archive is read and verified before the block is entered, so nothing can be stored from a bad
    one. Members of a letter are `<root>/<letter>/<file>`; each is among the images or rejected with a reason.
    Memory is bounded but for some 60 bytes a member for names; pixels go through scratch files, 784 bytes an
    image. The result does not depend on the number of workers, nor on the order of the members (but for repeated
    names, of which the last counts).

    Example:
        with read_letters(archive, "small") as reading:
            for letter, images in reading:
                np.save(f"{letter}.npy", images.images)

    Args:
        archive: what to read.
        set_name: "large" or "small", for people.
        letters: which letters to decode; members of others are only counted.
        minimum: fewest readable images for each of `letters`.
        workers: threads that decode.
        scratch: folder for the scratch files; the system's temporary folder by default.

    Yields:
        The reading: its report, and the letters.

    Raises:
        CurationError: the archive is damaged, truncated or not the one that was verified, letters have no
            members, or fewer readable images than `minimum`.
        ValueError: a letter outside A to J, or no worker.
    """
    unknown = sorted(set(letters) - set(LETTERS))
    if unknown or workers < 1:
        raise ValueError(f"letters {unknown} are not among {LETTERS}" if unknown else f"{workers} workers")
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder(scratch))
        buffers = {letter: LetterBuffer(folder / f"{letter}.raw") for letter in sorted(set(letters))}
        for buffer in buffers.values():
            stack.callback(buffer.close)
        report = _gather(archive, set_name, buffers, workers)
        for buffer in buffers.values():
            buffer.close()
            buffer.arrange()
        _check_counts(archive, set_name, report, buffers, minimum)
        yield Reading(report, buffers, folder / "ordered.raw")


def _gather(archive: Archive, set_name: str, buffers: dict[str, LetterBuffer], workers: int) -> ReadingReport:
    """Read the archive through and fill `buffers`; threads decode the members, which are stored in their order."""
    counts = dict.fromkeys(LETTERS, 0)
    outside: list[str] = []
    root: str | None = None
    running: deque[Future[list[Piece]]] = deque()

    def store_oldest() -> None:
        for piece in running.popleft().result():
            buffers[piece.letter].add(piece)

    with (
        ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool,
        closing(read_members(archive, f"read {set_name}")) as blocks,
    ):
        for members in blocks:
            of_letters: dict[str, _Files] = {}
            for member in members:
                place = _letter_and_name(member.path)
                if place is None:
                    outside.append(member.path)
                    continue
                folder, letter, name = place
                if root is None:
                    root = folder
                elif folder != root:
                    raise _two_roots(archive, root, member.path)
                counts[letter] += 1
                if letter in buffers:
                    files = of_letters.setdefault(letter, _Files([], []))
                    files.names.append(name)
                    files.members.append(member)
            running.append(pool.submit(_decode, of_letters))
            if len(running) > workers:
                store_oldest()
        while running:
            store_oldest()
    return ReadingReport(
        members=counts,
        outside=tuple(sorted(outside)),
        unsafe=tuple(sorted(path for path in outside if path.startswith("/") or ".." in path.split("/"))),
    )


def _letter_and_name(path: str) -> tuple[str, str, str] | None:
    """Return root folder, letter and file name of a path `<root>/<letter>/<file>`; None for any other path."""
    parts = path.split("/")
    if len(parts) != 3 or "" in parts or "." in parts:
        parts = [part for part in parts if part not in ("", ".")]
    if len(parts) != 3 or parts[1] not in _LETTERS or ".." in parts or path.startswith("/"):
        return None
    root, letter, name = parts
    return root, letter, name


def _two_roots(archive: Archive, root: str, path: str) -> CurationError:
    return CurationError(
        f"has letters in two folders: {root!r} and that of {path!r}.",
        subject=archive.uri,
        remedy="Pack the letters of one set below one folder.",
    )


def _decode(of_letters: Mapping[str, _Files]) -> list[Piece]:
    """Decode the members of a block, by letter."""
    # Pillow is slow to import and nobody needs it before.
    import pyarrow as pa

    from notmnist_assets.curation.reading.decoding import decode_members

    pieces = []
    for letter, files in of_letters.items():
        images, reasons = decode_members(files.members)
        sizes = np.array([member.size for member in files.members], np.int64)
        pieces.append(Piece(letter, pa.array(files.names, pa.large_string()), sizes, images, reasons))
    return pieces


def _check_counts(
    archive: Archive, set_name: str, report: ReadingReport, buffers: dict[str, LetterBuffer], minimum: int
) -> None:
    """Raise CurationError if letters have no members, or fewer readable images than `minimum`."""
    absent = [letter for letter in buffers if not report.members[letter]]
    few = [
        f"{letter} has {len(buffer.order)}{_rejected_in_words(buffer.rejected)}"
        for letter, buffer in buffers.items()
        if letter not in absent and len(buffer.order) < minimum
    ]
    problems = []
    if absent:
        problems.append(f"has no members <root>/<letter>/<file> for the letters {', '.join(absent)}")
    if few:
        problems.append(f"has too few readable images: {', '.join(few)}; at least {minimum:,} are needed")
    if problems:
        lower = f", or lower the fewest images per letter (NOTMNIST_MIN_{set_name.upper()})"
        can_lower = not absent and all(len(buffer.order) for buffer in buffers.values())
        raise CurationError(
            f"{' and '.join(problems)}.",
            subject=f"{set_name} archive {archive.uri}",
            remedy=f"Use a complete archive{lower if can_lower else ''}.",
        )


def _rejected_in_words(rejected: Mapping[int, str]) -> str:
    if not rejected:
        return ""
    reason, count = Counter(rejected[member] for member in sorted(rejected)).most_common(1)[0]
    return f" ({len(rejected)} rejected; {count} of them: {reason})"
