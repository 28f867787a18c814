"""Estimates time, traffic, storage and money for more images than were measured: `python -m benchmarks.scale_estimate`.

The rates are read from the tables of docs/scale.md.
"""

import io
import re
from pathlib import Path
from typing import Annotated, Final

import pandas as pd
import typer

from notmnist_assets.curation.core.images import SIDE

PAGE: Final = Path(__file__).parents[1] / "docs" / "scale.md"
_SIZES: Final = {"100 million": 1e8, "a billion": 1e9}
_HEAD: Final = f"| | {' | '.join(_SIZES)} |"
_CORES: Final = (16, 64)
_NEAR: Final = "near search"
_SAMPLE: Final = 1e6
"""Images: of more, the near search compares a sample of so many up to 12, and all only up to the radius in use."""
_ARCHIVE: Final = 194e6 / 500_000
"""Bytes of a file in a shard of `benchmarks.scale_data`."""
_PAIR: Final = 12
"""Bytes of a pair: two rows and a distance."""
_MAPPED: Final = ("splits", "hashes", _NEAR, "sanitizing")
"""Stages that read each pixel once through a map, which the column of bytes read does not count."""
_BANDWIDTH: Final = 10e9 / 8
"""Bytes a second through one machine with 10 Gbit/s."""
_CORE_HOUR: Final = 0.0816 / 2
"""Dollars: half an m7g.large on demand in us-east-1, June 2026, [1] in the page."""
_GIB_HOUR: Final = 0.000027397
"""Dollars: Google Cloud Storage, standard, us-central1, September 2026, [2] in the page."""
_MONTH: Final = 730
"""Hours."""


class Estimate:
    """Costs of any number of images, from those of the largest number that was measured."""

    def __init__(self, page: str) -> None:
        """Read the tables of the page: of the stages on one machine, and of those that ran on a cluster."""
        table = _read_table(page, "| stage | images |")
        images = table["images"].str.removesuffix(" million").astype(float) * 1e6
        self._images = float(images.max())
        last = table[images == self._images].set_index(table["stage"].ffill()[images == self._images])
        on_cluster = _read_table(page, "| stage | CPU s |").set_index("stage")["CPU s"]
        self._cpu: dict[str, float] = {**last["CPU s"], **on_cluster}
        self._spread = [name for name in last.index if name in on_cluster.index and name != _NEAR]
        self._alone = [name for name in last.index if name not in on_cluster.index]
        sample = table.loc[(images == _SAMPLE) & (table["stage"].ffill() == _NEAR), "CPU s"]
        self._sample = float(sample.to_numpy()[0])
        found = re.search(r"here (\d+):\s+([\d.]+)\s+million\s+pairs", page)
        if found is None:
            raise typer.BadParameter(f"{PAGE.name} does not say 'here RADIUS: NUMBER million pairs'")
        self._radius, self._pairs = found[1], float(found[2]) * 1e6
        read, written = (last[f"{name} GB"].to_numpy(float) * 1e9 / self._images for name in ("read", "written"))
        self._traffic = float(sum(read) + sum(written)) + len(_MAPPED) * SIDE**2 + 2 * _ARCHIVE
        of_stage = dict(zip(last.index, written, strict=True))
        # Letters are written several times and stored once; they are as large as the splits.
        self._storage = _ARCHIVE + float(2 * of_stage["splits"] + of_stage["hashes"] + of_stage["sanitizing"])

    def table(self) -> str:
        """Return the table of the page as Markdown."""
        columns = [self._column(images) for images in _SIZES.values()]
        lines = [f"| {label} | {' | '.join(column[label] for column in columns)} |" for label in columns[0]]
        return "\n".join([_HEAD, "|---" * (len(_SIZES) + 1) + "|", *lines, ""])

    def _column(self, images: float) -> dict[str, str]:
        """Return all costs of a number of images by their label."""
        growth = images / self._images
        spread, alone = (growth * sum(self._cpu[name] for name in names) for names in (self._spread, self._alone))
        near = self._sample + (self._cpu[_NEAR] - self._sample) * growth**2
        pairs = self._pairs * growth**2
        traffic = images * self._traffic + 2 * pairs * _PAIR
        stored = images * self._storage + pairs * _PAIR
        costs = {
            f"{', '.join(self._spread)}, on workers (core hours)": _number(spread / 3600),
            f"{', '.join(self._alone)}, in one process (core hours)": _number(alone / 3600),
            f"{_NEAR} at radius {self._radius}, on workers (core hours)": _number(near / 3600),
            f"pairs within {self._radius}": f"{_count(pairs)}, {_bytes(pairs * _PAIR)}",
        }
        for cores in _CORES:
            seconds = alone + (spread + near) / cores
            money = _number(seconds / 3600 * cores * _CORE_HOUR)
            costs[f"in all, on {cores} cores"] = f"{_time(seconds)}, ${money}"
        money = _number(stored / 2**30 * _GIB_HOUR * _MONTH)
        return costs | {
            "traffic; at 10 Gbit/s through one machine": f"{_bytes(traffic)}; {_time(traffic / _BANDWIDTH)}",
            "storage": f"{_bytes(stored)}, ${money} a month",
        }


def _find_table(page: str, head: str) -> str:
    """Return the table of the page whose first line begins with `head`."""
    found = re.search(rf"^{re.escape(head)}.*\n(?:\|.*\n)+", page, re.MULTILINE)
    if found is None:
        raise typer.BadParameter(f"{PAGE.name} has no table {head}")
    return found[0]


def _read_table(page: str, head: str) -> pd.DataFrame:
    first, _, *rows = re.sub(r" *\| *", "|", _find_table(page, head)).splitlines()
    return pd.read_csv(io.StringIO("\n".join([first, *rows])), sep="|").iloc[:, 1:-1]


def _number(value: float) -> str:
    """Return a number with two significant digits."""
    return f"{float(f'{value:.2g}'):,g}"


def _time(seconds: float) -> str:
    return f"{_number(seconds / 60)} minutes" if seconds < 2 * 3600 else f"{_number(seconds / 3600)} hours"


def _bytes(size: float) -> str:
    return f"{_number(size / 1e9)} GB" if size < 1e12 else f"{_number(size / 1e12)} TB"


def _count(items: float) -> str:
    return f"{_number(items / 1e6)} million" if items < 1e9 else f"{_number(items / 1e9)} billion"


def main(*, write: Annotated[bool, typer.Option(help="Replace the table in docs/scale.md.")] = False) -> None:
    """Print the table of docs/scale.md about 100 million and a billion images."""
    page = PAGE.read_text(encoding="utf-8")
    table = Estimate(page).table()
    typer.echo(table, nl=False)
    if write:
        PAGE.write_text(page.replace(_find_table(page, _HEAD), table), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
