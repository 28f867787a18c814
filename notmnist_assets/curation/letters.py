"""Reads an archive into letters: ten tensors, their names and what was rejected, in canonical order.

Belongs here: which members make a letter, the canonical order, and the gathering of decoded images through
scratch files, so that pixels need no more memory for a larger archive. The archive's bytes are in `archive` and
`members`, the pixels in `decoding` and `png`; where letters are stored is the caller's matter.
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.archive import read_members
from notmnist_assets.curation.errors import CurationError
from notmnist_assets.curation.images import LETTERS, PIXELS, SIDE, Images
from notmnist_assets.curation.scratch import scratch_folder
from notmnist_assets.curation.values import REJECTED_COLUMNS, Archive, LetterImages

if TYPE_CHECKING:
    import pyarrow as pa

    from notmnist_assets.curation.members import Members

_CHUNK: Final = 256
"""Images gathered and written at a time: more leave the processor's cache, which takes twice as long."""
_DUPLICATE: Final = "duplicate name: a later member replaced it"


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


@dataclass(frozen=True, eq=False)
class _Piece:
    """What one block holds of one letter, in the order of the archive."""

    letter: str
    names: "pa.LargeStringArray"
    sizes: npt.NDArray[np.int64]
    images: Images
    decoded: npt.NDArray[np.bool_]
    reasons: dict[int, str]


class _Gathering:
    """One letter while the archive is read: names and reasons in memory, decoded images in a scratch file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rejected: dict[int, str] = {}
        self.order: npt.NDArray[np.intp] = np.empty(0, np.intp)
        self._spool = path.open("wb")
        self._names: list[pa.LargeStringArray] = []
        self._members = 0
        self._sizes: list[npt.NDArray[np.int64]] = []
        self._decoded: list[npt.NDArray[np.bool_]] = []

    def add(self, piece: _Piece) -> None:
        """Take what a block holds of the letter."""
        self.rejected.update((self._members + i, reason) for i, reason in piece.reasons.items())
        self._names.append(piece.names)
        self._members += len(piece.names)
        self._sizes.append(piece.sizes)
        self._decoded.append(piece.decoded)
        images = piece.images if piece.decoded.all() else piece.images[piece.decoded]
        self._spool.write(images.data)

    def close(self) -> None:
        """Close the scratch file."""
        self._spool.close()

    def arrange(self) -> None:
        """Find the canonical order of the readable members, once all are known.

        Of members with one name the last counts, as it would on disk.
        """
        names = self._all_names()
        order = _order_of_distinct(names)
        if order is None:
            texts = names.to_pylist()
            members = range(len(texts))
            last = dict(zip(texts, members, strict=True))
            self.rejected.update((i, _DUPLICATE) for i in set(members).difference(last.values()))
            order = np.array(sorted(members, key=lambda i: (texts[i].lower(), texts[i])), np.intp)
        self.order = order[~np.isin(order, list(self.rejected))] if self.rejected else order

    def write_ordered(self, target: Path) -> None:
        """Write the readable images to `target` in canonical order."""
        if not len(self.order):
            return
        decoded = np.concatenate(self._decoded)
        rows = (np.cumsum(decoded) - 1)[self.order]
        # Mode "clip" writes straight into `out`. It would repeat the last row for any beyond it: the shape
        # proves that all are there.
        spooled = np.memmap(self.path, np.uint8, "r", shape=(int(decoded.sum()), PIXELS))
        chunk = np.empty((_CHUNK, PIXELS), np.uint8)
        with target.open("wb") as file:
            for start in range(0, len(rows), _CHUNK):
                part = rows[start : start + _CHUNK]
                np.take(spooled, part, axis=0, out=chunk[: len(part)], mode="clip")
                file.write(chunk[: len(part)].data)

    def value(self, ordered: Path) -> LetterImages:
        """Return the letter, with its images mapped from the file `ordered`."""
        shape = (len(self.order), SIDE, SIDE)
        images = np.memmap(ordered, np.uint8, "r", shape=shape) if shape[0] else np.empty(shape, np.uint8)
        names = self._all_names()
        sizes = np.concatenate(self._sizes)
        table = [(names[i].as_py(), int(sizes[i]), reason) for i, reason in sorted(self.rejected.items())]
        table.sort(key=lambda row: (row[0].lower(), row[0]))
        rejected = pd.DataFrame(table, columns=list(REJECTED_COLUMNS))
        types = {"name": "str", "bytes": "int64", "reason": "str"}
        return LetterImages(images, names.take(self.order).to_numpy(zero_copy_only=False), rejected.astype(types))

    def _all_names(self) -> "pa.LargeStringArray":
        """Return the names of all members, readable or not, in the order of the archive."""
        import pyarrow as pa

        self._names = [pa.concat_arrays(self._names)] if self._names else [pa.array([], pa.large_string())]
        return self._names[0]


def _order_of_distinct(names: "pa.LargeStringArray") -> npt.NDArray[np.intp] | None:
    """Return the order by `str.lower`, or None when two names are alike in it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.all(pc.string_is_ascii(names), min_count=0).as_py():
        lowered = pc.ascii_lower(names)
    else:
        lowered = pa.array([name.lower() for name in names.to_pylist()], pa.large_string())
    # UTF-8 sorts as Python sorts: by code points.
    order = pc.sort_indices(lowered)
    ordered = lowered.take(order)
    alike = pc.any(pc.equal(ordered[1:], ordered[:-1]), min_count=0).as_py()
    return None if alike else order.to_numpy().astype(np.intp)


