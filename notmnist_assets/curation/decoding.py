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
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from notmnist_assets.curation.images import SIDE, Images
from notmnist_assets.curation.members import REGULAR_TYPES, Members
from notmnist_assets.curation.png import decode_plain
from notmnist_assets.curation.tar import LARGEST_MEMBER

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
# 28 rows of at most 4 channels of 2 bytes, interlaced or not, take less.
_MOST_RAW_BYTES: Final = 16 << 10
_LINKS: Final = {ord("1"): "hard link", ord("2"): "symbolic link"}


class UnreadableImageError(Exception):
    """Says why a file is not a letter."""


def _check_chunks(data: bytes) -> tuple[int, int, bytes]:
    """Verify the chunks' structure and CRCs; return width, height and the compressed pixels."""
    if not data:
        raise UnreadableImageError("empty file")
    if not data.startswith(_SIGNATURE):
        raise UnreadableImageError("not a PNG")
    at = len(_SIGNATURE)
    shape: tuple[int, int] | None = None
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
        if shape is None:
            if kind != b"IHDR" or size != 13:
                raise UnreadableImageError("not a PNG: does not start with chunk IHDR")
            shape = struct.unpack_from(">II", data, body)
        if kind == b"IDAT":
            pixels.append(data[body : body + size])
        if kind == b"IEND":
            return *shape, b"".join(pixels)
        at = body + size + 4


def _check_pixels(compressed: bytes) -> None:
    """Verify that the zlib stream of the pixels is whole, its Adler-32 included."""
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


def _to_gray(image: Image.Image) -> Images:
    """Return an image's pixels as 8-bit gray."""
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.int64)
        return ((deep * 255 + 32895) >> 16).astype(np.uint8)
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
    width, height, compressed = _check_chunks(data)
    if (width, height) != (SIDE, SIDE):
        raise UnreadableImageError(f"wrong shape {width}x{height}")
    _check_pixels(compressed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
                return _to_gray(image)
    except UnreadableImageError:
        raise
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
