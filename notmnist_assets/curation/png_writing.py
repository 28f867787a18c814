"""Writing small gray PNG files whose bytes are the same on every machine.

Belongs here: filters, chunks and the choice of the compressor. Reading PNG files does not.

The compressor is the zlib inside the pyarrow wheel, which the lock file pins: the reference implementation,
whose output depends on its input alone. Python's own zlib is whatever the interpreter was built with. Pillow's
zlib-ng and isal have code of their own for each kind of processor, and may compress to different bytes there.
"""

import struct
import zlib
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from notmnist_assets.curation.images import SIDE, Images

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_GZIP_HEADER, _GZIP_TRAILER = 10, 8
_ZLIB_HEADER: Final = b"\x78\x9c"
_BATCH: Final = 128


def encode(images: Images, level: int = 6) -> list[bytes]:
    """Encode images (n, 28, 28) as 8-bit gray, non-interlaced PNG files.

    Each row gets the filter (none, sub, up or Paeth) whose output has the smallest sum of absolute values:
    the heuristic of the PNG specification, chapter 12.8. `level` is zlib's, 1 (fast) to 9 (small).
    """
    codec = pa.Codec("gzip", compression_level=level)
    batches = (_filter(images[start : start + _BATCH]) for start in range(0, len(images), _BATCH))
    filtered = b"".join(rows.tobytes() for rows in batches)
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


def _filter(images: Images) -> npt.NDArray[np.uint8]:
    """Return the filtered rows (n, 28, 29), each led by the number of its filter."""
    left = np.pad(images, ((0, 0), (0, 0), (1, 0)))[:, :, :-1]
    above = np.pad(images, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    corner = np.pad(above, ((0, 0), (0, 0), (1, 0)))[:, :, :-1]
    rows = np.empty((len(images), SIDE, SIDE + 1), np.uint8)
    best = np.full((len(images), SIDE), np.iinfo(np.int64).max)
    for number, predicted in ((0, None), (1, left), (2, above), (4, _paeth(left, above, corner))):
        residual = images if predicted is None else images - predicted
        cost = np.minimum(residual, -residual).sum(axis=2, dtype=np.int64)
        better = cost < best
        np.copyto(best, cost, where=better)
        np.copyto(rows[:, :, 0], np.uint8(number), where=better)
        np.copyto(rows[:, :, 1:], residual, where=better[:, :, None])
    return rows


def _paeth(left: Images, above: Images, corner: Images) -> Images:
    a, b, c = (part.astype(np.int16) for part in (left, above, corner))
    to_left, to_above, to_corner = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    nearest = np.where(to_above <= to_corner, above, corner)
    return np.where((to_left <= to_above) & (to_left <= to_corner), left, nearest)
