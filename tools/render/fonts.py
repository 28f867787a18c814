"""Finds the font files of the dependency group `render` and of matplotlib, and renders single upright glyphs.

All these fonts have free licences (SIL OFL 1.1, Apache 2.0, Bitstream Vera, STIX, Knuth's).
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from notmnist_assets.curation.core.errors import CurationError

GLYPH_SIDE: Final = 128
"""Side of a glyph bitmap in pixels; the glyph fills it except for a margin of GLYPH_MARGIN on each side."""
GLYPH_MARGIN: Final = 8

_POINT_SIZE: Final = 160
_FONT_PACKAGES: Final = (
    "font_amatic_sc",
    "font_caladea",
    "font_fredoka_one",
    "font_hanken_grotesk",
    "font_intuitive",
    "font_manrope",
    "font_roboto",
    "font_source_sans_pro",
    "font_source_serif_pro",
)
# Matplotlib also has fonts of mathematical symbols without the letters A to J; these are the others.
_MATPLOTLIB_FONTS: Final = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-BoldOblique", "DejaVuSans-Oblique",
    "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-BoldOblique", "DejaVuSansMono-Oblique",
    "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-BoldItalic", "DejaVuSerif-Italic",
    "STIXGeneral", "STIXGeneralBol", "STIXGeneralBolIta", "STIXGeneralItalic",
    "cmb10", "cmmi10", "cmr10", "cmss10", "cmsy10", "cmti10", "cmtt10",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Glyphs:
    """One character in every typeface.

    Attributes:
        bitmaps: uint8 (faces, GLYPH_SIDE, GLYPH_SIDE), the glyph stretched to the square inside the margin.
        aspects: int64 (faces,), width over height of the glyph before stretching, times 256.
    """

    bitmaps: npt.NDArray[np.uint8]
    aspects: npt.NDArray[np.int64]


@cache
def face_files() -> tuple[Path, ...]:
    """Return the font files in order of their names: the same on every machine with the same packages.

    Raises:
        CurationError: a font package is missing.
    """
    found: dict[str, Path] = {}
    for package in _FONT_PACKAGES:
        if find_spec(package) is None:
            raise CurationError(
                "is not installed, so its letters cannot be rendered.",
                subject=package,
                remedy="Install the fonts: uv sync --group render",
            )
        folder = Path(str(files(package) / "files"))
        # Two packages have each face in both formats: the later one in this order, OpenType, is used.
        for path in (*sorted(folder.glob("*.ttf")), *sorted(folder.glob("*.otf"))):
            if "VariableFont" not in path.stem:
                found[path.stem] = path
    folder = Path(str(files("matplotlib") / "mpl-data" / "fonts" / "ttf"))
    found |= {stem: folder / f"{stem}.ttf" for stem in _MATPLOTLIB_FONTS}
    return tuple(found[stem] for stem in sorted(found))


@cache
def glyphs(character: str) -> Glyphs:
    """Render `character` in every typeface, in the order of `face_files`."""
    rendered = [_render(path, character) for path in face_files()]
    return Glyphs(
        np.stack([bitmap for bitmap, _ in rendered]),
        np.array([aspect for _, aspect in rendered], np.int64),
    )


@cache
def _typeface(path: Path) -> ImageFont.FreeTypeFont:
    # Every build of Pillow has the basic layout.
    return ImageFont.truetype(path, _POINT_SIZE, layout_engine=ImageFont.Layout.BASIC)


def _render(path: Path, character: str) -> tuple[npt.NDArray[np.uint8], int]:
    face = _typeface(path)
    left, top, right, bottom = (int(edge) for edge in face.getbbox(character))
    page = Image.new("L", (max(right - left, 1), max(bottom - top, 1)))
    ImageDraw.Draw(page).text((-left, -top), character, fill=255, font=face)
    ink = np.asarray(page)
    rows, columns = np.flatnonzero((ink > 127).any(axis=1)), np.flatnonzero((ink > 127).any(axis=0))
    if not len(rows):
        raise CurationError(
            f"has no glyph for {character!r}.",
            subject=str(path),
            remedy="Install the versions of the font packages that the lock file names.",
        )
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # Nearest neighbor in integer arithmetic gives the same pixels on every machine. The page is finer than the bitmap.
    inner = GLYPH_SIDE - 2 * GLYPH_MARGIN
    centres = 2 * np.arange(inner) + 1
    stretched = ink[np.ix_(centres * ink.shape[0] // (2 * inner), centres * ink.shape[1] // (2 * inner))]
    # Soft edges, so that nearest neighbor is enough when the glyph is shrunk and slanted.
    padded = np.pad(stretched.astype(np.uint16), GLYPH_MARGIN + 1)
    soft = padded[:-2] + padded[1:-1] + padded[2:]
    soft = (soft[:, :-2] + soft[:, 1:-1] + soft[:, 2:]) // 9
    return soft.astype(np.uint8), 256 * ink.shape[1] // ink.shape[0]
