"""Filling splits with whole groups, one after the other: compiled, for half a million groups.

Belongs here: the loop alone. Which groups there are, and in which order they come, is in `grouping`.
"""

import numba
import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def fill(order: Indices, starts: Indices, ends: Indices, labels: npt.NDArray[np.int32], room: Indices) -> Indices:
    """Return for each group the first split, in the order of `room`, that has room for all its images; -1 for none.

    Args:
        order: group numbers in the order in which they are placed.
        starts: where each group's labels begin.
        ends: where they end.
        labels: the letter of each image, sorted by group.
        room: how many images of each letter each split still takes, (splits, letters); it is used up.
    """
    splits, letters = room.shape
    found = np.full(len(order), -1, np.int64)
    needed = np.zeros(letters, np.int64)
    for group in order:
        needed[:] = 0
        for place in range(starts[group], ends[group]):
            needed[labels[place]] += 1
        for split in range(splits):
            if (needed <= room[split]).all():
                room[split] -= needed
                found[group] = split
                break
    return found
