"""The reasons for which a file of a letter is rejected. docs/method.md lists them, with what they mean."""

from enum import StrEnum


class Rejection(StrEnum):
    """Reasons to reject a file; braces stand for what the file has."""

    DUPLICATE_NAME = "duplicate name: a later member replaced it"
    NOT_REGULAR = "not a regular file: {}"
    TOO_LARGE = "larger than {} bytes"
    EMPTY = "empty file"
    NOT_PNG = "not a PNG"
    OTHER_FORMAT = "not a PNG: {}"
    NO_HEADER = "does not start with chunk IHDR"
    SECOND_HEADER = "more than one chunk IHDR"
    NO_END = "truncated between chunks: no IEND"
    TRUNCATED_CHUNK = "truncated in chunk {}"
    CHUNK_CHECKSUM = "wrong checksum in chunk {}"
    CRITICAL_CHUNK = "unknown critical chunk {}"
    NO_PALETTE = "no palette before the pixels"
    SECOND_PALETTE = "more than one palette"
    LATE_PALETTE = "palette after the pixels"
    DAMAGED_PALETTE = "damaged palette of {} bytes"
    SHORT_PALETTE = "palette too short for its pixels"
    WRONG_SHAPE = "wrong shape {}x{}"
    TRUNCATED_PIXELS = "truncated pixels"
    DAMAGED_PIXELS = "damaged pixels: {}"
    PIXEL_CHECKSUM = "wrong checksum of the pixels (Adler-32)"
    TRANSPARENT = "has transparent pixels"
    DAMAGED = "damaged: {}"

    @property
    def start(self) -> str:
        """The text before what the file has."""
        return self.value.partition("{")[0]
