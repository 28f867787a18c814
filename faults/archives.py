"""Mutates archives; each is read as `tarfile` and Pillow read it, or refused with a CurationError."""

import gzip
import hashlib
import io
import random
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from faults.cases import CaseError, Kind, Outcome, RunCase, require
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.values import Archive, LetterImages
from notmnist_assets.curation.reading.letters import read_letters
from notmnist_assets.curation.reading.members import LARGEST_MEMBER
from notmnist_assets_tests.archives import Members, members

Mutation = Callable[[bytes, random.Random], bytes]
_FORMATS: Final = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
_ROOTS: Final = ("notMNIST_small", "./notMNIST_small", "w\u00fcrzel", "r" * 120)
_FIELDS: Final = ((0, 100), (100, 8), (124, 12), (136, 12), (148, 8), (156, 1), (157, 100), (257, 8), (345, 155))
_TYPES: Final = b"01234567LKSxgDVM\0"
_SIZES: Final = (b"7" * 11 + b"\0", b"0" * 11 + b"\0", b"\x80" + b"\xff" * 11, b"\xff" * 12, b"-1".rjust(12), b" " * 12)
_CHECKSUM: Final = slice(148, 156)


def _flip(data: bytes, randomly: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(randomly.choice((1, 1, 2, 5, 20))):
        changed[randomly.randrange(len(changed))] ^= randomly.randrange(1, 256)
    return bytes(changed)


def _truncate(data: bytes, randomly: random.Random) -> bytes:
    return data[: randomly.choice((randomly.randrange(len(data)), max(0, len(data) - randomly.randrange(1, 2000))))]


def _chunk(data: bytes, randomly: random.Random) -> slice:
    unit = randomly.choice((1, 512))
    start = randomly.randrange(len(data)) // unit * unit
    return slice(start, start + unit * randomly.randrange(1, 2000 // unit + 2))


def _duplicate_chunk(data: bytes, randomly: random.Random) -> bytes:
    chunk = _chunk(data, randomly)
    at = randomly.choice((chunk.stop, _chunk(data, randomly).start))
    return data[:at] + data[chunk] + data[at:]


def _remove_chunk(data: bytes, randomly: random.Random) -> bytes:
    chunk = _chunk(data, randomly)
    return data[: chunk.start] + data[chunk.stop :]


def _clear_chunk(data: bytes, randomly: random.Random) -> bytes:
    chunk = _chunk(data, randomly)
    return data[: chunk.start] + bytes(len(data[chunk])) + data[chunk.stop :]


def _change_header(tar: bytes, randomly: random.Random) -> bytes:
    """Write something else into a field of a header, mostly with a right checksum."""
    headers = [at for at in range(0, len(tar) - 511, 512) if tar[at + 257 : at + 262] == b"ustar"]
    if not headers:
        return _flip(tar, randomly)
    at = randomly.choice(headers)
    header = bytearray(tar[at : at + 512])
    start, size = randomly.choice(_FIELDS)
    if start == 156:
        new = bytes([randomly.choice(_TYPES)])
    elif start == 124 and randomly.random() < 0.7:
        new = randomly.choice((*_SIZES, b"%011o\0" % randomly.randrange(5000)))
    else:
        other = randomly.choice(headers)
        new = randomly.choice((randomly.randbytes(size), bytes(size), tar[other + start : other + start + size]))
    header[start : start + size] = new
    if randomly.random() < 0.8:
        header[_CHECKSUM] = b" " * 8
        header[_CHECKSUM] = b"%06o\0 " % sum(header)
    return tar[:at] + bytes(header) + tar[at + 512 :]


def _glue(packed: bytes, randomly: random.Random) -> bytes:
    """Put something before or behind a gzip file: another one, a part of one, zeros, garbage."""
    other = randomly.choice(
        (packed, gzip.compress(b""), gzip.compress(bytes(10240)), packed[:40], bytes(3000), randomly.randbytes(30))
    )
    return randomly.choice((packed + other, other + packed, packed + bytes(512) + other))


_OF_BYTES: Final[tuple[Mutation, ...]] = (_flip, _truncate, _duplicate_chunk, _remove_chunk, _clear_chunk)
_OF_TAR: Final[tuple[Mutation, ...]] = (*_OF_BYTES, _change_header, _change_header, _change_header)
_OF_GZIP: Final[tuple[Mutation, ...]] = (*_OF_BYTES, _glue, _glue)


def _tar(letters: Members, root: str, kind: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=kind) as tar:
        for letter, files in letters.items():
            for name, data in files.items():
                entry = tarfile.TarInfo(f"{root}/{letter}/{name}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def _mutated(tar: bytes, randomly: random.Random) -> bytes:
    """Return a mutated archive: changes of the tar stream, of the gzip file, or of both."""
    level = randomly.random()
    if level < 0.7:
        for _ in range(randomly.choice((1, 1, 2, 3))):
            tar = randomly.choice(_OF_TAR)(tar, randomly) or b"\0"
    cut = randomly.randrange(len(tar) + 1) if randomly.random() < 0.2 else len(tar)
    packed = b"".join(gzip.compress(part, 1, mtime=0) for part in (tar[:cut], tar[cut:]) if part)
    if level > 0.6:
        packed = randomly.choice(_OF_GZIP)(packed, randomly)
    return packed


def _by_tarfile(packed: bytes) -> dict[str, dict[str, bytes | None]]:
    """Return the files of each letter as `gzip` and `tarfile` read them: their bytes, None for what is no small file.

    Raises:
        Exception: of many kinds, if they refuse the archive.
    """
    found: dict[str, dict[str, bytes | None]] = {letter: {} for letter in LETTERS}
    stream = io.BytesIO(gzip.decompress(packed))
    with tarfile.open(fileobj=stream, mode="r:", encoding="utf-8", errors="backslashreplace") as tar:
        for entry in tar:
            parts = [part for part in entry.name.split("/") if part not in ("", ".")]
            of_letter = len(parts) == 3 and parts[1] in LETTERS and ".." not in parts and not entry.name.startswith("/")
            if entry.isdir() or not of_letter:
                continue
            file = tar.extractfile(entry) if entry.type in tarfile.REGULAR_TYPES and not entry.issparse() else None
            data = file.read() if file is not None and entry.size <= LARGEST_MEMBER else None
            found[parts[1]][parts[2]] = data
    return found


def _compare(letters: dict[str, LetterImages], counts: dict[str, int], packed: bytes, good: frozenset[bytes]) -> None:
    try:
        expected = _by_tarfile(packed)
    except Exception as error:
        raise CaseError(Outcome.SILENT, f"accepted, but tarfile says {type(error).__name__}: {error}") from error
    for letter, value in letters.items():
        names = set(value.names) | set(value.rejected["name"])
        require(names == expected[letter].keys(), Outcome.LOST, f"{letter}: {names ^ expected[letter].keys()}")
        whole = len(value) + len(value.rejected) == counts[letter]
        require(whole, Outcome.LOST, f"{letter}: {len(value)} and {len(value.rejected)} are not {counts[letter]}")
        for name, pixels in zip(value.names, value.images, strict=True):
            data = expected[letter][name]
            require(data is not None, Outcome.SILENT, f"{letter}/{name} is no regular file, but was read")
            with Image.open(io.BytesIO(data or b"")) as image:
                same = np.array_equal(np.asarray(image.convert("L")), pixels)
            require(same, Outcome.SILENT, f"{letter}/{name} has other pixels than Pillow reads")
        lost = [name for name, data in expected[letter].items() if data in good and name not in set(value.names)]
        require(not lost, Outcome.LOST, f"{letter}: intact files were rejected: {lost}")


def _prepare(folder: Path) -> RunCase:
    letters = members(3, seed=3)
    tars = [_tar(letters, root, kind) for kind in _FORMATS for root in _ROOTS]
    good = frozenset(data for files in letters.values() for data in files.values() if data.startswith(b"\x89PNG"))
    scratch = folder / "archives"
    scratch.mkdir(exist_ok=True)
    path = scratch / "letters.tar.gz"

    def run(_number: int, randomly: random.Random) -> None:
        packed = _mutated(randomly.choice(tars), randomly)
        path.write_bytes(packed)
        archive = Archive(str(path), len(packed), hashlib.sha256(packed).hexdigest(), "a mutated archive")
        try:
            with read_letters(archive, "small", scratch=scratch) as reading:
                read = dict(reading)
                _compare(read, reading.report.members, packed, good)
        except CurationError as error:
            require(error.problem and error.remedy, Outcome.SILENT, f"an error without words: {error!r}")

    run(0, random.Random(0))  # noqa: S311 - what is imported late does not count as memory of a case
    return run


ARCHIVES: Final = Kind("archives", "mutated archives", 10_000, 60, _prepare, memory=256 << 20)
