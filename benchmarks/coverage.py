"""The command `python -m benchmarks.coverage`: how often 95 % intervals of a share contain the true one.

Simulates rows in duplicate groups, whose rows are right or wrong together, and compares the bootstrap over groups with
Wilson's interval, which takes the rows for independent.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from notmnist_assets.curation.core.intervals import DRAWS, bootstrap_shares, percentile_interval, wilson_interval

Sizes = npt.NDArray[np.int64]
_MOST_ROWS: Final = 30
SIZES: Final[Mapping[str, Callable[[np.random.Generator], Sizes]]] = {
    "300 single rows": lambda _random: np.ones(300, np.int64),
    "300 groups of 1, 2, ... rows, half as many of each size": lambda random: random.geometric(0.5, 300),
    "1,000 groups, most of 1 row, some of up to 30": lambda random: np.minimum(random.zipf(2.5, 1000), _MOST_ROWS),
    "1,000 single rows and a group of 15": lambda _random: np.append(np.ones(1000, np.int64), 15),
    "110 groups of 1 row and one of 140": lambda _random: np.append(np.ones(110, np.int64), 140),
}
"""Group sizes by name."""
ACCURACIES: Final = ((0.45, 0.55), (0.75, 0.85), (0.9, 0.98))
"""Ranges of the true accuracy; each simulation draws one from a range, so that no single value decides."""


def coverage(
    name: str, accuracies: tuple[float, float], repeats: int, *, draws: int = DRAWS, seed: int = 0
) -> "pd.Series[float]":
    """Return how often each interval contains the true accuracy, and the mean width of the bootstrap interval.

    Args:
        name: key of `SIZES`.
        accuracies: range of the true accuracy.
        repeats: number of simulations.
        draws: samples of each bootstrap.
        seed: seed of the simulations.
    """
    random = np.random.default_rng(seed)
    inside = {"bootstrap": 0, "wilson": 0}
    widths = []
    for repeat in range(repeats):
        accuracy = random.uniform(*accuracies)
        rows = SIZES[name](random)
        right = np.where(random.random(len(rows)) < accuracy, rows, 0)
        samples = bootstrap_shares(right[:, None], rows, draws=draws, seed=repeat)
        low, high = percentile_interval(samples, right.sum() / rows.sum())
        wilson = wilson_interval(right.sum(), rows.sum())
        inside["bootstrap"] += int(low[0] <= accuracy <= high[0])
        inside["wilson"] += int(wilson[0] <= accuracy <= wilson[1])
        widths.append(float(high[0] - low[0]))
    return pd.Series({way: count / repeats for way, count in inside.items()} | {"width": float(np.mean(widths))})


def _command(
    repeats: Annotated[int, typer.Option(min=1, help="Simulations of each case.")] = 2000,
    draws: Annotated[int, typer.Option(min=1, help="Samples of each bootstrap.")] = DRAWS,
) -> None:
    """Print the coverage of both intervals."""
    table = Table("groups", "true accuracy", "bootstrap", "Wilson", "width of bootstrap")
    for name in SIZES:
        for accuracies in ACCURACIES:
            found = coverage(name, accuracies, repeats, draws=draws)
            shares = (f"{100 * found[way]:.1f} %" for way in ("bootstrap", "wilson", "width"))
            table.add_row(name, f"{accuracies[0]:.2f} to {accuracies[1]:.2f}", *shares)
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(_command)
