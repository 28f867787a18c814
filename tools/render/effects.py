"""Applies the effects of decorative fonts: heavier, thinner, outlined, shaded, striped, speckled, reversed.

The style of an invented font chooses the effect. All arithmetic is on integers, so that every machine renders the same
pixels.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import shift_pixels
from tools.render.framing import CANVAS, Canvases
from tools.render.randomness import Integers, Keys, below, between

_WEIGHT, _EFFECT = 300, 301
_DETAIL: Final = 310
_STEPS: Final = np.arange(CANVAS)
_ROWS: Final = _STEPS[:, None]


def thicken(canvases: Canvases, across: int, down: int) -> Canvases:
    """Widen the ink by `across` pixels to the left and right and `down` pixels up and down."""
    return _extremes(canvases, across, down, np.maximum, 0)


def thin(canvases: Canvases, across: int, down: int) -> Canvases:
    """Remove `across` pixels of ink at the left and right and `down` pixels at the top and bottom."""
    return _extremes(canvases, across, down, np.minimum, 255)


def decorate(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:
    """Apply the weight and the effect of its style to each glyph.

    Args:
        canvases: uint8 (n, CANVAS, CANVAS).
        styles: uint64 (n,), the key of the invented font, the same for all its letters.
        glyph_keys: uint64 (n,), the key of the glyph, for the positions of speckles and bites.

    Returns:
        uint8 (n, CANVAS, CANVAS).
    """
    result = canvases.copy()
    weight = below(styles, _WEIGHT, sum(share for share, _ in _WEIGHTS))
    for share, (across, down) in _WEIGHTS:
        rows = np.flatnonzero((weight >= 0) & (weight < share))
        weight -= share
        if len(rows) and across + down > 0:
            result[rows] = thicken(result[rows], across, down)
        elif len(rows) and across + down < 0:
            result[rows] = _keep_ink(thin(result[rows], -across, -down), result[rows])
    effect = below(styles, _EFFECT, 1000)
    for share, change in _EFFECTS:
        rows = np.flatnonzero((effect >= 0) & (effect < share))
        effect -= share
        if len(rows):
            result[rows] = change(result[rows], styles[rows], glyph_keys[rows])
    return result


def _extremes(canvases: Canvases, across: int, down: int, extreme: Callable[..., Canvases], outside: int) -> Canvases:
    for axis, reach in ((2, across), (1, down)):
        if reach:
            widths = [(0, 0), (0, 0), (0, 0)]
            widths[axis] = (reach, reach)
            padded = np.pad(canvases, widths, constant_values=outside)
            parts = [slice(None)] * 3
            parts[axis] = slice(0, CANVAS)
            canvases = padded[tuple(parts)].copy()
            for offset in range(1, 2 * reach + 1):
                parts[axis] = slice(offset, offset + CANVAS)
                extreme(canvases, padded[tuple(parts)], out=canvases)
    return canvases


def _keep_ink(changed: Canvases, original: Canvases) -> Canvases:
    """Return the changed images that keep at least a quarter of the ink, and the originals of the others."""
    left, before = ((c > 127).sum(axis=(1, 2)) for c in (changed, original))
    return np.where((4 * left >= before)[:, None, None], changed, original)


def _outline(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    return thicken(canvases, 2, 2) - canvases


def _hairline(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    return thicken(canvases, 1, 1) - thin(canvases, 1, 1)


def _inline(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    heavy = thicken(canvases, 2, 2)
    return heavy - (thin(heavy, 2, 2) - thin(heavy, 4, 4))


def _shadow(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    shadow = shift_pixels(canvases, 5, 6)
    return np.maximum(canvases, shadow - np.minimum(shadow, thicken(canvases, 2, 2)))


def _relief(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    body = canvases
    for step in range(1, 6):
        body = np.maximum(body, shift_pixels(canvases, step, step))
    return body - np.minimum(canvases, thin(body, 1, 1))


def _stripes(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    period = between(styles, _DETAIL, 5, 12)[:, None, None]
    cut = between(styles, _DETAIL + 1, 2, 4)[:, None, None]
    lean = between(styles, _DETAIL + 2, -1, 1)[:, None, None]
    upright = between(styles, _DETAIL + 3, 0, 1)[:, None, None]
    phase = np.where(upright, _STEPS + lean * _ROWS, _ROWS + lean * _STEPS) % period
    return np.where(phase < cut, 0, canvases).astype(np.uint8)


def _dots(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    period = between(styles, _DETAIL, 5, 9)[:, None, None]
    row, column = (2 * (lines % period) - period + 1 for lines in (_ROWS, _STEPS))
    return np.where(row * row + column * column <= period * period // 2, thicken(canvases, 1, 1), 0).astype(np.uint8)


def _speckle(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:
    cells = below(glyph_keys[:, None], _DETAIL + 100 + np.arange(CANVAS * CANVAS // 4), 1000)
    worn = cells.reshape(-1, CANVAS // 2, CANVAS // 2) < between(styles, _DETAIL, 60, 330)[:, None, None]
    return np.where(worn.repeat(2, axis=1).repeat(2, axis=2), 0, canvases).astype(np.uint8)


def _splash(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    return np.maximum(canvases, 255 * _discs(glyph_keys, 5, 2, 7).astype(np.uint8))


def _bites(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    return np.where(_discs(glyph_keys, 6, 3, 8), 0, canvases).astype(np.uint8)


def _moth(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    discs = _discs(glyph_keys, 4, 5, 11)
    return np.where(discs, 255 - canvases, canvases).astype(np.uint8)


def _reversed(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    plate = np.where(
        between(styles, _DETAIL, 0, 2)[:, None, None] > 0,
        np.maximum(abs(2 * _ROWS - CANVAS + 1), abs(2 * _STEPS - CANVAS + 1)) < CANVAS - 4,
        (2 * _ROWS - CANVAS + 1) ** 2 + (2 * _STEPS - CANVAS + 1) ** 2 < (CANVAS - 1) ** 2,
    )
    return np.where(plate, 255 - canvases, canvases).astype(np.uint8)


def _framed(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    ring = np.maximum(abs(2 * _ROWS - CANVAS + 1), abs(2 * _STEPS - CANVAS + 1))
    line = (ring <= CANVAS - 2) & (ring > CANVAS - 2 - 2 * between(styles, _DETAIL, 1, 4)[:, None, None])
    return np.where(line, 255, canvases).astype(np.uint8)


def _half(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    side = between(styles, _DETAIL, 0, 3)[:, None, None]
    place = between(styles, _DETAIL + 1, 22, 34)[:, None, None]
    lines = np.where(side % 2, _ROWS, _STEPS)
    beyond = np.where(side < 2, lines >= place, lines < place)
    return np.where(beyond, 255 - canvases, canvases).astype(np.uint8)


def _stencil(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    place = between(styles, _DETAIL, 20, 36)[:, None, None]
    half_gap = between(styles, _DETAIL + 1, 1, 3)[:, None, None]
    lines = np.where(between(styles, _DETAIL + 2, 0, 1)[:, None, None], _STEPS, _ROWS)
    return np.where(abs(lines - place) <= half_gap, 0, canvases).astype(np.uint8)


def _soft(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:  # noqa: ARG001
    sums = np.pad(canvases.astype(np.int64), ((0, 0), (3, 3), (3, 3))).cumsum(axis=1).cumsum(axis=2)
    sums = np.pad(sums, ((0, 0), (1, 0), (1, 0)))
    windows = sums[:, 7:, 7:] - sums[:, :-7, 7:] - sums[:, 7:, :-7] + sums[:, :-7, :-7]
    soft: Canvases = (windows // 49).astype(np.uint8)
    return soft


def _swash(canvases: Canvases, styles: Keys, glyph_keys: Keys) -> Canvases:
    start, end = between(glyph_keys, _DETAIL, 0, 20), between(glyph_keys, _DETAIL + 1, 36, 55)
    place = between(glyph_keys, _DETAIL + 2, 8, 48)
    bow = between(glyph_keys, _DETAIL + 3, -20, 20)
    thickness = between(styles, _DETAIL + 4, 1, 3)
    upright = between(styles, _DETAIL + 5, 0, 1)[:, None, None]
    along, across = np.where(upright, _ROWS, _STEPS), np.where(upright, _STEPS, _ROWS)
    arc = place[:, None, None] + bow[:, None, None] * (2 * along - CANVAS) ** 2 // CANVAS**2
    inside = (along >= start[:, None, None]) & (along <= end[:, None, None])
    return np.where(inside & (abs(across - arc) <= thickness[:, None, None]), 255, canvases).astype(np.uint8)


def _discs(glyph_keys: Keys, count: int, smallest: int, largest: int) -> npt.NDArray[np.bool_]:
    covered = np.zeros((len(glyph_keys), CANVAS, CANVAS), np.bool_)
    for disc in range(count):
        slot = _DETAIL + 10 * disc
        row, column = (_place(glyph_keys, slot + axis) for axis in (0, 1))
        radius = between(glyph_keys, slot + 2, smallest, largest)[:, None, None]
        covered |= (_ROWS - row) ** 2 + (_STEPS - column) ** 2 <= radius * radius
    return covered


def _place(glyph_keys: Keys, slot: int) -> Integers:
    return between(glyph_keys, slot, 4, CANVAS - 5)[:, None, None]


# Shares of fonts with pixels removed (negative) or added, across and down, and with effects, per thousand; the others
# are plain. They are chosen so that the accuracy of a linear model and the pixel statistics are those of notMNIST.
_WEIGHTS: Final = (
    (10, (-1, -1)),
    (8, (-1, 0)),
    (50, (0, 0)),
    (12, (1, 1)),
    (6, (2, 1)),
    (5, (2, 2)),
    (4, (3, 1)),
    (3, (3, 3)),
    (2, (4, 4)),
)
_EFFECTS: Final[tuple[tuple[int, Callable[[Canvases, Keys, Keys], Canvases]], ...]] = (
    (15, _outline),
    (12, _hairline),
    (10, _inline),
    (12, _shadow),
    (8, _relief),
    (12, _stripes),
    (8, _dots),
    (15, _speckle),
    (10, _splash),
    (12, _bites),
    (8, _moth),
    (15, _reversed),
    (10, _framed),
    (8, _half),
    (10, _stencil),
    (8, _soft),
    (22, _swash),
)
