"""Applies the geometry of an invented font, the same for all its letters: slanted, bent, waved, coarse or torn.

All arithmetic is on integers, so that every machine renders the same pixels.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from tools.render.fonts import GLYPH_MARGIN, GLYPH_SIDE, Glyphs
from tools.render.framing import CANVAS, Canvases
from tools.render.randomness import Integers, Keys, below, between, chance

_REACH: Final = CANVAS - 1
"""Canvas coordinates run from -_REACH to _REACH in steps of 2: halves of a pixel from the middle."""
_WAVE_HEIGHT: Final = 4096
_SUBPIXEL_BITS: Final = 8

Shifts = npt.NDArray[np.int32]

# The slot of each random choice of a style; `_sometimes` uses two slots, a ripple a hundred.
_HEIGHT, _STRETCH, _IS_COARSE, _CELL, _IS_MIRRORED = range(100, 105)
_SLANT, _TILT, _TAPER, _BEND_SIDEWAYS, _BEND_UPWARD = range(110, 120, 2)
_ROWS_RIPPLE, _COLUMNS_RIPPLE = 1000, 1100


def warp(glyphs: Glyphs, faces: Integers, styles: Keys) -> Canvases:
    """Render glyph `faces[i]` in the geometry of style `styles[i]`.

    Args:
        glyphs: one character in every typeface.
        faces: int64 (n,), index of the typeface of each glyph.
        styles: uint64 (n,), the key of the invented font of each glyph.

    Returns:
        uint8 (n, CANVAS, CANVAS).
    """
    half = GLYPH_SIDE // 2 - GLYPH_MARGIN
    height = between(styles, _HEIGHT, 16 * 256, 21 * 256)
    # Narrow letters are widened, because framing would enlarge their pixels otherwise.
    width = height * np.clip(glyphs.aspects[faces], 112, 300) // 256 * between(styles, _STRETCH, 220, 300) // 256
    # 1/256 pixel of the bitmap for half a pixel of the canvas; all products below fit 32 bits.
    scale_x = ((half << (_SUBPIXEL_BITS + 7)) // width).astype(np.int32)
    scale_y = ((half << (_SUBPIXEL_BITS + 7)) // height).astype(np.int32)

    steps = np.arange(-_REACH, _REACH + 1, 2, dtype=np.int32)
    bow = steps * steps // _REACH
    slant = _sometimes(styles, _SLANT, 150, -40, 130)
    tilt = _sometimes(styles, _TILT, 70, -80, 80)
    taper = _sometimes(styles, _TAPER, 60, -110, 110)
    bend_sideways = _sometimes(styles, _BEND_SIDEWAYS, 50, -90, 90)
    bend_upward = _sometimes(styles, _BEND_UPWARD, 40, -90, 90)

    # Shifts of whole rows to the side (n, CANVAS) and of whole columns up or down, in 1/256 of a half pixel.
    sideways = slant[:, None] * steps + bend_sideways[:, None] * bow + _ripple(styles, _ROWS_RIPPLE, steps)
    upward = tilt[:, None] * steps + bend_upward[:, None] * bow + _ripple(styles, _COLUMNS_RIPPLE, steps)

    middle = (GLYPH_SIDE // 2) << _SUBPIXEL_BITS
    across = middle + scale_x[:, None] * steps
    down = middle + scale_y[:, None] * steps
    columns = across[:, None, :] + (scale_x[:, None] * sideways // 256)[:, :, None]
    columns += (scale_x * taper)[:, None, None] * (steps[:, None] * steps) // (256 * _REACH)
    rows = down[:, :, None] + (scale_y[:, None] * upward // 256)[:, None, :]
    columns >>= _SUBPIXEL_BITS
    rows >>= _SUBPIXEL_BITS

    coarse = np.flatnonzero(chance(styles, _IS_COARSE, 35))
    cell = between(styles[coarse], _CELL, 9, 20).astype(np.int32)[:, None, None]
    columns[coarse] = columns[coarse] // cell * cell + cell // 2
    rows[coarse] = rows[coarse] // cell * cell + cell // 2
    mirrored = chance(styles, _IS_MIRRORED, 3)
    columns[mirrored] = GLYPH_SIDE - 1 - columns[mirrored]

    np.clip(columns, 0, GLYPH_SIDE - 1, out=columns)
    np.clip(rows, 0, GLYPH_SIDE - 1, out=rows)
    pixels = (faces.astype(np.int32) * GLYPH_SIDE**2)[:, None, None] + rows * GLYPH_SIDE + columns
    canvases: Canvases = glyphs.bitmaps.ravel()[pixels]
    return canvases


def _sometimes(styles: Keys, slot: int, per_mille: int, low: int, high: int) -> Shifts:
    """Sample an amount from `low` to `high` for `per_mille` styles in a thousand, else 0; use two slots."""
    amount = between(styles, slot, low, high)
    return np.where(chance(styles, slot + 1, per_mille), amount, 0).astype(np.int32)


def _ripple(styles: Keys, slot: int, steps: Shifts) -> Shifts:
    """Sample waves and jitter along one axis: (n, CANVAS) in 1/256 of a half pixel."""
    height = _sometimes(styles, slot, 40, 200, 1100)[:, None]
    turn = between(styles, slot + 2, 1, 6)[:, None]
    phase = (between(styles, slot + 3, 0, 255)[:, None] + turn * steps) & 255
    half = phase & 127
    wave = np.where(phase & 128, -1, 1) * half * (128 - half)
    tear = _sometimes(styles, slot + 4, 22, 150, 700)[:, None]
    jitter = below(styles[:, None], slot + 10 + np.arange(len(steps)), 513) - 256
    shifts: Shifts = (height * wave // _WAVE_HEIGHT + tear * jitter // 256).astype(np.int32)
    return shifts
