"""What the bytes of rendered archives depend on, as numbers, versions and one fingerprint."""

import hashlib
import json
from importlib.metadata import version
from typing import Final

from PIL import features

from tools.render.fonts import face_files

RECIPE_VERSION: Final = 1
"""To be raised with every change of code that changes a byte."""

SEED: Final = 133


def recipe(large_per_letter: int, small_per_letter: int, seed: int) -> dict[str, int | str]:
    """Return all that decides the bytes: code, parameters, fonts, their rasterizer, the compressor.

    NumPy is not among it: only its integer arithmetic, and float32 products that are exact, enter the pixels.
    """
    fonts = hashlib.sha256()
    for path in face_files():
        fonts.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return {
        "recipe": RECIPE_VERSION,
        "large_per_letter": large_per_letter,
        "small_per_letter": small_per_letter,
        "seed": seed,
        "fonts": fonts.hexdigest(),
        "pillow": version("pillow"),
        "freetype": str(features.version("freetype2")),
        "pyarrow": version("pyarrow"),
    }


def fingerprint(large_per_letter: int, small_per_letter: int, seed: int = SEED) -> str:
    """Return a SHA-256 that is the same exactly when `render_archives` would write the same bytes."""
    described = json.dumps(recipe(large_per_letter, small_per_letter, seed), sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()
