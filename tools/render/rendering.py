"""Renders characters in invented fonts to 28x28 pixels, and applies the small changes of near duplicates."""

from typing import Final

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.core.images import PIXEL_DEPTH, PIXELS, SIDE, Images, distances
from tools.render.effects import decorate
from tools.render.fonts import face_files, glyphs
from tools.render.framing import fill_frame
from tools.render.randomness import Integers, Keys, below, between, chance, keys
from tools.render.warping import warp

NEAREST, FARTHEST = 0.2, 8.0
"""Bounds of the distance of a planted near duplicate: sum of absolute pixel differences / 255."""

_FACE, _LOOSE, _MARGIN = 10, 11, 12
_BATCH: Final = 128
_CHANGED_PIXELS: Final = 3
_STROKES: Final = "I"
"""Letters that may be a white square after cropping to their ink, as in the original."""
_SHAPE: Final = 40
"""Fewest pixels of ink and of background that a letter needs."""


def render(characters: npt.NDArray[np.str_], styles: Keys) -> Images:
    """Render characters in invented fonts.

    Args:
        characters: str (n,), one character each.
        styles: uint64 (n,), the key of the invented font of each.

    Returns:
        uint8 (n, 28, 28).
    """
    images = np.empty((len(characters), SIDE, SIDE), np.uint8)
    for character in np.unique(characters):
        chosen = np.flatnonzero(characters == character)
        for start in range(0, len(chosen), _BATCH):
            rows = chosen[start : start + _BATCH]
            images[rows] = _render_one_character(str(character), styles[rows])
    return images


def _render_one_character(character: str, styles: Keys) -> Images:
    faces = below(styles, _FACE, len(face_files()))
    glyph_keys = keys(styles, ord(character))
    plain = warp(glyphs(character), faces, styles)
    margins = np.where(chance(styles, _LOOSE, 80), between(styles, _MARGIN, 1, 4), 0)
    images = fill_frame(decorate(plain, styles, glyph_keys), margins)
    if character not in _STROKES:
        lost = np.flatnonzero(_is_shapeless(images))
        images[lost] = fill_frame(plain[lost], margins[lost])
    return images


def _is_shapeless(images: Images) -> npt.NDArray[np.bool_]:
    """Return which images show no letter: nearly all ink, nearly no ink, or one gray level."""
    dark = (images < PIXEL_DEPTH // 2).sum(axis=(1, 2))
    shapeless: npt.NDArray[np.bool_] = np.minimum(dark, PIXELS - dark) < _SHAPE
    return shapeless


def perturb(images: Images, kinds: npt.NDArray[np.str_], glyph_keys: Keys) -> Images:
    """Change images a little, as another version of the same font would.

    The distance to the original is between NEAREST and FARTHEST: if a change is smaller or larger, a few pixels are
    changed instead.

    Args:
        images: uint8 (n, 28, 28).
        kinds: str (n,), each one of NEAR_KINDS.
        glyph_keys: uint64 (n,), keys of the random numbers.

    Returns:
        uint8 (n, 28, 28).
    """
    changed = images.copy()
    for kind, change in _CHANGES.items():
        rows = np.flatnonzero(kinds == kind)
        if len(rows):
            changed[rows] = change(images[rows], glyph_keys[rows])
    far = distance(images, changed)
    rows = np.flatnonzero((far < NEAREST) | (far > FARTHEST))
    changed[rows] = _change_pixels(images[rows], glyph_keys[rows])
    return changed


def distance(one: Images, other: Images) -> npt.NDArray[np.float64]:
    """Return the distance of `one[i]` and `other[i]`, float64 (n,): sum of absolute pixel differences / 255."""
    return distances(one, other) / PIXEL_DEPTH


def _add_noise(images: Images, glyph_keys: Keys) -> Images:
    amplitude = between(glyph_keys, 0, 1, 4)[:, None]
    noise = below(glyph_keys[:, None], np.arange(1, PIXELS + 1), 2 * amplitude + 1) - amplitude
    return np.clip(images + noise.reshape(images.shape), 0, PIXEL_DEPTH).astype(np.uint8)


def _change_pixels(images: Images, glyph_keys: Keys) -> Images:
    flat = images.reshape(-1, PIXELS).copy()
    rows = np.arange(len(flat))
    start = below(glyph_keys, 0, PIXELS)
    for step in range(_CHANGED_PIXELS):
        # Steps of a third keep the changed pixels apart.
        columns = (start + step * (PIXELS // _CHANGED_PIXELS)) % PIXELS
        levels = flat[rows, columns].astype(np.int64)
        amount = between(glyph_keys, step + 1, 60, 127)
        flat[rows, columns] = np.where(levels < 128, levels + amount, levels - amount)
    return flat.reshape(images.shape)


def _blur(images: Images, glyph_keys: Keys) -> Images:
    levels = images.astype(np.int64)
    padded = np.pad(levels, ((0, 0), (1, 1), (1, 1)), mode="edge")
    blurred = (padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]) // 4
    difference = blurred - levels
    # The blur is reduced to a distance below 1 to 6.
    budget = between(glyph_keys, 0, 1, 6) * PIXEL_DEPTH
    total = np.maximum(np.abs(difference).sum(axis=(1, 2)), budget)
    changed: Images = (levels + difference * budget[:, None, None] // total[:, None, None]).astype(np.uint8)
    return changed


def _requantize(images: Images, glyph_keys: Keys) -> Images:
    step = between(glyph_keys, 0, 3, 12)[:, None, None]
    levels: Integers = (images + step // 2) // step * step
    return np.minimum(levels, PIXEL_DEPTH).astype(np.uint8)


_CHANGES: Final = {
    "gray noise": _add_noise,
    "changed pixels": _change_pixels,
    "slight blur": _blur,
    "fewer gray levels": _requantize,
}
NEAR_KINDS: Final = tuple(_CHANGES)
"""The kinds of small changes of `perturb`."""
