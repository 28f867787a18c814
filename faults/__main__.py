"""`python -m faults`: run cases of all kinds, or one case again; exit code 1 if a case did not survive."""

import os
import random
import signal
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from faults.kinds import KINDS
from faults.tally import Tally

_console = Console()
_POLL = 1.0
_LINES = 120.0
"""Seconds between two lines of progress where the output is no terminal."""


def _count(name: str) -> object:
    kind = KINDS[name]
    return typer.Option(
        min=0, help=f"Number of cases: {kind.purpose}." + (f" At most {kind.total}." * bool(kind.total))
    )


def main(
    archives: Annotated[int, _count("archives")] = KINDS["archives"].count,
    stored: Annotated[int, _count("stored")] = KINDS["stored"].count,
    http: Annotated[int, _count("http")] = KINDS["http"].count,
    machine: Annotated[int, _count("machine")] = KINDS["machine"].count,
    kills: Annotated[int, _count("kills")] = KINDS["kills"].count,
    seed: Annotated[int | None, typer.Option(help="Seed of the cases; random by default.")] = None,
    kind: Annotated[str | None, typer.Option(help=f"Run only this kind: {', '.join(KINDS)}.")] = None,
    case: Annotated[int | None, typer.Option(min=0, help="Run only the case of this number; needs --kind.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Cases that run at once.")] = os.cpu_count() or 1,
    work: Annotated[Path | None, typer.Option(help="Folder for the files of the cases; temporary by default.")] = None,
) -> None:
    """Inject faults and count the cases that survive; Ctrl-C ends it with the counts so far."""
    if kind not in (None, *KINDS):
        raise typer.BadParameter(f"--kind {kind} is not one of {', '.join(KINDS)}")
    if case is not None and (kind is None or seed is None):
        raise typer.BadParameter("--case needs --kind and --seed")
    counts = {"archives": archives, "stored": stored, "http": http, "machine": machine, "kills": kills}
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    chosen = [kind] if kind else [name for name, count in counts.items() if count]
    # What a service manager sends must not leave processes and mounted disks behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="notmnist-faults-", dir=work, ignore_cleanup_errors=True) as folder:
        numbers = {name: KINDS[name].numbers(counts[name], seed) if case is None else [case] for name in chosen}
        tallies = [Tally(KINDS[name], seed, numbers[name], _console) for name in chosen]
        _run(tallies, Path(folder), jobs)
    table = Table("kind", "tried", "survived", "skipped", "failed", "seconds", title=f"faults of seed {seed}")
    for tally in tallies:
        table.add_row(*tally.row())
    _console.print(table)
    _console.print(f"{time.monotonic() - begun:.0f} seconds in all, {jobs} at once", highlight=False)
    if any(tally.failed for tally in tallies):
        raise typer.Exit(1)


def _run(tallies: Sequence[Tally], folder: Path, jobs: int) -> None:
    """Run the cases of each kind in `jobs` workers, each in a folder of its own."""

    def work(number: int) -> None:
        place = folder / f"worker-{number}"
        place.mkdir()
        for tally in tallies:
            tally.run(place)

    with _console.status("") as status, ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(work, number) for number in range(jobs)]
        try:
            while wait(running, _POLL if _console.is_terminal else _LINES).not_done:
                progress = ", ".join(tally.progress() for tally in tallies)
                if _console.is_terminal:
                    status.update(progress)
                else:
                    _console.print(f"{time.strftime('%H:%M')} {progress}", highlight=False, soft_wrap=True)
        except KeyboardInterrupt:
            _console.print("Interrupted: the table has the cases so far.")
        finally:
            for tally in tallies:
                tally.stopped = True
        for future in running:
            future.result()


if __name__ == "__main__":
    typer.run(main)
