"""`python -m faults`: run cases of all kinds, or one case again; exit code 1 if a case did not survive."""

import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from faults.cases import Kind, Outcome
from faults.kinds import KINDS
from faults.worker import run_cases

_console = Console()
_MOST_LINES = 40


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
    table = Table("kind", "tried", "survived", "skipped", "failed", "seconds", title=f"faults of seed {seed}")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="notmnist-faults-", dir=work, ignore_cleanup_errors=True) as folder:
        try:
            for name in chosen:
                numbers = KINDS[name].numbers(counts[name], seed) if case is None else [case]
                outcomes: Counter[Outcome] = Counter()
                begun = time.monotonic()
                try:
                    _run(KINDS[name], seed, numbers, Path(folder), outcomes)
                finally:
                    bad = sum(count for outcome, count in outcomes.items() if outcome.is_failure)
                    failed += bad
                    cells = [outcomes.total(), outcomes[Outcome.SURVIVED], outcomes[Outcome.SKIPPED], bad]
                    table.add_row(name, *map(str, cells), f"{time.monotonic() - begun:.0f}")
        except KeyboardInterrupt:
            _console.print("Interrupted: the table has the cases so far.")
    _console.print(table)
    if failed:
        raise typer.Exit(1)


def _run(kind: Kind, seed: int, numbers: list[int], folder: Path, outcomes: Counter[Outcome]) -> None:
    """Run cases, print each one that did not survive, and count the outcomes."""
    with _console.status(kind.name) as status:
        for result in run_cases(kind, seed, numbers, folder):
            outcomes[result.outcome] += 1
            status.update(f"{kind.name}: {outcomes.total()} of {len(numbers)}")
            if result.outcome is Outcome.SURVIVED:
                continue
            again = f"python -m faults --kind {kind.name} --seed {seed} --case {result.number}"
            message = "\n".join(result.message.splitlines()[-_MOST_LINES:])
            _console.print(f"{result.outcome}: {again}\n{message}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
