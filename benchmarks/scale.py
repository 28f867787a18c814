"""Measures how each stage grows with the number of shards of `benchmarks.scale_data`: `python -m benchmarks.scale`."""

import multiprocessing
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from xxhash import xxh3_128

from benchmarks import ours
from benchmarks.measure import Measurement, Stage, Steps, run_stage
from benchmarks.place import Place
from notmnist_assets.storage.manifest import file_digest

_STAGES: Final = ("letters, large", "letters, small", "splits", "hashes", "near search", "sanitize, near")
_ON_CLUSTER: Final = ("letters, large", "hashes", "near search")
_SECONDS: Final = 0.05
"""Time between two looks at the memory."""
_EVALUATION_ROWS: Final = 10_000
_SPARE: Final = 100
"""Files of a letter that may be unreadable."""


def main(
    data: Annotated[Path, typer.Option(help="Folder that `benchmarks.scale_data` wrote.")],
    work: Annotated[Path, typer.Option(help="Folder for the results of the stages, 20 GB for five million images.")],
    out: Annotated[Path, typer.Option(help="CSV file for the measurements.")] = Path("scale.csv"),
    shards: Annotated[list[int], typer.Option(help="Shards of the large archive to use; may be repeated.")] = [1],  # noqa: B006
    per_shard: Annotated[int, typer.Option(help="Files of each letter in one shard.")] = 50_000,
    dask: Annotated[int, typer.Option(help="Workers of a Dask cluster on this machine; 0 for none.")] = 0,
) -> None:
    """Run letters, splits, hashes, near search and sanitizing, each in a process of its own, on Linux."""
    rows = []
    for count in shards:
        place = _place(data.absolute(), work.absolute() / str(count), count, per_shard)
        for name in _STAGES:
            with _workers(dask if name in _ON_CLUSTER else 0) as (address, workers):
                on_cluster = replace(place, dask=address)
                with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                    found = pool.submit(_measure, ours.STAGES[name], on_cluster, workers).result()
            rows.append({"images": 10 * count * per_shard, "stage": name, **found})
            pd.DataFrame(rows).to_csv(out, index=False)
            typer.echo(rows[-1])
        typer.echo(f"{count} shards: digest of all stored files {digest_of(place.work)}")
        shutil.rmtree(place.work)
    Console().print(exponents(pd.DataFrame(rows)).to_string())


def exponents(table: pd.DataFrame) -> pd.DataFrame:
    """Return for each stage and size the exponent of the growth of CPU time since the size before."""
    cpu = table.pivot_table(index="stage", columns="images", values="cpu_seconds", sort=False)
    sizes = np.log(cpu.columns.to_numpy(np.float64))
    growth = np.diff(np.log(cpu.to_numpy()), axis=1) / np.diff(sizes)
    return pd.DataFrame(growth, cpu.index, cpu.columns[1:]).round(2)


def digest_of(folder: Path) -> str:
    """Return a digest of the files in the folders below a folder and in itself: their names and bytes."""
    digest = xxh3_128()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        with path.open("rb") as file:
            digest.update(f"{path.relative_to(folder)} {file_digest(file)}\n".encode())
    return digest.hexdigest()


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


@contextmanager
def _workers(count: int) -> Iterator[tuple[str, list[int]]]:
    """Start a cluster; provide its address and the process ids of its workers. Without workers there is none."""
    if not count:
        yield "", []
        return
    from distributed import Client, LocalCluster

    with (
        # No limit of memory: Dask would count pages of mapped files, which the system can drop.
        LocalCluster(count, threads_per_worker=1, memory_limit=None, dashboard_address=None) as cluster,
        Client(cluster.scheduler_address) as client,
    ):
        yield cluster.scheduler_address, list(client.run(os.getpid).values())


@dataclass
class _Usage:
    """What processes have used: bytes and seconds."""

    read: int
    written: int
    cpu_seconds: float

    @classmethod
    def of(cls, processes: Sequence[int]) -> "_Usage":
        clock = os.sysconf("SC_CLK_TCK")
        read, written = (sum(_number(process, "io", name) for process in processes) for name in ("rchar", "wchar"))
        # The name of the program, in parentheses, may contain spaces.
        times = [Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2] for process in processes]
        return cls(read, written, sum(int(tick) for line in times for tick in line.split()[11:13]) / clock)


def _measure(stage: Stage, place: Place, workers: Sequence[int]) -> dict[str, Any]:
    """Run a stage; return what it and the workers of its cluster used, and its findings.

    Own memory is that without pages of mapped files.
    """
    peaks = dict.fromkeys([os.getpid(), *workers], 0)
    start, end = _Usage(0, 0, 0), _Usage(0, 0, 0)

    def look() -> None:
        for process in peaks:
            peaks[process] = max(peaks[process], _number(process, "status", "RssAnon") * 1024)

    def watched(place: Place) -> Steps:
        nonlocal start, end
        steps = stage(place)
        next(steps)
        done = threading.Event()

        def watch() -> None:
            while not done.wait(_SECONDS):
                look()

        thread = threading.Thread(target=watch, daemon=True)
        look()
        start = _Usage.of(list(peaks))
        yield
        thread.start()
        next(steps)
        end = _Usage.of(list(peaks))
        done.set()
        thread.join()
        yield
        return (yield from steps)

    measured: Measurement = run_stage(watched, place)
    return {
        "seconds": measured.seconds,
        "cpu_seconds": end.cpu_seconds - start.cpu_seconds,
        "peak_bytes": measured.peak_bytes,
        "peak_own_bytes": peaks.pop(os.getpid()),
        "peak_own_bytes_of_a_worker": max(peaks.values(), default=0),
        "read_bytes": end.read - start.read,
        "written_bytes": end.written - start.written,
        **measured.findings.notes,
    }


def _number(process: int, file: str, name: str) -> int:
    lines = Path(f"/proc/{process}/{file}").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    typer.run(main)
