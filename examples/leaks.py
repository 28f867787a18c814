"""Measure why leaking test rows score higher, with `uv run python examples/leaks.py`, after `make demo`.

Fits the model of the baselines on all rows of splits/train, then without the rows that are also in test.
"""

import numpy as np

from notmnist_assets.curation import MODELS, SPLITS, RowIndex, chosen_radius
from notmnist_assets.definitions import defs

train, _, test = (defs.load_asset_value(["splits", name]) for name in SPLITS)
hashes = {name: defs.load_asset_value(["hashes", name]) for name in SPLITS}
pairs, curve, removed = (
    defs.load_asset_value(key) for key in (["overlap", "near_pairs"], ["overlap", "radius"], ["sanitized", "removed"])
)
index = RowIndex(hashes, pairs, chosen_radius(curve))
nearest_in_test = index.nearest(index.in_split("test"), "near").row
in_test = (nearest_in_test >= 0)[index.image[index.in_split("train")]]
is_removed = np.zeros(len(test), bool)
is_removed[removed.query("split == 'test'")["row"]] = True

pixels, test_pixels = (split.images.reshape(len(split), -1) for split in (train, test))
for name, rows in {"all of train": np.full(len(train), True), "train without rows of test": ~in_test}.items():
    model = MODELS["logistic_regression"].create().fit(pixels[rows], train.labels[rows])
    correct = model.predict(test_pixels) == test.labels
    scores = f"removed test rows {correct[is_removed].mean():.3f}, clean ones {correct[~is_removed].mean():.3f}"
    print(f"{name}, {rows.sum()} rows: {scores}")  # noqa: T201
