"""From PNG bytes to pixels: accepted and rejected files; many files at once are decoded like single ones."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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


def drawn(seed: int) -> Images:
    """A smooth blob with an edge: compresses like a letter."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    blob = np.sin(x * rng.uniform(0.1, 0.6) + seed) + np.cos(y * rng.uniform(0.1, 0.6))
    pixels: Images = np.clip(blob * rng.uniform(50, 300) + 128, 0, 255).astype(np.uint8)
    return pixels


def pillow_pixels(data: bytes) -> Images:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def decoded(data: bytes) -> Images | str:
    """Decode a file among others, which must stay as they are; return its pixels or why it has none."""
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
    """Many at once must give the pixels and reasons of the thorough way."""
    among, alone = decoded(data), decoded_alone(data)
    assert isinstance(among, str) == isinstance(alone, str), (among, alone)
    np.testing.assert_array_equal(among, alone)


def compressed(data: bytes, level: int, wbits: int, memory: int, strategy: int, flush_at: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, wbits, memory, strategy)
    first = packer.compress(data[:flush_at]) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + packer.compress(data[flush_at:]) + packer.flush()


packings = st.tuples(
    st.integers(0, 9),
    st.integers(9, 15),
    st.integers(1, 9),
    st.sampled_from([zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED]),
    st.integers(0, RAW_BYTES),
)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 4), min_size=SIDE, max_size=SIDE), packings)
@settings(max_examples=150)
def test_any_filters_and_any_compression_decode_as_pillow_does(
    seed: int, filters: list[int], packing: tuple[int, int, int, int, int]
) -> None:
    rows = np.concatenate([np.array(filters, np.uint8)[:, None], drawn(seed)], axis=1)
    data = png(compressed(rows.tobytes(), *packing))
    np.testing.assert_array_equal(decoded(data), pillow_pixels(data))
    assert_as_alone(data)


@given(
    st.integers(0, 50),
    st.sampled_from([zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4),
    st.booleans(),
)
@settings(max_examples=300)
def test_a_mutated_stream_of_pixels_is_decoded_as_alone(
    seed: int, strategy: int, changes: list[tuple[int, int]], right_sum: bool
) -> None:
    packer = zlib.compressobj(6, strategy=strategy)
    rows = np.concatenate([np.zeros((SIDE, 1), np.uint8), drawn(seed)], axis=1)
    stream = bytearray(packer.compress(rows.tobytes()) + packer.flush())
    for at, value in changes:
        stream[at % len(stream)] = value
    if right_sum:
        # Most mutations fail by their Adler-32 alone: give those that inflate the right one.
        try:
            data = zlib.decompressobj(-15).decompress(bytes(stream[2:-4]), 1 << 16)
            stream[-4:] = zlib.adler32(data).to_bytes(4, "big")
        except zlib.error:
            pass
    assert_as_alone(png(bytes(stream)))


@given(
    st.integers(0, 50),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=3),
    st.integers(0, 40),
    st.booleans(),
)
@settings(max_examples=300)
def test_a_mutated_file_is_decoded_as_alone_and_as_pillow_does(
    seed: int, changes: list[tuple[int, int]], cut: int, right_crc: bool
) -> None:
    data = bytearray(pillow_png(Image.fromarray(drawn(seed))))
    for at, value in changes:
        data[at % len(data)] = value
    if right_crc:
        data[-16:-12] = zlib.crc32(data[37:-16]).to_bytes(4, "big")
    file = bytes(data[: len(data) - cut])
    assert_as_alone(file)
    pixels = decoded(file)
    if not isinstance(pixels, str):
        np.testing.assert_array_equal(pixels, pillow_pixels(file))


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_any_bytes_as_pixels_are_decoded_alike_or_rejected(stream: bytes) -> None:
    assert_as_alone(png(b"\x78\x9c" + stream))


@pytest.mark.parametrize("kind", [5, 17, 255])
def test_an_unknown_filter_is_rejected(kind: int) -> None:
    data = png(zlib.compress((bytes([kind]) + bytes(SIDE)) * SIDE))
    with pytest.raises(UnreadableImageError, match="damaged"):
        decode_png(data)
    assert_as_alone(data)


def with_wrong_byte(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def header(width: int = 28, height: int = 28, depth: int = 8, color: int = 0, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))


def of_zeros(size: int, *before: bytes) -> bytes:
    return PLAIN[:8] + b"".join([*before, chunk(b"IDAT", zlib.compress(bytes(size))), chunk(b"IEND", b"")])


