"""Encodes PNG files, also invalid ones, and decodes them in both ways of `decoding`: alone, and among others."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from notmnist_assets.curation.core.images import SIDE, Images
from notmnist_assets.curation.reading.decoding import UnreadableImageError, decode_files, decode_png

RAW_BYTES = SIDE * (SIDE + 1)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(stream: bytes, *, width: int = SIDE, height: int = SIDE, depth: int = 8, color: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


def pillow_png(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def smooth_image(seed: int) -> Images:
    """Return a smooth blob with an edge, which compresses like a letter."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    blob = np.sin(x * rng.uniform(0.1, 0.6) + seed) + np.cos(y * rng.uniform(0.1, 0.6))
    pixels: Images = np.clip(blob * rng.uniform(50, 300) + 128, 0, 255).astype(np.uint8)
    return pixels


def pillow_pixels(data: bytes) -> Images:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def decoded(data: bytes) -> Images | str:
    """Decode a file among others, whose pixels must not change; return its pixels or the reason of its rejection."""
    images, reasons = decode_files([PLAIN, data, BRIGHT, b"", data])
    assert not images[[0, 3]].any()
    assert (images[2] == 255).all()
    assert reasons.get(4) == reasons.get(1)
    np.testing.assert_array_equal(images[4], images[1])
    assert reasons.keys() - {1, 4} == {3}
    return reasons[1] if 1 in reasons else images[1]


def decoded_alone(data: bytes) -> Images | str:
    try:
        return decode_png(data)
    except UnreadableImageError as error:
        return str(error)


def assert_as_alone(data: bytes) -> None:
    """Compare the pixels or reason of a file among others with those of `decode_png`."""
    among, alone = decoded(data), decoded_alone(data)
    assert isinstance(among, str) == isinstance(alone, str), (among, alone)
    np.testing.assert_array_equal(among, alone)


def header(width: int = 28, height: int = 28, depth: int = 8, color: int = 0, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))


def of_zeros(size: int, *before: bytes) -> bytes:
    return PLAIN[:8] + b"".join([*before, chunk(b"IDAT", zlib.compress(bytes(size))), chunk(b"IEND", b"")])


STREAM = zlib.compress(bytes(RAW_BYTES))
PLAIN = png(STREAM)
BRIGHT = png(zlib.compress((b"\0" + b"\xff" * SIDE) * SIDE))


def file_of(*chunks: bytes) -> bytes:
    return PLAIN[:8] + b"".join(chunks) + chunk(b"IEND", b"")
