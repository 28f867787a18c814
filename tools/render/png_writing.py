"""Writes small gray PNG files whose bytes are the same on every machine.

The compressor is the zlib of the pyarrow wheel, which the lock file pins: the reference implementation, whose output
depends only on its input. The zlib of Python depends on the build of the interpreter; zlib-ng in Pillow and isal have
different code for different processors and may compress to different bytes.
"""

import struct
import zlib
from typing import Final

import pyarrow as pa

from notmnist_assets.curation.core.images import SIDE, Images
from tools.render.png_filters import filter_rows

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_GZIP_HEADER, _GZIP_TRAILER = 10, 8
_ZLIB_HEADER: Final = b"\x78\x9c"


def encode(images: Images, level: int = 6) -> list[bytes]:
    """Encode images (n, 28, 28) as 8-bit gray, non-interlaced PNG files.

    Filters are chosen in `png_filters`. `level` is zlib's, 1 (fast) to 9 (small).
    """
    codec = pa.Codec("gzip", compression_level=level)
    filtered = filter_rows(images).tobytes()
    size = SIDE * (SIDE + 1)
    header = SIGNATURE + _chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0))
    end = _chunk(b"IEND", b"")
    encoded = []
    for start in range(0, len(filtered), size):
        rows = filtered[start : start + size]
        deflated = codec.compress(rows, asbytes=True)[_GZIP_HEADER:-_GZIP_TRAILER]
        data = _ZLIB_HEADER + deflated + zlib.adler32(rows).to_bytes(4, "big")
        encoded.append(header + _chunk(b"IDAT", data) + end)
    return encoded


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
