"""The compiled decoder for the one kind of picture that matters: plain 28x28 8-bit gray PNG.

Plain means exactly the chunks IHDR, one IDAT and IEND, no interlacing and nothing after them; every letter of
the original archives is of this kind. All checksums are verified. What is not plain, or is damaged in any way, is
left to `decoding`, which finds the reason or asks Pillow. Inflating is in `deflate`.

Format: PNG (W3C Recommendation, third edition), sections 5 (chunks) and 9 (filters).
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from notmnist_assets.curation.deflate import inflate_all
from notmnist_assets.curation.images import PIXELS, SIDE, Images

# Signature, then IHDR: 28, 28, 8 bit, gray, deflate, adaptive filters, no interlacing. Both with their CRC.
_HEAD: Final = np.frombuffer(
    bytes.fromhex("89504e470d0a1a0a 0000000d49484452 0000001c0000001c 0800000000 57668048"), np.uint8
)
_TAIL: Final = np.frombuffer(bytes.fromhex("00000000 49454e44 ae426082"), np.uint8)
_IDAT: Final = np.frombuffer(b"IDAT", np.uint8)
_RAW_BYTES: Final = SIDE * (SIDE + 1)
# So many images at once keep the inflated bytes in the processor's cache.
_BATCH: Final = 256

# Unsigned constants: in Numba an unsigned and a signed integer add up to a float.
_U0, _U1, _U2, _U3, _U4, _U7, _U8 = (np.uint64(n) for n in (0, 1, 2, 3, 4, 7, 8))


def _crc_tables() -> npt.NDArray[np.uint64]:
    """Return the eight tables, (8, 256), that take eight bytes into a CRC-32 at once ("slicing by 8")."""
    tables = np.zeros((8, 256), np.uint64)
    row = np.arange(256, dtype=np.uint64)
    for _ in range(8):
        row = np.where(row & _U1, (row >> _U1) ^ np.uint64(0xEDB88320), row >> _U1)
    tables[0] = row
    for i in range(1, 8):
        tables[i] = (tables[i - 1] >> _U8) ^ tables[0][tables[i - 1] & np.uint64(255)]
    return tables


_CRC: Final = _crc_tables()


@njit(cache=True, nogil=True)
def _load(source: Any, at: Any) -> Any:
    """Return eight bytes as a little-endian number; compiled to one load."""
    return (
        np.uint64(source[at])
        | np.uint64(source[at + _U1]) << np.uint64(8)
        | np.uint64(source[at + _U2]) << np.uint64(16)
        | np.uint64(source[at + _U3]) << np.uint64(24)
        | np.uint64(source[at + _U4]) << np.uint64(32)
        | np.uint64(source[at + np.uint64(5)]) << np.uint64(40)
        | np.uint64(source[at + np.uint64(6)]) << np.uint64(48)
        | np.uint64(source[at + _U7]) << np.uint64(56)
    )


@njit(cache=True, nogil=True)
def _crc32(source: Any, start: Any, end: Any) -> Any:
    """Return the CRC-32 of source[start:end]."""
    byte = np.uint64(255)
    crc = np.uint64(0xFFFFFFFF)
    at = start
    while at + _U8 <= end:
        word = _load(source, at) ^ crc
        crc = (
            _CRC[7, word & byte]
            ^ _CRC[6, (word >> np.uint64(8)) & byte]
            ^ _CRC[5, (word >> np.uint64(16)) & byte]
            ^ _CRC[4, (word >> np.uint64(24)) & byte]
            ^ _CRC[3, (word >> np.uint64(32)) & byte]
            ^ _CRC[2, (word >> np.uint64(40)) & byte]
            ^ _CRC[1, (word >> np.uint64(48)) & byte]
            ^ _CRC[0, word >> np.uint64(56)]
        )
        at += _U8
    while at < end:
        crc = (crc >> _U8) ^ _CRC[0, (crc ^ np.uint64(source[at])) & byte]
        at += _U1
    return crc ^ np.uint64(0xFFFFFFFF)


@njit(cache=True, nogil=True)
def _big_endian(source: Any, at: Any) -> Any:
    return (
        np.uint64(source[at]) << np.uint64(24)
        | np.uint64(source[at + _U1]) << np.uint64(16)
        | np.uint64(source[at + _U2]) << np.uint64(8)
        | np.uint64(source[at + _U3])
    )


@njit(cache=True, nogil=True)
def _unfilter(raw: Any, pixels: Any) -> bool:
    """Undo the row filters (PNG, section 9) of 28 rows; False for an unknown type.

    A row is its filter type and 28 bytes.
    """
    side = np.uint64(SIDE)
    at = _U0
    out = _U0
    for y in range(SIDE):
        kind = raw[at]
        at += _U1
        # The row above the first counts as zeros: "up" is a copy there, "Paeth" is "sub".
        if kind == 0 or (kind == 2 and y == 0):
            for _ in range(SIDE):
                pixels[out] = raw[at]
                out += _U1
                at += _U1
        elif kind == 1 or (kind == 4 and y == 0):
            left = _U0
            for _ in range(SIDE):
                left += np.uint64(raw[at])
                pixels[out] = left
                out += _U1
                at += _U1
        elif kind == 2:
            for _ in range(SIDE):
                pixels[out] = raw[at] + pixels[out - side]
                out += _U1
                at += _U1
        elif kind == 3:
            left = _U0
            for _ in range(SIDE):
                above = np.uint64(pixels[out - side]) if y > 0 else _U0
                left = (np.uint64(raw[at]) + ((left + above) >> _U1)) & np.uint64(255)
                pixels[out] = left
                out += _U1
                at += _U1
        elif kind == 4:
            a = np.int32(0)
            c = np.int32(0)
            for _ in range(SIDE):
                b = np.int32(pixels[out - side])
                to_a = abs(b - c)
                to_b = abs(a - c)
                to_c = abs(a + b - 2 * c)
                nearest = a if to_a <= to_b and to_a <= to_c else (b if to_b <= to_c else c)
                a = np.int32((np.int32(raw[at]) + nearest) & 255)
                pixels[out] = a
                c = b
                out += _U1
                at += _U1
        else:
            return False
    return True


@njit(cache=True, nogil=True)
def _find_pixels(source: Any, start: Any, size: Any) -> Any:
    """Return the bytes of the zlib stream in the plain PNG source[start : start + size]; -1 if it is not plain."""
    head = np.uint64(len(_HEAD))
    tail = np.uint64(len(_TAIL))
    if size < head + tail + _U8 + _U4:
        return np.int64(-1)
    for i in range(len(_HEAD)):
        if source[start + np.uint64(i)] != _HEAD[i]:
            return np.int64(-1)
    chunk = start + head
    data = chunk + _U8
    end = start + size - tail - _U4
    if _big_endian(source, chunk) != end - data:
        return np.int64(-1)
    for i in range(len(_IDAT)):
        if source[chunk + _U4 + np.uint64(i)] != _IDAT[i]:
            return np.int64(-1)
    for i in range(len(_TAIL)):
        if source[end + _U4 + np.uint64(i)] != _TAIL[i]:
            return np.int64(-1)
    if _crc32(source, chunk + _U4, end) != _big_endian(source, end):
        return np.int64(-1)
    return np.int64(end - data)


@njit(cache=True, nogil=True)
def _find_all(source: Any, starts: Any, sizes: Any, found: Any) -> None:
    for i in range(len(starts)):
        found[0, i] = -1
        if starts[i] >= 0:
            found[1, i] = _find_pixels(source, np.uint64(starts[i]), np.uint64(sizes[i]))
            if found[1, i] >= 0:
                found[0, i] = starts[i] + len(_HEAD) + 8


@njit(cache=True, nogil=True)
def _unfilter_all(raw: Any, decoded: Any, pixels: Any) -> None:
    for i in range(len(decoded)):
        decoded[i] = decoded[i] and _unfilter(raw[i], pixels[i])


def decode_plain(
    source: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    images: Images,
) -> npt.NDArray[np.bool_]:
    """Decode the plain 28x28 8-bit gray PNG files in a buffer, without the GIL.

    Args:
        source: uint8 (bytes,), contiguous and writable (so that one compiled version serves all calls).
        starts: int64 (n,), where each file starts in `source`; a negative start is passed over.
        sizes: int64 (n,), bytes of each file.
        images: uint8 (n, 28, 28), contiguous; row i is filled when file i is decoded, else undefined.

    Returns:
        bool (n,): which files were decoded. The others are not plain, or are damaged.

    Raises:
        ValueError: a file does not lie inside `source`, or the shapes do not fit together.
    """
    if sizes.shape != starts.shape or images.shape != (len(starts), SIDE, SIDE):
        raise ValueError(f"{starts.shape} starts, {sizes.shape} sizes, images of shape {images.shape}")
    used = starts >= 0
    if np.any(sizes[used] < 0) or np.any(sizes[used] > len(source) - starts[used]):
        raise ValueError("a file lies outside of the buffer")
    pixels = images.reshape(len(starts), PIXELS)
    decoded = np.empty(len(starts), np.bool_)
    raw = np.empty((_BATCH, _RAW_BYTES), np.uint8)
    for first in range(0, len(starts), _BATCH):
        part = slice(first, first + _BATCH)
        found = np.empty((2, len(starts[part])), np.int64)
        _find_all(source, starts[part], sizes[part], found)
        inflated = raw[: found.shape[1]]
        decoded[part] = inflate_all(source, found[0], found[1], inflated)
        _unfilter_all(inflated, decoded[part], pixels[part])
    return decoded
