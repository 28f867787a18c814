"""Renders images as PNG: contact sheets, and captioned rows such as pairs of near duplicates with their difference."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from notmnist_assets.curation.core.images import SIDE, Images
from notmnist_assets.curation.core.wording import printable

_SHEET_GAP = 2
_SHEET_PAPER = 96
_SCALE = 3
_GAP = 6
_LINE = 16
"""Height of a line of text in pixels."""
_PAPER = 190
_TEXT_SIZE = 13
"""At least 12, so that the text is legible in the UI, which shows pictures in their size."""
_WIDTH = 1_176
"""Width of a gallery: the UI shows pictures up to 1,200 pixels wide."""
_ELLIPSIS = "..."


@dataclass(frozen=True, eq=False)
class Exhibit:
    """Images with a common caption.

    Attributes:
        caption: what they show.
        images: uint8 (n, 28, 28).
        sources: font and file of the images, a line each.
    """

    caption: str
    images: Images
    sources: Sequence[str] = ()


def source_lines(row: Mapping[Any, Any]) -> list[str]:
    """Return font and file of a row with the columns `font` and `name`."""
    return [printable(str(row[column])) for column in ("font", "name")]


def pair_exhibit(
    caption: str, first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8], sources: Sequence[str] = ()
) -> Exhibit:
    """Return two images (28, 28) and their absolute difference, scaled to a maximum of 255.

    Near images differ by a few gray levels, which are invisible without scaling.
    """
    difference = np.abs(first.astype(np.int32) - second)
    amplified = difference * 255 // max(1, int(difference.max()))
    return Exhibit(caption, np.stack([first, second, amplified.astype(np.uint8)]), sources)


def exhibit_sheet(exhibits: Sequence[Exhibit], per_line: int) -> bytes:
    """Render exhibits in reading order, `per_line` to a line, below their captions and sources, as an 8-bit gray PNG.

    Text that is wider than an exhibit is shortened in its middle.
    """
    side = SIDE * _SCALE
    font = ImageFont.load_default(_TEXT_SIZE)
    most_images = max((len(item.images) for item in exhibits), default=1)
    width = max(_WIDTH // per_line, most_images * (side + _GAP) + _GAP)
    text_lines = 1 + max((len(item.sources) for item in exhibits), default=0)
    head = text_lines * _LINE + _GAP // 2
    height = head + side + 2 * _GAP
    lines = max(1, -(-len(exhibits) // per_line))
    sheet = Image.new("L", (width * per_line, height * lines), _PAPER)
    pen = ImageDraw.Draw(sheet)
    # Without shades, text takes half the bytes.
    pen.fontmode = "1"
    for place, exhibit in enumerate(exhibits):
        left, top = place % per_line * width + _GAP, place // per_line * height
        for number, text in enumerate((exhibit.caption, *exhibit.sources)):
            pen.text((left, top + number * _LINE), _fitted(text, font, width - 2 * _GAP), fill=0, font=font)
        for number, image in enumerate(exhibit.images):
            enlarged = Image.fromarray(np.ascontiguousarray(image)).resize((side, side), Image.Resampling.NEAREST)
            sheet.paste(enlarged, (left + number * (side + _GAP), top + head))
    return encode_png(sheet)


def contact_sheet(images: Images, columns: int = 10, levels: int = 256, scale: int = 1) -> bytes:
    """Render images in reading order as an 8-bit gray PNG.

    Args:
        images: uint8 (n, 28, 28).
        columns: images per line.
        levels: number of gray levels, a divisor of 256; fewer levels make a smaller file.
        scale: side of a pixel of the images in the picture.
    """
    lines = max(1, -(-len(images) // columns))
    pitch = SIDE + _SHEET_GAP
    sheet = np.full((lines * pitch + _SHEET_GAP, columns * pitch + _SHEET_GAP), _SHEET_PAPER, np.uint8)
    step = 256 // levels
    for place, image in enumerate(images):
        top, left = _SHEET_GAP + place // columns * pitch, _SHEET_GAP + place % columns * pitch
        sheet[top : top + SIDE, left : left + SIDE] = image // step * step
    return encode_png(Image.fromarray(sheet.repeat(scale, axis=0).repeat(scale, axis=1)))


def _fitted(text: str, font: Any, width: float) -> str:
    """Return the text, shortened in its middle to at most `width` pixels."""
    kept = len(text)
    shown = text
    while font.getlength(shown) > width and kept > 0:
        kept -= 1
        shown = text[: kept - kept // 2] + _ELLIPSIS + text[len(text) - kept // 2 :]
    return shown


def encode_png(picture: Image.Image, *, level: int = 6) -> bytes:
    """Return an image as the bytes of a PNG file; `level` is that of zlib, 0 (uncompressed) to 9."""
    buffer = io.BytesIO()
    picture.save(buffer, format="png", compress_level=level)
    return buffer.getvalue()