class Reading:
    """An archive that was read and proved intact; iterate once over its letters, in alphabetical order.

    Attributes:
        report: what was in the archive.
    """

    def __init__(self, report: ReadingReport, gathered: dict[str, _Gathering], spare: Path) -> None:
        self.report = report
        self._gathered = gathered
        self._spare = spare

    def __iter__(self) -> Iterator[tuple[str, LetterImages]]:
        """Yield each requested letter and its images.

        The images are mapped read-only from a scratch file, which is removed when the reading is closed: copy or
        store them before.
        """
        target = self._spare
        for letter in sorted(self._gathered):
            gathering = self._gathered.pop(letter)
            gathering.write_ordered(target)
            yield letter, gathering.value(target)
            # The next letter goes into the file that this one came from: fresh pages cost more than used.
            target = gathering.path


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
        gathered = {letter: _Gathering(folder / f"{letter}.raw") for letter in sorted(set(letters))}
        for gathering in gathered.values():
            stack.callback(gathering.close)
        report = _gather(archive, set_name, gathered, workers)
        for gathering in gathered.values():
            gathering.close()
            gathering.arrange()
        _check_counts(archive, set_name, report, gathered, minimum)
        yield Reading(report, gathered, folder / "ordered.raw")


def _gather(archive: Archive, set_name: str, gathered: dict[str, _Gathering], workers: int) -> ReadingReport:
    """Read the archive through and fill `gathered`; threads decode the blocks, which are stored in order."""
    counts = np.zeros(len(LETTERS), np.int64)
    outside: list[str] = []
    running: deque[Future[list[_Piece]]] = deque()

    def store_oldest() -> None:
        for piece in running.popleft().result():
            gathered[piece.letter].add(piece)

    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        for members in read_members(archive, f"read {set_name}", workers + 1):
            counts += np.bincount(members.folders, minlength=len(LETTERS))
            outside += members.outside
            running.append(pool.submit(_decode, members, frozenset(gathered)))
            if len(running) > workers:
                store_oldest()
        while running:
            store_oldest()
    return ReadingReport(
        members=dict(zip(LETTERS, counts.tolist(), strict=True)),
        outside=tuple(sorted(outside)),
        unsafe=tuple(sorted(path for path in outside if path.startswith("/") or ".." in path.split("/"))),
    )


def _decode(members: "Members", letters: frozenset[str]) -> list[_Piece]:
    """Decode the members of a block that belong to `letters`."""
    # Numba and Pillow are slow to import and nobody needs them before.
    from notmnist_assets.curation.decoding import decode_members

    pieces = []
    for number, letter in enumerate(LETTERS):
        rows = np.flatnonzero(members.folders == number)
        if letter in letters and len(rows):
            images, decoded, reasons = decode_members(members, rows)
            pieces.append(_Piece(letter, members.file_names(rows), members.sizes[rows], images, decoded, reasons))
    return pieces


def _check_counts(
    archive: Archive, set_name: str, report: ReadingReport, gathered: dict[str, _Gathering], minimum: int
) -> None:
    """Raise CurationError if letters have no members, or fewer readable images than `minimum`."""
    absent = [letter for letter in gathered if not report.members[letter]]
    few = [
        f"{letter} has {len(gathering.order)}{_rejected_in_words(gathering.rejected)}"
        for letter, gathering in gathered.items()
        if letter not in absent and len(gathering.order) < minimum
    ]
    problems = []
    if absent:
        problems.append(f"has no members <root>/<letter>/<file> for the letters {', '.join(absent)}")
    if few:
        problems.append(f"has too few readable images: {', '.join(few)}; at least {minimum:,} are needed")
    if problems:
        lower = f", or lower the fewest images per letter (NOTMNIST_MIN_{set_name.upper()})"
        can_lower = not absent and all(len(gathering.order) for gathering in gathered.values())
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
