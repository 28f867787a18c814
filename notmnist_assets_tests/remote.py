"""A work map that treats its pieces as a cluster does, without processes."""

import pickle
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from notmnist_assets.curation.core.prefetch import Item, Result, WorkMap


def remote_map(folder: Path, seed: int) -> WorkMap:
    """Return a map that computes pieces in a random order, from nothing but their pickles, with one thread of BLAS."""

    def run(function: Callable[[Item], Result], items: Iterable[Item], /) -> Generator[Result, None, None]:
        pieces = [pickle.dumps((function, item)) for item in items]
        results = {}
        for number in np.random.default_rng(seed).permutation(len(pieces)):
            called, item = pickle.loads(pieces[number])  # noqa: S301
            with threadpool_limits(1):
                results[number] = pickle.dumps(called(item))
        for number in range(len(pieces)):
            yield pickle.loads(results[number])  # noqa: S301

    return WorkMap(run, folder)
