"""Reads an archive into letters: the images of each, their names and the rejected files, in canonical order.

Threads decode the images. Decoded images go through scratch files, so that a larger archive needs no more memory for
pixels.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.prefetch import WorkMap, prefetch_map
from notmnist_assets.curation.core.scratch import scratch_folder
from notmnist_assets.curation.core.values import Archive, LetterImages, OtherFiles
from notmnist_assets.curation.reading.formats import repair_files
from notmnist_assets.curation.reading.layout import (
    MOST_PATHS,
    OTHER_LEVELS,
    ROOT_ONLY,
    Layout,
    describe_absent,
    repair_layout,
)
from notmnist_assets.curation.reading.letter_buffer import LetterBuffer
from notmnist_assets.curation.reading.letter_files import Files, decode_letters, decode_shards, letter_files


@dataclass(frozen=True)
class ReadingReport:
    """Counts of the files in an archive.

    Attributes:
        members: number of files of each letter A to J, readable or not, requested or not.
        outside: files that lie in no letter folder, such as a README.
        unsafe: those of `outside` with an absolute path or with `..` in it, a sign that someone changed the archive.
            No file is ever written under a member's name.
        ignored: files that macOS adds to archives.
    """

    members: dict[str, int]
    outside: OtherFiles
    unsafe: OtherFiles
    ignored: OtherFiles


class Reading:
    """An archive that was read and verified; iterate once over its letters, in alphabetical order.

    Attributes:
        report: counts of its files.
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
            images = buffer.letter_images(target)
            yield letter, replace(images, outside=self.report.outside, ignored=self.report.ignored)
            # The next letter is written to the file that this one was read from: new memory pages take longer.
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
    work_map: WorkMap | None = None,
    most_paths: float = MOST_PATHS,
) -> Iterator[Reading]:
    """Read an archive as a stream and open its letters.

    The whole archive is read and verified before the block is entered, so that no letter of a damaged archive can be
    stored. Files of a letter are `<root>/<letter>/<file>`; each is among the images or rejected with a reason. If there
    are none, the archive is read again as `<letter>/<file>` or `<folder>/<root>/<letter>/<file>`, whichever it has.
    Memory for names is limited by `most_paths`; pixels go through scratch files, 784 bytes per image.
    The result does not depend on the number of workers or shards. It depends on the order of the members only if a name
    is repeated within a file: only the last file of that name is kept. No name may be in two shards.

    Example:
        with read_letters(archive, "small") as reading:
            for letter, images in reading:
                np.save(f"{letter}.npy", images.images)

    Args:
        archive: what to read.
        set_name: "large" or "small", for messages.
        letters: which letters to decode; files of others are only counted.
        minimum: fewest readable images for each of `letters`.
        workers: threads that decode; for an archive with shards, shards that are decoded at a time.
        scratch: folder for the scratch files; the system's temporary folder by default.
        work_map: decodes the shards of an archive; threads of this process by default.
        most_paths: limit of the characters of all paths together, in millions.

    Yields:
        The reading: its report, and the letters.

    Raises:
        CurationError: the archive is damaged, truncated or not the one that was verified, or letters have no files, or
            fewer readable images than `minimum`, or two shards have a file in common, or paths are too long.
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
        shared = work_map or WorkMap(partial(prefetch_map, ahead=workers), folder)

        def decode(layout: Layout, title: str) -> None:
            if archive.shards:
                decode_shards(layout, title, buffers, shared)
            else:
                decode_letters(layout, title, buffers, workers)

        report = _read_archive(archive, set_name, most_paths, decode)
        for buffer in buffers.values():
            buffer.close()
            buffer.arrange()
        _check_counts(archive, set_name, report, buffers, minimum)
        yield Reading(report, buffers, folder / "ordered.raw")


def check_archive(
    archive: Archive, set_name: str, minimum: int, work_map: WorkMap | None = None, most_paths: float = MOST_PATHS
) -> None:
    """Read an archive once and check that it is intact and gives all letters, without keeping any.

    Files of a letter are decoded only until `minimum` of them are readable. If too few are, the archive is read again
    as `read_letters` does, which says why. An archive with shards is read as `read_letters` does.

    Args:
        archive: what to read; its size, digest, gzip checksums and tar structure are verified.
        set_name: "large" or "small", for messages.
        minimum: fewest readable images for each letter.
        work_map: decodes the shards of an archive; threads of this process by default.
        most_paths: limit of the characters of all paths together, in millions.

    Raises:
        CurationError: the archive is damaged or not the one that was verified, or a letter has too few readable images.
    """
    if archive.shards:
        with read_letters(archive, set_name, minimum=minimum, work_map=work_map, most_paths=most_paths):
            return
    readable: dict[str, set[str]] = {letter: set() for letter in LETTERS}

    def count(layout: Layout, title: str) -> None:
        with closing(letter_files(layout, title)) as blocks:
            for of_letters in blocks:
                for letter, files in of_letters.items():
                    _count_readable(files, readable[letter], minimum)

    report = _read_archive(archive, set_name, most_paths, count)
    _check_absent(archive, set_name, report, [letter for letter in LETTERS if not report.members[letter]])
    if any(len(names) < minimum for names in readable.values()):
        with read_letters(archive, set_name, minimum=minimum, work_map=work_map, most_paths=most_paths):
            pass


def _count_readable(files: Files, readable: set[str], minimum: int) -> None:
    """Decode files unless `minimum` names are readable; update the set of readable names.

    Files of these names are decoded in any case, because the last file of a name counts.
    """
    from notmnist_assets.curation.reading.decoding import decode_members

    is_enough = len(readable) >= minimum
    chosen = [place for place, name in enumerate(files.names) if not is_enough or name in readable]
    if not chosen:
        return
    _, reasons = decode_members([files.members[place] for place in chosen])
    for number, place in enumerate(chosen):
        if number in reasons:
            readable.discard(files.names[place])
        else:
            readable.add(files.names[place])


def _read_archive(
    archive: Archive, set_name: str, most_paths: float, read_through: Callable[[Layout, str], None]
) -> ReadingReport:
    """Read the archive through; again if its letters lie at another level."""
    layout = Layout(archive, ROOT_ONLY, most_paths)
    read_through(layout, f"read {set_name}")
    if not any(layout.counts.values()):
        levels = layout.levels_elsewhere.intersection(OTHER_LEVELS)
        if len(levels) == 1:
            layout = Layout(archive, levels.pop(), most_paths)
            read_through(layout, f"read {set_name} again")
    return ReadingReport(layout.counts, layout.outside(), layout.unsafe(), layout.ignored())


def _check_counts(
    archive: Archive, set_name: str, report: ReadingReport, buffers: dict[str, LetterBuffer], minimum: int
) -> None:
    """Raise CurationError if letters have no files, or fewer readable images than `minimum`."""
    absent = [letter for letter in buffers if not report.members[letter]]
    _check_absent(archive, set_name, report, absent)
    few = [
        f"{letter} has {len(buffer.order)}{_rejected_in_words(buffer.rejected)}"
        for letter, buffer in buffers.items()
        if len(buffer.order) < minimum
    ]
    if few:
        reasons = Counter(reason for buffer in buffers.values() for reason in buffer.rejected.values())
        can_lower = all(len(buffer.order) for buffer in buffers.values())
        raise CurationError(
            f"has too few readable images: {', '.join(few)}; at least {minimum:,} are needed.",
            subject=f"{set_name} archive {archive.origin}",
            remedy=shortage_remedy(archive, set_name, reasons, can_lower=can_lower),
        )


def shortage_remedy(archive: Archive, set_name: str, reasons: Counter[str], *, can_lower: bool) -> str:
    """Return what to do with an archive that has too few readable images.

    Args:
        archive: what was read.
        set_name: "large" or "small".
        reasons: how often files were rejected for each reason.
        can_lower: whether a lower minimum would help: not if a letter has no image at all.
    """
    lower = f" Or lower the minimum number of images per letter (NOTMNIST_MIN_{set_name.upper()})."
    remedy = _in_each_shard(archive, lambda file: repair_files(file.origin, reasons))
    return f"{remedy}{lower if can_lower else ''}"


def _in_each_shard(archive: Archive, remedy: Callable[[Archive], str]) -> str:
    """Return the remedy for the file of an archive, or for its first shard as an example for all."""
    return f"In each shard, as here in the first: {remedy(archive.shards[0])}" if archive.shards else remedy(archive)


def _check_absent(archive: Archive, set_name: str, report: ReadingReport, absent: Collection[str]) -> None:
    """Raise CurationError if letters are absent from an archive: what it has instead, and how to repair it."""
    if absent:
        raise CurationError(
            f"{describe_absent(absent, report.outside)}.",
            subject=f"{set_name} archive {archive.origin}",
            remedy=_in_each_shard(archive, lambda file: repair_layout(file, report.outside)),
        )


def _rejected_in_words(rejected: Mapping[int, str]) -> str:
    if not rejected:
        return ""
    reason, count = Counter(rejected[member] for member in sorted(rejected)).most_common(1)[0]
    return f" ({len(rejected)} rejected; {count} of them: {reason})"
