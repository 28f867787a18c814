"""Values for the gallery: splits with copies, near copies, conflicting letters and hostile names."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.pair_table import search_near
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.curation.reading.files import files_table
from notmnist_assets.curation.report.gallery.data import GalleryData
from notmnist_assets.curation.sanitizing.decision import Policy, sanitize
from notmnist_assets_tests.builders import World, rectangles, split_of
from notmnist_assets_tests.curation.report.report_values import letters

RADIUS, SEARCH_RADIUS = 1.0, 5.0
ROWS = {"train": 60, "valid": 20, "test": 30}
HOSTILE = (
    "</script><b>bold</b>",
    'quote " and, comma',
    "line\nbreak",
    "\u202etxt.exe",
    "=1+1",
    "{{ title }} &amp; <!--",
)


def gallery_splits() -> dict[str, Split]:
    """Return splits whose images repeat: equal, or with one pixel changed; some copies have another letter."""
    random = np.random.default_rng(5)
    originals = rectangles(40, seed=5)
    splits = {}
    for place, (name, rows) in enumerate(ROWS.items()):
        chosen = random.integers(0, len(originals), rows)
        images = originals[chosen].copy()
        images[random.random(rows) < 0.4, 0, 0] += 40
        labels = np.where(random.random(rows) < 0.1, (chosen + 1) % 10, chosen % 10)
        fonts = [
            HOSTILE[number // 3 % len(HOSTILE)] if number % 3 == 0 else f"Font {number % 7}.ttf" for number in chosen
        ]
        split = split_of(images, labels.tolist(), fonts, "small" if name == "test" else "large")
        names = [f"{place}-{row}-{HOSTILE[row % len(HOSTILE)]}.png" for row in range(rows)]
        splits[name] = Split(split.images, split.labels, split.sources.assign(name=pd.Series(names, dtype="str")))
    return splits


def gallery_data(splits: dict[str, Split] | None = None, **changes: Any) -> GalleryData:
    """Return the input of a page, computed from the splits."""
    splits = gallery_splits() if splits is None else splits
    hashes = World(splits, RADIUS).hashes()
    pairs = search_near(RowIndex(hashes), splits, SEARCH_RADIUS).pairs
    index = RowIndex(hashes, pairs, RADIUS)
    data = GalleryData(
        title="notMNIST gallery",
        splits=splits,
        index=index,
        near_pairs=pairs,
        radius=RADIUS,
        search_radius=SEARCH_RADIUS,
        removed=sanitize(index, Policy()).removed,
        files=files_table(letters(HOSTILE[0], "empty file")),
    )
    return replace(data, **changes)


def label_issues() -> pd.DataFrame:
    """Return two rows whose label is likely wrong, one that is in no split, and one without an issue."""
    return pd.DataFrame(
        {
            "split": ["train", "none", "test", "train"],
            "row": [3, -1, 1, 4],
            "likely": ["C", "A", "D", "B"],
            "label_quality": [0.01, 0.1, np.nan, 0.9],
            "kind": ["wrong label", "wrong label", "blank", "none"],
        }
    )


def mistakes() -> pd.DataFrame:
    """Return two wrong predictions."""
    return pd.DataFrame(
        {"split": ["test", "valid"], "row": [4, 2], "predicted": ["E", "F"], "probability": [0.99, 0.7]}
    )
