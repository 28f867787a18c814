"""Renders captioned rows of images as PNG, such as pairs of near duplicates with their difference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from notmnist_assets.curation.core.figures import encode_png
from notmnist_assets.curation.core.images import SIDE, Images

_SCALE = 2
_GAP = 3
_CAPTION = 13
_PAPER = 190
_TEXT_SIZE = 10


@dataclass(frozen=True, eq=False)
class Exhibit:
    """Images with a common caption: uint8 (n, 28, 28)."""

    caption: str
    images: Images


def pair_exhibit(caption: str, first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Exhibit:
    """Return two images (28, 28) and their absolute difference, scaled to a maximum of 255.

    Near images differ by a few gray levels, which are invisible without scaling.
    """
    difference = np.abs(first.astype(np.int32) - second)
    amplified = difference * 255 // max(1, int(difference.max()))
    return Exhibit(caption, np.stack([first, second, amplified.astype(np.uint8)]))


def exhibit_sheet(exhibits: Sequence[Exhibit], per_line: int) -> bytes:
    """Render exhibits in reading order, `per_line` to a line, below their captions, as an 8-bit gray PNG."""
    side = SIDE * _SCALE
    font = ImageFont.load_default(_TEXT_SIZE)
    widths = [max(len(item.images) * (side + _GAP), int(font.getlength(item.caption))) for item in exhibits]
    width = max(widths, default=side) + 3 * _GAP
    height = _CAPTION + side + 2 * _GAP
    lines = max(1, -(-len(exhibits) // per_line))
    sheet = Image.new("L", (width * per_line, height * lines), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for place, exhibit in enumerate(exhibits):
        left, top = place % per_line * width + _GAP, place // per_line * height
        pen.text((left, top), exhibit.caption, fill=0, font=font)
        for number, image in enumerate(exhibit.images):
            enlarged = Image.fromarray(np.ascontiguousarray(image)).resize((side, side), Image.Resampling.NEAREST)
            sheet.paste(enlarged, (left + number * (side + _GAP), top + _CAPTION))
    return encode_png(sheet)
