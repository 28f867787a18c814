"""The nearest neighbour against a loop over all images."""

import numpy as np
import pytest

from notmnist_assets.curation.baselines import nearest
from notmnist_assets.curation.baselines.nearest import nearest_labels
from notmnist_assets.curation.core.images import Images
from notmnist_assets_tests.curation.letter_problems import letter_like


def nearest_by_loop(query: Images, train: Images, rows: list[int]) -> int:
    """Return the first of the nearest rows, by squared differences of pixels in 64 gray levels."""
    coarse = query.astype(int) // 4
    return min(rows, key=lambda row: (int(((train[row].astype(int) // 4 - coarse) ** 2).sum()), row))


@pytest.mark.parametrize("block", [7, 4096])
def test_the_nearest_images_are_those_of_a_loop(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(nearest, "_BLOCK_ROWS", block)
    train, _ = letter_like(60, seed=1)
    train[40] = train[3]
    train[50] = 255
    queries = np.concatenate([letter_like(20, seed=2)[0], train[[3, 40, 50]], np.zeros((1, 28, 28), np.uint8)])
    left_out = np.random.default_rng(0).random(60) < 0.3
    left_out[[3, 40, 50]] = True, False, True
    labels = np.arange(60, dtype=np.int32)  # so that a label tells the row
    with_all, without = nearest_labels(queries, train, labels, left_out)
    kept = np.flatnonzero(~left_out).tolist()
    assert with_all.tolist() == [nearest_by_loop(query, train, list(range(60))) for query in queries]
    assert without.tolist() == [nearest_by_loop(query, train, kept) for query in queries]
    assert (with_all[20], without[20]) == (3, 40)
