"""Turns the bytes of a picture file into 28x28 pixels, or into the reason why not.

Two roads. `png` decodes plain 28x28 8-bit gray PNG files compiled, many at once. Everything else comes here:
each checksum is verified (decoders disagree about wrong ones), then Pillow decodes. Both roads give the same pixels
for every file that the first one takes.

What counts as a letter: a PNG of 28x28 pixels without transparency. Gray of 1, 2, 4 or 16 bits is scaled to 8 bits,
palettes and RGB become luma (ITU-R BT.601, as Pillow's mode "L"); the original's letters are all 8-bit gray.
Transparent pixels are not guessed: such a file is rejected. Which files are members of a letter does not belong
here.
"""

import io
import struct
import warnings
import zlib
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from notmnist_assets.curation.images import SIDE, Images
from notmnist_assets.curation.members import REGULAR_TYPES, Members
from notmnist_assets.curation.png import decode_plain
from notmnist_assets.curation.tar import LARGEST_MEMBER

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
# 28 rows of at most 4 channels of 2 bytes, interlaced or not, take less.
_MOST_RAW_BYTES: Final = 16 << 10
# Channels of each color type, and the passes of Adam7: first column and row, steps between columns and rows.
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_LINKS: Final = {ord("1"): "hard link", ord("2"): "symbolic link"}


class UnreadableImageError(Exception):
    """Says why a file is not a letter."""


class _Header(NamedTuple):
    """The fields of chunk IHDR."""

    width: int
    height: int
    depth: int
    color: int
    compression: int
    filtering: int
    interlace: int

    def raw_bytes(self) -> int:
        """Return the bytes of all rows before compression, each with its filter's number (PNG, section 7.2)."""
        bits = self.depth * _CHANNELS.get(self.color, 0)
        total = 0
        for left, top, right, down in _ADAM7 if self.interlace else ((0, 0, 1, 1),):
            columns = -((left - self.width) // right)
            rows = -((top - self.height) // down)
            total += rows * (1 + (columns * bits + 7) // 8)
        return total


def _check_chunks(data: bytes) -> tuple[_Header, bytes]:
    """Verify the chunks' structure and CRCs; return the header and the compressed pixels."""
    if not data:
        raise UnreadableImageError("empty file")
    if not data.startswith(_SIGNATURE):
        raise UnreadableImageError("not a PNG")
    at = len(_SIGNATURE)
    header: _Header | None = None
    pixels = []
    while True:
        if at + 8 > len(data):
            raise UnreadableImageError("truncated between chunks: no IEND")
        size, kind = struct.unpack_from(">I4s", data, at)
        name = kind.decode("ascii", "backslashreplace")
        body = at + 8
        if body + size + 4 > len(data):
            raise UnreadableImageError(f"truncated in chunk {name}")
        if zlib.crc32(data[at + 4 : body + size]) != int.from_bytes(data[body + size : body + size + 4], "big"):
            raise UnreadableImageError(f"wrong checksum in chunk {name}")
        if header is None:
            if kind != b"IHDR" or size != 13:
                raise UnreadableImageError("not a PNG: does not start with chunk IHDR")
            header = _Header(*struct.unpack_from(">IIBBBBB", data, body))
        elif kind == b"IHDR":  # decoders take the last one
            raise UnreadableImageError("more than one chunk IHDR")
        if kind == b"IDAT":
            pixels.append(data[body : body + size])
        if kind == b"IEND":
            return header, b"".join(pixels)
        at = body + size + 4


def _check_pixels(compressed: bytes, header: _Header) -> None:
    """Verify that the zlib stream of the pixels is whole, its Adler-32 included, and has all rows."""
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(compressed, _MOST_RAW_BYTES)
    except zlib.error as error:
        if "incorrect data check" in str(error):
            raise UnreadableImageError("wrong checksum of the pixels (Adler-32)") from error
        raise UnreadableImageError(f"damaged pixels: {str(error).rpartition(': ')[2]}") from error
    if not inflater.eof:
        long = len(raw) == _MOST_RAW_BYTES
        raise UnreadableImageError("damaged pixels: too many of them" if long else "truncated pixels")
    if len(raw) < header.raw_bytes():  # decoders leave the missing rows black
        raise UnreadableImageError("truncated pixels")


def _to_gray(image: Image.Image, depth: int) -> Images:
    """Return an image's pixels as 8-bit gray."""
    deep = image.mode.startswith("I")
    if deep or image.mode == "L":
        gray = np.asarray(image)
        # Pillow scales gray of 2 and 4 bits to 8 bits, but not the shade that is transparent.
        scale = 255 // (2**depth - 1) if depth < 8 else 1
        if (gray == image.info.get("transparency", -1) * scale).any():
            raise UnreadableImageError("has transparent pixels")
        return ((gray.astype(np.int64) * 255 + 32895) >> 16).astype(np.uint8) if deep else gray
    if "transparency" in image.info or "A" in image.getbands():
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            raise UnreadableImageError("has transparent pixels")
        image = image.convert("RGB")
    return np.asarray(image.convert("L"))


def decode_png(data: bytes) -> Images:
    """Decode one PNG file by the thorough road.

    Returns:
        uint8 (28, 28).

    Raises:
        UnreadableImageError: with the reason, such as "empty file", "not a PNG", "truncated in chunk IDAT",
            "wrong checksum in chunk IDAT" or "wrong shape 27x28" (width x height).
    """
    header, compressed = _check_chunks(data)
    if (header.width, header.height) != (SIDE, SIDE):
        raise UnreadableImageError(f"wrong shape {header.width}x{header.height}")
    _check_pixels(compressed, header)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
                return _to_gray(image, header.depth)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError as error:  # its text names an address in memory
        raise UnreadableImageError("damaged: Pillow does not take it for a PNG") from error
    # Pillow's plugins raise many kinds of errors for damaged files; one bad file must not stop a letter.
    except Exception as error:
        raise UnreadableImageError(f"damaged: {error}") from error


def decode_members(
    members: Members, wanted: npt.NDArray[np.intp]
) -> tuple[Images, npt.NDArray[np.bool_], dict[int, str]]:
    """Decode some members of a block.

    Args:
        members: a block of an archive.
        wanted: rows of `members` to decode.

    Returns:
        images: uint8 (len(wanted), 28, 28); undefined where nothing was decoded.
        decoded: bool (len(wanted),).
        reasons: why a row of `wanted` was not decoded.
    """
    images = np.empty((len(wanted), SIDE, SIDE), np.uint8)
    starts, sizes = members.starts[wanted], members.sizes[wanted]
    decoded = decode_plain(members.buffer, starts, sizes, images)
    reasons = {}
    for i in np.flatnonzero(~decoded).tolist():
        start, size, kind = int(starts[i]), int(sizes[i]), int(members.types[wanted[i]])
        if kind not in REGULAR_TYPES:
            reasons[i] = f"not a regular file: {_LINKS.get(kind, f'tar type {chr(kind)!r}')}"
        elif start < 0:
            reasons[i] = f"larger than {LARGEST_MEMBER} bytes"
        else:
            try:
                images[i] = decode_png(members.buffer[start : start + size].tobytes())
                decoded[i] = True
            except UnreadableImageError as error:
                reasons[i] = str(error)
    return images, decoded, reasons
