"""Assigns the members of an archive to letters and decodes them: of one file, or of the shards of an archive."""

from collections import deque
from collections.abc import Collection, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import numpy as np

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.prefetch import WorkMap
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.curation.core.wording import printable
from notmnist_assets.curation.reading.archive import read_members
from notmnist_assets.curation.reading.layout import Layout
from notmnist_assets.curation.reading.letter_buffer import LetterBuffer, Piece
from notmnist_assets.curation.reading.members import Member

if TYPE_CHECKING:
    import pyarrow as pa


class Files(NamedTuple):
    """The members of one letter in a block, and their file names."""

    names: list[str]
    members: list[Member]


def letter_files(layout: Layout, title: str) -> Generator[dict[str, Files], None, None]:
    """Read an archive, assign all members to letters and yield those of each block, by letter."""
    with closing(read_members(layout.archive, title)) as blocks:
        for members in blocks:
            of_letters: dict[str, Files] = {}
            for member in members:
                place = layout.assign(member)
                if place is None:
                    continue
                letter, name = place
                files = of_letters.setdefault(letter, Files([], []))
                files.names.append(name)
                files.members.append(member)
            yield of_letters


def decode_letters(layout: Layout, title: str, buffers: Mapping[str, LetterBuffer], workers: int) -> None:
    """Read a file through; threads decode the members of the letters in `buffers`, which receive them in their order.

    Args:
        layout: the file, without members; receives all of them.
        title: title of the progress bar.
        buffers: the letters to decode.
        workers: number of threads.
    """
    running: deque[Future[list[Piece]]] = deque()

    def store_oldest() -> None:
        for piece in running.popleft().result():
            buffers[piece.letter].add(piece)

    with (
        ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool,
        closing(letter_files(layout, title)) as blocks,
    ):
        for of_letters in blocks:
            chosen = {letter: files for letter, files in of_letters.items() if letter in buffers}
            running.append(pool.submit(_decode, chosen))
            if len(running) > workers:
                store_oldest()
        while running:
            store_oldest()


def _decode(of_letters: Mapping[str, Files]) -> list[Piece]:
    """Decode the members of a block, by letter."""
    # Pillow and pyarrow are slow to import.
    import pyarrow as pa

    from notmnist_assets.curation.reading.decoding import decode_members

    pieces = []
    for letter, files in of_letters.items():
        images, reasons = decode_members(files.members)
        sizes = np.array([member.size for member in files.members], np.int64)
        readable = np.delete(images, list(reasons), axis=0) if reasons else images
        pieces.append(Piece(letter, pa.array(files.names, pa.large_string()), sizes, reasons, readable))
    return pieces


@dataclass(frozen=True)
class Shard:
    """One shard to decode.

    Attributes:
        layout: the shard, without members.
        title: title of the progress bar.
        letters: the letters to decode.
        folder: folder for its pixels.
    """

    layout: Layout
    title: str
    letters: tuple[str, ...]
    folder: Path


def decode_shard(shard: Shard) -> tuple[Layout, list[Piece]]:
    """Decode a shard and return its members; its pixels stay in files, one for each letter."""
    # A cluster may start the same shard again while a worker that it has lost still writes.
    attempt = uuid4().hex
    buffers = {letter: LetterBuffer(shard.folder / f"{attempt}-{letter}.raw") for letter in shard.letters}
    try:
        decode_letters(shard.layout, shard.title, buffers, workers=1)
    finally:
        for buffer in buffers.values():
            buffer.close()
    return shard.layout, [buffer.as_piece(letter) for letter, buffer in buffers.items()]


def decode_shards(layout: Layout, title: str, buffers: Mapping[str, LetterBuffer], work_map: WorkMap) -> None:
    """Decode all shards of an archive, several at a time; `buffers` receive their members in the order of the shards.

    Args:
        layout: an archive with shards, without members; receives all of them.
        title: title of the progress bar.
        buffers: the letters to decode.
        work_map: decodes the shards; their pixels go through its folder.

    Raises:
        CurationError: a shard is damaged, or two shards have letters below different folders or a file in common.
    """
    archive = layout.archive
    names: dict[str, list[pa.LargeStringArray]] = {letter: [] for letter in buffers}
    layouts = [Layout(shard, layout.levels, layout.most_paths) for shard in archive.shards]
    shards = [Shard(of_shard, title, tuple(buffers), work_map.folder) for of_shard in layouts]
    with progress_bar(title, archive.bytes, "B") as advance, closing(work_map.run(decode_shard, shards)) as results:
        for shard, (of_shard, pieces) in zip(archive.shards, results, strict=True):
            layout.merge(of_shard)
            for piece in pieces:
                names[piece.letter].append(piece.names)
                buffers[piece.letter].add(piece)
            advance(shard.bytes)
    for letter, of_shards in names.items():
        _check_names(archive, letter, of_shards)


def _check_names(archive: Archive, letter: str, names: Sequence["pa.LargeStringArray"]) -> None:
    """Raise CurationError if two shards have a file of the same name."""
    import pyarrow as pa
    import pyarrow.compute as pc

    counts = pc.value_counts(pa.concat_arrays([pc.unique(of_shard) for of_shard in names]))
    repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if len(repeated):
        name = pc.min(repeated).as_py()
        first, second, *_ = _shards_with(archive, name, names)
        raise CurationError(
            f"has the file {letter}/{printable(name)} in two shards, {first} and {second}.",
            subject=archive.origin,
            remedy="Remove one of the shards, or pack the files so that each is in one shard.",
        )


def _shards_with(archive: Archive, name: str, names: Collection["pa.LargeStringArray"]) -> list[str]:
    """Return the paths of the shards that have a file of this name."""
    import pyarrow.compute as pc

    return [
        shard.origin
        for shard, of_shard in zip(archive.shards, names, strict=True)
        if pc.index(of_shard, name).as_py() >= 0
    ]
