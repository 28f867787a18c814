"""Generates small classification problems for the tests of the classifiers."""

import numpy as np
import pandas as pd

from notmnist_assets.curation.baselines.fitting import Labels
from notmnist_assets.curation.core.images import LETTERS, SIDE, Images
from notmnist_assets.curation.core.values import Split


def letter_like(rows: int, *, classes: int = 10, seed: int = 0) -> tuple[Images, Labels]:
    """Return blurred blobs, one prototype per class, with noise strong enough that classes overlap."""
    prototypes = np.random.default_rng(7).normal(127, 30, (classes, SIDE, SIDE))
    for axis in (1, 2):
        prototypes = np.mean([np.roll(prototypes, shift, axis) for shift in range(-2, 3)], axis=0)
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, rows).astype(np.int32)
    coarse = random.normal(0, 60, (rows, SIDE // 4, SIDE // 4)).repeat(4, 1).repeat(4, 2)
    noisy = prototypes[labels] + coarse + random.normal(0, 10, (rows, SIDE, SIDE))
    return np.clip(noisy, 0, 255).astype(np.uint8), labels


def letter_split(rows: int, *, archive: str, first: int = 0, seed: int = 0) -> Split:
    """Return a split with numbered file names, from `first` on."""
    images, labels = letter_like(rows, seed=seed)
    names = [f"{first + row:06d}.png" for row in range(rows)]
    letters = [LETTERS[label] for label in labels]
    return Split(images, labels, pd.DataFrame({"set": archive, "letter": letters, "name": names, "font": names}))
