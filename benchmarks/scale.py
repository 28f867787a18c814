"""Measures how each stage grows with the number of shards of `benchmarks.scale_data`: `python -m benchmarks.scale`."""

import multiprocessing
import shutil
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import pandas as pd
import typer
from rich.console import Console

from benchmarks import ours
from benchmarks.measure import Measurement, Stage, Steps, run_stage
from benchmarks.place import Place

_STAGES: Final = ("letters, large", "letters, small", "splits", "hashes", "near search", "sanitize, near")
_PROCESS: Final = Path("/proc/self")
_SECONDS: Final = 0.05
"""Time between two looks at the memory."""
_EVALUATION_ROWS: Final = 10_000
_SPARE: Final = 100
"""Files of a letter that may be unreadable."""


def main(
    data: Annotated[Path, typer.Option(help="Folder that `benchmarks.scale_data` wrote.")],
    work: Annotated[Path, typer.Option(help="Folder for the results of the stages, 16 GB for five million images.")],
    out: Annotated[Path, typer.Option(help="CSV file for the measurements.")] = Path("scale.csv"),
    shards: Annotated[list[int], typer.Option(help="Shards of the large archive to use; may be repeated.")] = [1],  # noqa: B006
    per_shard: Annotated[int, typer.Option(help="Files of each letter in one shard.")] = 50_000,
) -> None:
    """Run letters, splits, hashes, near search and sanitizing, each in a process of its own, on Linux."""
    rows = []
    for count in shards:
        place = _place(data.absolute(), work.absolute() / str(count), count, per_shard)
        for name in _STAGES:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                measured, own_bytes, read, written = pool.submit(_measure, ours.STAGES[name], place).result()
            rows.append(
                {
                    "images": 10 * count * per_shard,
                    "stage": name,
                    "seconds": measured.seconds,
                    "cpu_seconds": measured.cpu_seconds,
                    "peak_bytes": measured.peak_bytes,
                    "peak_own_bytes": own_bytes,
                    "read_bytes": read,
                    "written_bytes": written,
                    **measured.findings.notes,
                }
            )
            pd.DataFrame(rows).to_csv(out, index=False)
            typer.echo(rows[-1])
        shutil.rmtree(place.work)
    Console().print(exponents(pd.DataFrame(rows)).to_string())


def exponents(table: pd.DataFrame) -> pd.DataFrame:
    """Return for each stage and size the exponent of the growth of CPU time since the size before."""
    cpu = table.pivot_table(index="stage", columns="images", values="cpu_seconds", sort=False)
    sizes = np.log(cpu.columns.to_numpy(np.float64))
    growth = np.diff(np.log(cpu.to_numpy()), axis=1) / np.diff(sizes)
    return pd.DataFrame(growth, cpu.index, cpu.columns[1:]).round(2)


def _place(data: Path, work: Path, count: int, per_shard: int) -> Place:
    """Return the place of a benchmark with the first shards, as links."""
    archives = work / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    found = sorted(data.glob("notMNIST_large-*.tar.gz"))[:count]
    if len(found) < count:
        raise typer.BadParameter(f"{data} has {len(found)} shards")
    for number, path in enumerate(found):
        (archives / f"notMNIST_large-{number:05}-of-{count:05}.tar.gz").symlink_to(path)
    (archives / "notMNIST_small.tar.gz").symlink_to(data / "notMNIST_small.tar.gz")
    train = 10 * (count * per_shard - _EVALUATION_ROWS // 10 - _SPARE)
    return Place(archives, work, {"train": train, "valid": _EVALUATION_ROWS, "test": _EVALUATION_ROWS})


def _measure(stage: Stage, place: Place) -> tuple[Measurement, int, int, int]:
    """Run a stage; return also its peak of memory without pages of files, and the bytes that it read and wrote."""
    peak, read, written = 0, 0, 0

    def watched(place: Place) -> Steps:
        nonlocal peak, read, written
        steps = stage(place)
        next(steps)
        done = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(_SECONDS):
                peak = max(peak, _numbers("status", "RssAnon") * 1024)

        thread = threading.Thread(target=watch, daemon=True)
        before = _numbers("io", "rchar"), _numbers("io", "wchar")
        yield
        thread.start()
        next(steps)
        read, written = _numbers("io", "rchar") - before[0], _numbers("io", "wchar") - before[1]
        done.set()
        thread.join()
        yield
        return (yield from steps)

    return run_stage(watched, place), peak, read, written


def _numbers(file: str, name: str) -> int:
    lines = (_PROCESS / file).read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    typer.run(main)
