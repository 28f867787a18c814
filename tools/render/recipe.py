"""Records the parameters and versions that determine the bytes of rendered archives, and their fingerprint."""

import hashlib
import json
from importlib.metadata import version
from typing import Final

from PIL import features

from tools.render.fonts import face_files

RECIPE_VERSION: Final = 1
"""Increment it with every change of code that changes the rendered bytes."""

SEED: Final = 133


def recipe(large_per_letter: int, small_per_letter: int, seed: int) -> dict[str, int | str]:
    """Return the versions and parameters that determine the bytes: code, sizes, seed, fonts, rasterizer, compressor.

    The version of NumPy is not included: pixels depend only on integer arithmetic and exact float32 products.
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
    """Return the SHA-256 of the recipe: equal fingerprints mean that `render_archives` writes equal bytes."""
    described = json.dumps(recipe(large_per_letter, small_per_letter, seed), sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()
