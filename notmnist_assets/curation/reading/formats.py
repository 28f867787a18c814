"""Recognizes files that are no gzip-compressed tar archive, or no image of a letter, and says how to convert them."""

import shlex
from collections import Counter
from typing import Final

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.reading.rejections import Rejection

START_BYTES: Final = 512
"""Bytes from the start of a file that are enough to recognize it."""
_SHOWN_BYTES: Final = 8
_GZIP_MAGIC: Final = b"\x1f\x8b"
_TAR_MAGIC: Final = slice(257, 262)
_DECOMPRESS: Final = '{} -dc < "$f" | gzip > "$t.new" && mv "$t.new" "$t"'
_UNPACK: Final = 'd=$(mktemp -d) && {} && tar -czf "$t" -C "$d" .'
_FORMATS: Final[tuple[tuple[bytes, str, str | None], ...]] = (
    (b"\xfd7zXZ\x00", "an xz-compressed file", _DECOMPRESS.format("xz")),
    (b"BZh", "a bzip2-compressed file", _DECOMPRESS.format("bzip2")),
    (b"\x28\xb5\x2f\xfd", "a Zstandard-compressed file", _DECOMPRESS.format("zstd")),
    (b"PK\x03\x04", "a zip archive", _UNPACK.format('unzip -q "$f" -d "$d"')),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK.format('7z x "$f" -o"$d"')),
    (b"Rar!", "a RAR archive", None),
)
_COMPRESS: Final = 'gzip < "$f" > "$t.new" && mv "$t.new" "$t"'
_INFLATE: Final = 'gzip -dc < "$f" > "$t.new" && mv "$t.new" "$t"'
_RENAME: Final = 'mv "$f" "$t"'
_IMAGES: Final = (
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
)
_MARKUP: Final = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--")


def is_web_page(start: bytes) -> bool:
    """Return whether a file that begins with `start` is HTML."""
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_MARKUP)


def image_format(data: bytes) -> str | None:
    """Return the format of an image file with its article, None if it is not recognized."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "a WebP image"
    return next((name for magic, name in _IMAGES if data.startswith(magic)), None)


def shell_name(origin: str) -> str:
    """Return a file as a shell command names it: its path, or the last part of its URL."""
    return shlex.quote(origin.rpartition("/")[2] if "://" in origin else origin)


def describe_format(start: bytes) -> str:
    """Return the format of a file that begins with `start`, with its article and those bytes in hexadecimal."""
    return f"{_recognize(start)[0]} (first bytes: {start[:_SHOWN_BYTES].hex(' ') or 'none'})"


def repack_command(start: bytes, file: str, target: str) -> str | None:
    """Return the shell command that makes a `.tar.gz` of a file; None if it has no archive.

    Args:
        start: the first bytes of the file.
        file: the file, as `shell_name` returns it.
        target: the `.tar.gz`, which may be the same file.
    """
    command = _recognize(start)[1]
    if command is None:
        return None
    if file == target:
        return f"f={file}; {command.replace('$t', '$f')}"
    return f"f={file}; t={target}; {command}"


def wrong_format_error(start: bytes, subject: str, *, inside_gzip: bool) -> CurationError:
    """Return the error for a file that is no gzip file, or whose gzip stream is no tar archive.

    Args:
        start: its first bytes, or those of the inflated stream.
        subject: path or URL of the file.
        inside_gzip: whether `start` was inflated.
    """
    file = shell_name(subject)
    command = repack_command(start, file, file)
    if inside_gzip and command is not None:
        inflate = f"f={file}; {_INFLATE.replace('$t', '$f')}"
        command = inflate if start.startswith(_GZIP_MAGIC) else f"{inflate} && {command.partition('; ')[2]}"
    kind = "no tar archive, but has in its gzip stream" if inside_gzip else "no gzip file, but"
    remedy = f"Give a gzip-compressed tar archive, packed with: tar -czf {file} FOLDER"
    return CurationError(
        f"is {kind} {describe_format(start)}.",
        subject=subject,
        remedy=f"Repack it: {command}" if command else remedy,
    )


def repair_files(origin: str, reasons: Counter[str]) -> str:
    """Return what to do with an archive, given by path or URL, of which many files are rejected for these reasons."""
    reason = reasons.most_common(1)[0][0] if reasons else ""
    if reason.startswith(Rejection.WRONG_SHAPE.start):
        change = "-resize '28x28!'"
    elif reason == Rejection.TRANSPARENT:
        change = "-background black -alpha remove -alpha off"
    elif reason.startswith(Rejection.OTHER_FORMAT.start):
        change = "-format png"
    else:
        return "Use a complete archive of 28x28 PNG files."
    name = shell_name(origin)
    return (
        "Letters are 28x28 PNG files without transparency. Convert them with ImageMagick:"
        f' f={name}; d=$(mktemp -d) && tar -xzf "$f" -C "$d"'
        f' && find "$d" -type f -exec mogrify {change} {{}} + && tar -czf "$f" -C "$d" .'
    )


def _recognize(start: bytes) -> tuple[str, str | None]:
    """Return the format of a file with its article, and the command that makes a `.tar.gz` of it, if it can be one."""
    if start.startswith(_GZIP_MAGIC):
        return "a gzip file", _RENAME
    if start[_TAR_MAGIC] == b"ustar":
        return "an uncompressed tar archive", _COMPRESS
    for magic, name, command in _FORMATS:
        if start.startswith(magic):
            return name, command
    if is_web_page(start):
        return "a web page", None
    return image_format(start) or "an unknown format", None
