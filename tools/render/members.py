"""Renders one stretch of an archive in a worker process: files of a letter, encoded as PNG and packed as tar."""

import hashlib
import tarfile
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import Images
from tools.render import png_writing
from tools.render.names import file_name
from tools.render.planting import Plan
from tools.render.rendering import distance, perturb, render

MODIFIED: Final = 1_315_440_000
"""Time stamp of all members: 2011-09-08, the day the original was announced."""

_NOT_A_PNG: Final = b"This was never a picture of a letter.\n"


def _header(path: str, kind: bytes, mode: int) -> bytes:
    header = tarfile.TarInfo(path)
    header.type, header.mode, header.mtime = kind, mode, MODIFIED
    return header.tobuf(tarfile.USTAR_FORMAT)


_FILE_HEADER: Final = _header("", tarfile.REGTYPE, 0o644)


@dataclass(frozen=True)
class Stretch:
    """Files `start` to `stop` of a letter, in the order of the archive."""

    set_name: str
    letter: str
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Members:
    """The rendered files of a stretch.

    Attributes:
        tar: the members, with headers and padding.
        digests: uint64 (n, 2), 128 bits of BLAKE2b of the pixels of each file; 0, 0 for unreadable ones.
        distances: float64 (n,), L1 distance / 255 to the image that a near duplicate repeats, else NaN.
    """

    tar: bytes
    digests: npt.NDArray[np.uint64]
    distances: npt.NDArray[np.float64]


def make_members(plan: Plan, stretch: Stretch) -> Members:
    """Render and encode a stretch; the bytes are the same on every machine."""
    fonts = plan.order(stretch.set_name, stretch.letter)[stretch.start : stretch.stop]
    contents = plan.contents(stretch.set_name, stretch.letter, fonts)
    images = render(contents.characters, contents.styles)
    distances = np.full(len(fonts), np.nan)
    near = np.flatnonzero(contents.near_kinds != "")
    changed = perturb(images[near], contents.near_kinds[near], contents.near_keys[near])
    distances[near] = distance(images[near], changed)
    images[near] = changed

    digests = _digests(images)
    digests[contents.faults != ""] = 0
    files = png_writing.encode(images)
    for row in np.flatnonzero(contents.faults != ""):
        files[row] = b"" if contents.faults[row] == "empty" else _NOT_A_PNG
    folder = f"notMNIST_{stretch.set_name}/{stretch.letter}"
    tar = b"".join(
        _member(f"{folder}/{file_name(stretch.set_name, int(font))}", content)
        for font, content in zip(fonts, files, strict=True)
    )
    return Members(tar, digests, distances)


def folder_member(path: str) -> bytes:
    """Return the tar header of a folder."""
    return _header(path, tarfile.DIRTYPE, 0o755)


def end_of_tar(size: int) -> bytes:
    """Return the end of a tar of `size` bytes: two empty blocks, and zeros up to a whole record."""
    end = 2 * tarfile.BLOCKSIZE
    return bytes(end + -(size + end) % tarfile.RECORDSIZE)


def _member(path: str, content: bytes) -> bytes:
    # Ten times as fast as tarfile, with the same bytes: only name, size and checksum differ between files.
    header = bytearray(_FILE_HEADER)
    name = path.encode("ascii")
    header[: len(name)] = name
    header[124:136] = b"%011o\0" % len(content)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + content + bytes(-len(content) % tarfile.BLOCKSIZE)


def _digests(images: Images) -> npt.NDArray[np.uint64]:
    hashed = b"".join(hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images)
    return np.frombuffer(hashed, "<u8").reshape(-1, 2).astype(np.uint64)