STREAM = zlib.compress(bytes(RAW_BYTES))
PLAIN = png(STREAM)
BRIGHT = png(zlib.compress((b"\0" + b"\xff" * SIDE) * SIDE))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"GIF89a", "not a PNG"),
        (PLAIN[:4], "not a PNG"),
        (PLAIN[:8] + chunk(b"IEND", b""), "does not start with chunk IHDR"),
        (PLAIN[:20], "truncated in chunk IHDR"),
        (PLAIN[:50], "truncated in chunk IDAT"),
        (PLAIN[:-12], "truncated between chunks: no IEND"),
        (PLAIN[:-1], "truncated in chunk IEND"),
        (with_wrong_byte(PLAIN, 31), "wrong checksum in chunk IHDR"),
        (with_wrong_byte(PLAIN, 45), "wrong checksum in chunk IDAT"),
        (with_wrong_byte(PLAIN, len(PLAIN) - 13), "wrong checksum in chunk IDAT"),
        (with_wrong_byte(PLAIN, len(PLAIN) - 1), "wrong checksum in chunk IEND"),
        (png(with_wrong_byte(STREAM, len(STREAM) - 1)), "wrong checksum of the pixels (Adler-32)"),
        (png(STREAM[:-5]), "truncated pixels"),
        (png(b"\x78\x9c\x07"), "damaged pixels: invalid block type"),
        (png(zlib.compress(bytes(1 << 20))), "damaged pixels: too many of them"),
        (png(zlib.compress(bytes(RAW_BYTES - 1))), "truncated pixels"),
        (png(zlib.compress(bytes(RAW_BYTES - 29))), "truncated pixels"),
        (PLAIN[:33] + PLAIN[8:], "more than one chunk IHDR"),
        (PLAIN[:33] + header(14, 14) + PLAIN[33:], "more than one chunk IHDR"),
        (PLAIN[:8] + header(depth=3) + PLAIN[33:], "damaged: Pillow does not take it for a PNG"),
        (png(zlib.compress(bytes(28 * 28)), width=27), "wrong shape 27x28"),
        (png(zlib.compress(bytes(100)), width=2**31 - 1, height=2**31 - 1), "wrong shape 2147483647x"),
    ],
)
def test_every_unreadable_file_has_its_reason(data: bytes, reason: str) -> None:
    assert str(decoded_alone(data)).startswith(reason)
    assert_as_alone(data)


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


@pytest.mark.parametrize(
    ("depth", "color", "interlace", "size"),
    # 28 rows, each with its filter, or 53 interlaced ones, which start with a byte of their own.
    [(8, 0, 0, 812), (1, 0, 0, 140), (16, 6, 0, 6300), (16, 4, 0, 3164), (8, 2, 1, 784 * 3 + 53), (1, 0, 1, 116 + 53)],
)
def test_no_row_may_be_missing(depth: int, color: int, interlace: int, size: int) -> None:
    described = header(depth=depth, color=color, interlace=interlace)
    if color < 4:
        assert not decode_png(of_zeros(size, described)).any()
    with pytest.raises(UnreadableImageError, match="truncated pixels"):
        decode_png(of_zeros(size - 1, described))


def test_gray_that_is_not_plain_has_the_same_pixels() -> None:
    pixels = drawn(5)
    rows = np.concatenate([np.zeros((SIDE, 1), np.uint8), pixels], axis=1).tobytes()
    stream = zlib.compress(rows)
    head, tail = PLAIN[:33], chunk(b"IEND", b"")
    two_parts = head + chunk(b"IDAT", stream[:9]) + chunk(b"IDAT", stream[9:]) + tail
    commented = head + chunk(b"tEXt", b"Title\0A") + chunk(b"IDAT", stream) + tail
    for data in (two_parts, commented, png(stream) + b"more"):
        np.testing.assert_array_equal(decoded(data), pixels)
        assert_as_alone(data)


def file_of(*chunks: bytes) -> bytes:
    return PLAIN[:8] + b"".join(chunks) + chunk(b"IEND", b"")


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


@pytest.mark.parametrize("files", [0, 1, 2])
def test_decoded_images_can_be_written(files: int) -> None:
    images, _ = decode_files([PLAIN] * files)
    assert images.shape == (files, SIDE, SIDE)
    images[:] = 1


def test_a_small_file_of_many_bytes_is_inflated_no_further_than_a_letter_needs() -> None:
    bomb = png(zlib.compress(bytes(64 << 20), 9))
    tracemalloc.start()
    assert decoded(bomb) == "damaged pixels: too many of them"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20
