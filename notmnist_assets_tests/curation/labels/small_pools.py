"""Small pools of letter-like images with fonts, in which some labels are turned."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS, SETS, Images
from notmnist_assets.curation.core.values import LetterImages
from notmnist_assets.curation.sanitizing.grouping import Pool, pool_letters
from notmnist_assets_tests.curation.letter_problems import letter_like


def pool_of(images: Images, labels: Sequence[int], sets: Sequence[int], fonts: Sequence[str]) -> Pool:
    """Return the pool of images, uint8 (n, 28, 28), sorted by set and label, with file names `<font>.png`."""
    rows = pd.DataFrame({"label": labels, "set": sets, "font": pd.Series(fonts, dtype="str")})
    letters = {
        name: {
            letter: _letter(images, rows[(rows["set"] == number) & (rows["label"] == label)])
            for label, letter in enumerate(LETTERS)
        }
        for number, name in enumerate(SETS)
    }
    return pool_letters(letters)


def _letter(images: Images, rows: pd.DataFrame) -> LetterImages:
    names = (rows["font"] + ".png").to_numpy(object)
    return LetterImages(images[rows.index.to_numpy()], names, pd.DataFrame(columns=["name", "bytes", "reason"]))


def letter_pool(per_letter: int, turned: int = 0, seed: int = 0) -> tuple[Pool, list[str]]:
    """Return images of ten classes, half of them in each set, and the fonts whose label A is turned.

    Args:
        per_letter: fonts; each has one image per letter.
        turned: fonts of large whose image of B is among those of A, and has no image of A.
        seed: of the images.
    """
    classes = np.tile(np.arange(10), per_letter)
    images, drawn = letter_like(40 * per_letter, seed=seed)
    order = np.concatenate([np.flatnonzero(drawn == label)[:per_letter] for label in range(10)])
    images = images[order].reshape(10, per_letter, 28, 28).swapaxes(0, 1).reshape(-1, 28, 28)
    fonts = [f"font {row // 10:03}" for row in range(len(classes))]
    sets = [(row // 10) % 2 for row in range(len(classes))]
    labels = classes.copy()
    kept = np.ones(len(classes), np.bool_)
    wrong = list(range(0, per_letter, 2))[:turned]
    for font in wrong:
        kept[10 * font] = False
        labels[10 * font + 1] = 0
    rows = np.flatnonzero(kept)
    pool = pool_of(images[rows], labels[rows].tolist(), [sets[row] for row in rows], [fonts[row] for row in rows])
    return pool, [f"font {font:03}" for font in wrong]
