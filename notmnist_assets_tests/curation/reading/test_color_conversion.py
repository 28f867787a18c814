"""Files of other color types and depths: conversion to 8-bit gray, palettes, and transparent pixels."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from notmnist_assets.curation.core.images import SIDE
from notmnist_assets.curation.reading.decoding import UnreadableImageError, decode_png
from notmnist_assets_tests.curation.reading.png_files import (
    PLAIN,
    assert_as_alone,
    chunk,
    decoded,
    file_of,
    header,
    pillow_png,
)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("1", (28, 28), 1), 255),
        (Image.new("P", (28, 28), 3), 3),
        (Image.new("RGB", (28, 28), (90, 90, 90)), 90),
        (Image.new("LA", (28, 28), (40, 255)), 40),
        (Image.new("RGBA", (28, 28), (50, 50, 50, 255)), 50),
        (Image.fromarray(np.full((28, 28), 200 * 257, np.uint16)), 200),
    ],
    ids=["1 bit", "palette", "RGB", "gray, opaque", "RGB, opaque", "16 bits"],
)
def test_other_kinds_of_opaque_png_become_8_bit_gray(image: Image.Image, expected: int) -> None:
    if image.mode == "P":
        image.putpalette([v for i in range(256) for v in (i, i, i)])
    data = pillow_png(image)
    assert_as_alone(data)
    pixels = decode_png(data)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, np.full((28, 28), expected))


@pytest.mark.parametrize("image", [Image.new("LA", (28, 28), (40, 0)), Image.new("RGBA", (28, 28), (1, 2, 3, 254))])
def test_transparent_pixels_are_rejected(image: Image.Image) -> None:
    with pytest.raises(UnreadableImageError, match="has transparent pixels"):
        decode_png(pillow_png(image))


@pytest.mark.parametrize(("depth", "shade"), [(1, 1), (2, 3), (2, 1), (4, 5), (8, 7), (16, 0x0707), (16, 0)])
def test_the_transparent_shade_of_a_gray_file_is_found_at_any_depth(depth: int, shade: int) -> None:
    row = np.full(28 * max(depth, 8) // 8, shade & 255, np.uint8)
    if depth < 8:
        row = np.packbits(np.unpackbits(np.full((28, 1), shade, np.uint8), axis=1)[:, -depth:])
    pixels = chunk(b"IDAT", zlib.compress((b"\0" + row.tobytes()) * 28))

    def file(transparent: int) -> bytes:
        marked = chunk(b"tRNS", struct.pack(">H", transparent))
        return PLAIN[:8] + header(depth=depth) + marked + pixels + chunk(b"IEND", b"")

    with pytest.raises(UnreadableImageError, match="has transparent pixels"):
        decode_png(file(shade))
    np.testing.assert_array_equal(decode_png(file(shade ^ 1)), round(shade * 255 / (2**depth - 1)))


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
INDICES = chunk(b"IDAT", zlib.compress((b"\0" + b"\1\2" * 14) * SIDE))
COLORS = chunk(b"PLTE", bytes([0, 0, 0, 10, 10, 10, 200, 200, 200]))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (file_of(header(color=3), INDICES), "no palette before the pixels"),
        (file_of(header(color=3), INDICES, COLORS), "no palette before the pixels"),
        (file_of(header(color=3), COLORS, INDICES, COLORS), "palette after the pixels"),
        (file_of(header(color=3), COLORS, COLORS, INDICES), "more than one palette"),
        (file_of(header(color=3), chunk(b"PLTE", bytes(6)), INDICES), "palette too short for its pixels"),
        (file_of(header(color=3), chunk(b"PLTE", bytes(8)), INDICES), "damaged palette of 8 bytes"),
        (file_of(header(color=3), chunk(b"PLTE", bytes(771)), INDICES), "damaged palette of 771 bytes"),
        (file_of(header(), chunk(b"CgBI", bytes(4)), PLAIN[33:-12]), "unknown critical chunk CgBI"),
    ],
)
def test_short_palettes_and_unknown_critical_chunks_are_rejected(data: bytes, reason: str) -> None:
    assert decoded(data) == reason


def test_a_palette_and_ancillary_chunks_are_read() -> None:
    pixels = decoded(file_of(header(color=3), COLORS, INDICES))
    assert not isinstance(pixels, str)
    assert pixels[0, :2].tolist() == [10, 200]
    np.testing.assert_array_equal(decoded(file_of(header(), chunk(b"quIt", b"x"), PLAIN[33:-12])), decoded(PLAIN))


@pytest.mark.parametrize("interlace", [0, 1])
def test_a_transparent_color_of_16_bits_is_compared_in_all_of_them(interlace: int) -> None:
    color = (0x1234, 0x5678, 0x9ABC)
    sample = struct.pack(">HHH", *color)
    # Columns and rows of each pass.
    passes = ADAM7 if interlace else [(0, 0, 1, 1)]
    sizes = [(-(-(SIDE - x) // right), -(-(SIDE - y) // down)) for x, y, right, down in passes]
    pixels = chunk(b"IDAT", zlib.compress(b"".join((b"\0" + sample * columns) * rows for columns, rows in sizes)))

    def file(*transparent: int) -> bytes:
        described = header(depth=16, color=2, interlace=interlace)
        return file_of(described, chunk(b"tRNS", struct.pack(">HHH", *transparent)), pixels)

    assert decoded(file(*color)) == "has transparent pixels"
    for close in ((0x1235, 0x5678, 0x9ABC), (0x1234, 0x5678, 0x9ABD), (0x1334, 0x5678, 0x9ABC)):
        np.testing.assert_array_equal(decoded(file(*close)), round(0.299 * 0x12 + 0.587 * 0x56 + 0.114 * 0x9A))
