"""Makes the pictures of a page from exhibits."""

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from notmnist_assets.curation.core.exhibits import Exhibit, contact_sheet, exhibit_sheet

_SCALE: Final = 2


@dataclass(frozen=True)
class Picture:
    """A PNG image.

    Attributes:
        png: the file.
        alt: alternative text.
        caption: text below it.
        scale: side of a pixel on the page, in CSS pixels; 0 leaves the scaling to the browser.
    """

    png: bytes
    alt: str
    caption: str
    scale: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height on the page in CSS pixels."""
        width, height = struct.unpack(">II", self.png[16:24])
        return width * max(self.scale, 1), height * max(self.scale, 1)

    @property
    def uri(self) -> str:
        """The file as a data URI."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


def exhibit_picture(exhibit: Exhibit, alt: str) -> Picture:
    """Return the images of an exhibit side by side, each pixel enlarged."""
    png = contact_sheet(exhibit.images, columns=max(1, len(exhibit.images)))
    return Picture(png, f"{alt}. {exhibit.caption}", exhibit.caption, _SCALE)


def gallery_picture(exhibits: Sequence[Exhibit], per_line: int, alt: str, caption: str) -> Picture:
    """Return captioned images in one picture."""
    return Picture(exhibit_sheet(exhibits, per_line), alt, caption)
