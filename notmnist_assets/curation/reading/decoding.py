"""Decodes PNG files to 28x28 pixels, or returns the reason why a file is rejected.

Pillow decodes the pixels after all checksums have been verified, since decoders treat wrong checksums differently.
Plain files, 28x28 8-bit gray with one chunk of pixels, are decoded many at a time, to the same pixels.

A file is accepted if it is a PNG of 28x28 pixels without transparent pixels. Gray of 1, 2, 4 or 16 bits is scaled to 8
bits; palette and RGB images are converted to luma (ITU-R BT.601, Pillow's mode "L"). All images of the original
archives are 8-bit gray.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from notmnist_assets.curation.core.images import SIDE, Images
from notmnist_assets.curation.reading.formats import image_format
from notmnist_assets.curation.reading.members import LARGEST_MEMBER, REGULAR_TYPES, Member
from notmnist_assets.curation.reading.rejections import Rejection

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
# 28 rows of at most 4 channels of 2 bytes, interlaced or not, take less.
_MOST_RAW_BYTES: Final = 16 << 10
# Channels of each color type, and the passes of Adam7: first column and row, steps between columns and rows.
_PALETTE, _RGB = 3, 2
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_ANCILLARY: Final = 0x20  # in the first letter of a chunk's name: decoders may skip the chunk
_LINKS: Final = {"1": "hard link", "2": "symbolic link"}

# A plain file: signature and IHDR (28, 28, 8 bit, gray, deflate, adaptive filters, not interlaced), one IDAT, IEND.
_PLAIN_HEAD: Final = bytes.fromhex("89504e470d0a1a0a 0000000d49484452 0000001c0000001c 0800000000 57668048")
_PLAIN_TAIL: Final = bytes.fromhex("00000000 49454e44 ae426082")
_PLAIN_ROWS: Final = SIDE * (SIDE + 1)
# No compressor makes 812 bytes larger than this, and this many bytes inflate to at most 4 MB.
_LARGEST_PLAIN: Final = 4096
_LAST_FILTER: Final = 4


class UnreadableImageError(Exception):
    """The reason why a file is rejected."""


class _Header(NamedTuple):
    """The fields of chunk IHDR."""

    width: int
    height: int
    depth: int
    color: int
    compression: int
    filtering: int
    interlace: int

    @property
    def has_palette(self) -> bool:
        """Whether pixels are indices of a palette."""
        return self.color == _PALETTE

    def raw_bytes(self) -> int:
        """Return the bytes of all rows before compression, each with its filter's number (PNG, section 7.2)."""
        bits = self.depth * _CHANNELS.get(self.color, 0)
        total = 0
        for left, top, right, down in _ADAM7 if self.interlace else ((0, 0, 1, 1),):
            columns = -((left - self.width) // right)
            rows = -((top - self.height) // down)
            total += rows * (1 + (columns * bits + 7) // 8)
        return total


class _Chunks(NamedTuple):
    """The content of a file's chunks: its header, the bytes of its palette and its compressed pixels."""

    header: _Header
    palette: bytes
    pixels: bytes


def _check_chunks(data: bytes) -> _Chunks:
    """Verify the order, structure and CRCs of the chunks; return their content."""
    if not data:
        raise UnreadableImageError(Rejection.EMPTY)
    if not data.startswith(_SIGNATURE):
        found = image_format(data)
        raise UnreadableImageError(Rejection.OTHER_FORMAT.format(found) if found else Rejection.NOT_PNG)
    at = len(_SIGNATURE)
    header: _Header | None = None
    palette = b""
    pixels: list[bytes] = []
    while True:
        if at + 8 > len(data):
            raise UnreadableImageError(Rejection.NO_END)
        size, kind = struct.unpack_from(">I4s", data, at)
        name = kind.decode("ascii", "backslashreplace")
        body = at + 8
        if body + size + 4 > len(data):
            raise UnreadableImageError(Rejection.TRUNCATED_CHUNK.format(name))
        if zlib.crc32(data[at + 4 : body + size]) != int.from_bytes(data[body + size : body + size + 4], "big"):
            raise UnreadableImageError(Rejection.CHUNK_CHECKSUM.format(name))
        if header is None:
            if kind != b"IHDR" or size != 13:
                raise UnreadableImageError(Rejection.NO_HEADER)
            header = _Header(*struct.unpack_from(">IIBBBBB", data, body))
        elif kind == b"IHDR":  # decoders use the last one
            raise UnreadableImageError(Rejection.SECOND_HEADER)
        elif kind == b"PLTE":
            if palette or pixels:
                raise UnreadableImageError(Rejection.LATE_PALETTE if pixels else Rejection.SECOND_PALETTE)
            if not 0 < size <= 256 * 3 or size % 3:
                raise UnreadableImageError(Rejection.DAMAGED_PALETTE.format(size))
            palette = data[body : body + size]
        elif kind == b"IDAT":
            if header.has_palette and not palette:
                raise UnreadableImageError(Rejection.NO_PALETTE)
            pixels.append(data[body : body + size])
        elif kind == b"IEND":
            return _Chunks(header, palette, b"".join(pixels))
        elif not kind[0] & _ANCILLARY:
            raise UnreadableImageError(Rejection.CRITICAL_CHUNK.format(name))
        at = body + size + 4


def _check_pixels(chunks: _Chunks) -> None:
    """Verify that the zlib stream of the pixels is complete, has the right Adler-32 checksum, and has all rows."""
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(chunks.pixels, _MOST_RAW_BYTES)
    except zlib.error as error:
        if "incorrect data check" in str(error):
            raise UnreadableImageError(Rejection.PIXEL_CHECKSUM) from error
        raise UnreadableImageError(Rejection.DAMAGED_PIXELS.format(str(error).rpartition(": ")[2])) from error
    if not inflater.eof:
        if len(raw) == _MOST_RAW_BYTES:
            raise UnreadableImageError(Rejection.DAMAGED_PIXELS.format("too many of them"))
        raise UnreadableImageError(Rejection.TRUNCATED_PIXELS)
    if len(raw) < chunks.header.raw_bytes():  # decoders leave the missing rows black
        raise UnreadableImageError(Rejection.TRUNCATED_PIXELS)


def _to_gray(image: Image.Image, chunks: _Chunks) -> Images:
    """Return the pixels of a file that Pillow opened as `image` as 8-bit gray."""
    header = chunks.header
    deep = image.mode.startswith("I")
    if deep or image.mode == "L":
        gray = np.asarray(image)
        # Pillow scales gray of 2 and 4 bits to 8 bits, but not the transparent shade.
        scale = 255 // (2**header.depth - 1) if header.depth < 8 else 1
        if (gray == image.info.get("transparency", -1) * scale).any():
            raise UnreadableImageError(Rejection.TRANSPARENT)
        return ((gray.astype(np.int64) * 255 + 32895) >> 16).astype(np.uint8) if deep else gray
    if header.has_palette and 3 * (int(np.asarray(image).max()) + 1) > len(chunks.palette):
        raise UnreadableImageError(Rejection.SHORT_PALETTE)
    if header.color == _RGB and header.depth == 16:
        image.load()  # raises if the pixels are damaged
        _check_deep_colors(chunks, image.info.get("transparency"))
        return np.asarray(image.convert("L"))
    if "transparency" in image.info or "A" in image.getbands():
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            raise UnreadableImageError(Rejection.TRANSPARENT)
        image = image.convert("RGB")
    return np.asarray(image.convert("L"))


def _check_deep_colors(chunks: _Chunks, transparent: tuple[int, int, int] | None) -> None:
    """Reject 16-bit RGB pixels of the transparent color; Pillow's images keep only the upper byte of each sample."""
    if transparent is None:
        return
    # Pillow drops the second byte of each sample, which is the upper one if the samples are read as little-endian.
    upper, lower = (
        np.asarray(
            Image.frombytes("RGB", (SIDE, SIDE), chunks.pixels, "zip", f"RGB;16{order}", chunks.header.interlace)
        ).astype(np.int64)
        for order in "BL"
    )
    if (256 * upper + lower == transparent).all(axis=2).any():
        raise UnreadableImageError(Rejection.TRANSPARENT)


def decode_png(data: bytes) -> Images:
    """Decode one PNG file after verifying all of it.

    Returns:
        uint8 (28, 28).

    Raises:
        UnreadableImageError: with the reason, a `Rejection`.
    """
    chunks = _check_chunks(data)
    if (chunks.header.width, chunks.header.height) != (SIDE, SIDE):
        raise UnreadableImageError(Rejection.WRONG_SHAPE.format(chunks.header.width, chunks.header.height))
    _check_pixels(chunks)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
                return _to_gray(image, chunks)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError as error:  # its message contains a memory address
        raise UnreadableImageError(Rejection.DAMAGED.format("Pillow does not take it for a PNG")) from error
    # Pillow raises many kinds of exceptions for damaged files; one bad file must not stop a letter.
    except Exception as error:
        raise UnreadableImageError(Rejection.DAMAGED.format(error)) from error


def decode_files(files: Sequence[bytes]) -> tuple[Images, dict[int, str]]:
    """Decode many PNG files.

    Args:
        files: n files.

    Returns:
        images: uint8 (n, 28, 28); zeros for rejected files.
        reasons: why a file is rejected, by its index.
    """
    rows = [_plain_rows(data) for data in files]
    plain = np.array([i for i, row in enumerate(rows) if row], np.intp)
    filtered = np.frombuffer(b"".join(filter(None, rows)), np.uint8).reshape(-1, SIDE, SIDE + 1)
    known = filtered[:, :, 0].max(axis=1, initial=0) <= _LAST_FILTER
    if not known.all():
        plain, filtered = plain[known], filtered[known]
    decoded = _unfilter(filtered)
    if len(plain) == len(files):
        return decoded, {}
    images = np.zeros((len(files), SIDE, SIDE), np.uint8)
    images[plain] = decoded
    reasons = {}
    for i in np.setdiff1d(np.arange(len(files)), plain).tolist():
        try:
            images[i] = decode_png(files[i])
        except UnreadableImageError as error:
            reasons[i] = str(error)
    return images, reasons


def _plain_rows(data: bytes) -> bytes | None:
    """Return the filtered rows of a plain file with right checksums, 28 of 29 bytes; None for any other."""
    end = len(data) - len(_PLAIN_TAIL) - 4
    if not (data.startswith(_PLAIN_HEAD) and data.endswith(_PLAIN_TAIL) and len(data) <= _LARGEST_PLAIN):
        return None
    if data[33:41] != (end - 41).to_bytes(4, "big", signed=True) + b"IDAT":
        return None
    if zlib.crc32(data[37:end]) != int.from_bytes(data[end : end + 4], "big"):
        return None
    try:
        rows = zlib.decompress(data[41:end], bufsize=_PLAIN_ROWS)
    except zlib.error:
        return None
    return rows if len(rows) == _PLAIN_ROWS else None


def _unfilter(filtered: npt.NDArray[np.uint8]) -> Images:
    """Undo the filters of rows, uint8 (n, 28, 29), with Pillow, as one tall image.

    A row of zeros after each image replaces the missing row above the first row of the next image (PNG, section 9.2).
    """
    tall = np.zeros((len(filtered), SIDE + 1, SIDE + 1), np.uint8)
    tall[:, :SIDE] = filtered
    if not len(tall):
        return np.empty((0, SIDE, SIDE), np.uint8)
    image = Image.frombytes("L", (SIDE, tall.shape[0] * tall.shape[1]), zlib.compress(tall.data, 0), "zip", "L")
    return np.asarray(image).reshape(-1, SIDE + 1, SIDE)[:, :SIDE].copy()


def decode_members(members: Sequence[Member]) -> tuple[Images, dict[int, str]]:
    """Decode members of an archive.

    Args:
        members: n members.

    Returns:
        images: uint8 (n, 28, 28); zeros for rejected members.
        reasons: why a member is rejected, by its index.
    """
    images, reasons = decode_files([member.data or b"" for member in members])
    for i in reasons:
        kind = members[i].kind
        if kind not in REGULAR_TYPES:
            reasons[i] = Rejection.NOT_REGULAR.format(_LINKS.get(kind, f"tar type {kind!r}"))
        elif members[i].data is None:
            reasons[i] = Rejection.TOO_LARGE.format(LARGEST_MEMBER)
    return images, reasons
