"""From PNG bytes to pixels: accepted and rejected files; many files at once are decoded like single ones."""

import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from notmnist_assets.curation.core.images import SIDE
from notmnist_assets.curation.reading.decoding import UnreadableImageError, decode_files, decode_png
from notmnist_assets_tests.curation.reading.png_files import (
    PLAIN,
    RAW_BYTES,
    STREAM,
    assert_as_alone,
    chunk,
    decoded,
    decoded_alone,
    header,
    of_zeros,
    pillow_pixels,
    pillow_png,
    png,
    smooth_image,
)


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
    rows = np.concatenate([np.array(filters, np.uint8)[:, None], smooth_image(seed)], axis=1)
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
    rows = np.concatenate([np.zeros((SIDE, 1), np.uint8), smooth_image(seed)], axis=1)
    stream = bytearray(packer.compress(rows.tobytes()) + packer.flush())
    for at, value in changes:
        stream[at % len(stream)] = value
    if right_sum:
        # Correct the checksum of streams that inflate, because most mutations are rejected by their Adler-32 alone.
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
    data = bytearray(pillow_png(Image.fromarray(smooth_image(seed))))
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
    ("depth", "color", "interlace", "size"),
    # 28 rows, or 53 interlaced ones, each with one byte for its filter.
    [(8, 0, 0, 812), (1, 0, 0, 140), (16, 6, 0, 6300), (16, 4, 0, 3164), (8, 2, 1, 784 * 3 + 53), (1, 0, 1, 116 + 53)],
)
def test_no_row_may_be_missing(depth: int, color: int, interlace: int, size: int) -> None:
    described = header(depth=depth, color=color, interlace=interlace)
    if color < 4:
        assert not decode_png(of_zeros(size, described)).any()
    with pytest.raises(UnreadableImageError, match="truncated pixels"):
        decode_png(of_zeros(size - 1, described))


def test_gray_that_is_not_plain_has_the_same_pixels() -> None:
    pixels = smooth_image(5)
    rows = np.concatenate([np.zeros((SIDE, 1), np.uint8), pixels], axis=1).tobytes()
    stream = zlib.compress(rows)
    head, tail = PLAIN[:33], chunk(b"IEND", b"")
    two_parts = head + chunk(b"IDAT", stream[:9]) + chunk(b"IDAT", stream[9:]) + tail
    commented = head + chunk(b"tEXt", b"Title\0A") + chunk(b"IDAT", stream) + tail
    for data in (two_parts, commented, png(stream) + b"more"):
        np.testing.assert_array_equal(decoded(data), pixels)
        assert_as_alone(data)


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
