"""Tables of images with many near pairs, and their pairs by brute force."""

import numpy as np
import numpy.typing as npt

from notmnist_assets.curation.duplicates.near import NearPairs

Table = npt.NDArray[np.uint8]
Triples = list[tuple[int, int, int]]


def noisy_copies(n: int, seed: int, spread: float = 12.0) -> Table:
    """Return n noisy copies of four random images, some of them equal: uint8 (n, 28, 28)."""
    rng = np.random.default_rng(seed)
    originals = (rng.random((4, 28, 28)) < 0.4) * 255
    scale = rng.choice([0.0, 1.0, spread, 4 * spread], (n, 1, 1))
    noisy = originals[rng.integers(0, 4, n)] + np.rint(rng.normal(0, 1, (n, 28, 28)) * scale)
    images: Table = np.clip(noisy, 0, 255).astype(np.uint8)
    return images


def sparse_changes(n: int, seed: int) -> Table:
    """Return n images that differ in one to seven pixels, each in its own cell: uint8 (n, 28, 28).

    The distance of two images then equals the lower bound by cell sums.
    """
    rng = np.random.default_rng(seed)
    images = np.zeros((n, 28, 28), np.uint8)
    cells = rng.choice(49, rng.integers(1, 8), replace=False)
    images[:, cells // 7 * 4, cells % 7 * 4] = rng.integers(0, 256 >> rng.integers(0, 6), (n, len(cells)))
    return images


def distances(a: Table, b: Table) -> npt.NDArray[np.int64]:
    """Return all distances by brute force: int64 (len(a), len(b))."""
    left, right = (t.reshape(len(t), 784).astype(np.int16) for t in (a, b))
    return np.array([np.abs(right - x).sum(axis=1, dtype=np.int64) for x in left], np.int64).reshape(len(a), len(b))


def shifted_distances(a: Table, b: Table) -> npt.NDArray[np.int64]:
    """Return all smallest distances over moves by one pixel, by brute force with padding and cropping."""
    smallest = distances(a, b)
    for y, x in [(y, x) for y in range(3) for x in range(3) if (y, x) != (1, 1)]:
        moved_a, moved_b = (
            np.pad(t.reshape(-1, 28, 28), ((0, 0), (1, 1), (1, 1)))[:, y : y + 28, x : x + 28] for t in (a, b)
        )
        smallest = np.minimum(smallest, np.minimum(distances(moved_a, b), distances(a, moved_b)))
    return smallest


def expected(matrix: npt.NDArray[np.int64], limit: int, *, within: bool) -> Triples:
    close = np.argwhere(matrix <= limit)
    return [(int(i), int(j), int(matrix[i, j])) for i, j in close if not within or i < j]


def triples(pairs: NearPairs) -> Triples:
    assert pairs.a.dtype == pairs.b.dtype == pairs.distance.dtype == np.int32
    return list(zip(pairs.a.tolist(), pairs.b.tolist(), pairs.distance.tolist(), strict=True))
