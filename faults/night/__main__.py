"""`python -m faults.night`: run the night and print the account; exit code 1 if a promise was not kept."""

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from faults.night.account import Finding, take_account
from faults.night.deployment import Deployment
from faults.night.troubles import ALL, Troubles
from notmnist_assets_tests.automation.webhook import Webhook
from notmnist_assets_tests.sources.server import FaultyServer

_console = Console()
_FIRST_RUN: Final = 600.0
_SETTLE: Final = 900.0
"""Longest time from the last trouble until nothing is out of date; failed requests are repeated with pauses."""
_POLL: Final = 5.0
_UP_TO_DATE: Final = "Everything is up to date"


def main(
    minutes: Annotated[float, typer.Option(min=0, help="Time with troubles; the end takes a few minutes more.")] = 30,
    seed: Annotated[int | None, typer.Option(help="Seed of the troubles; random by default.")] = None,
    work: Annotated[
        Path | None, typer.Option(help="Folder for all files, which are kept; temporary by default.")
    ] = None,
) -> None:
    """Let a daemon work on archives that change while sources fail and processes are killed; then take account."""
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # so that the daemon is ended
    with ExitStack() as stack:
        if work is None:
            root = Path(tempfile.mkdtemp(prefix="notmnist-night-"))
            stack.callback(shutil.rmtree, root, ignore_errors=True)
        else:
            root = work
            root.mkdir(parents=True)
        server = stack.enter_context(FaultyServer().running())
        webhook = stack.enter_context(Webhook().listening())
        deployment = Deployment(root, server, webhook)
        stack.callback(deployment.end)
        findings = _night(deployment, minutes * 60, random.Random(seed))  # noqa: S311
    table = Table("promise", "counted", "kept", title=f"night of {minutes:g} minutes, seed {seed}")
    for finding in findings:
        table.add_row(finding.promise, finding.counted, "no" if finding.problems else "yes")
    _console.print(table)
    problems = [f"{finding.promise}: {problem}" for finding in findings for problem in finding.problems]
    for problem in problems:
        _console.print(problem, markup=False, highlight=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)


def _night(deployment: Deployment, seconds: float, randomly: random.Random) -> list[Finding]:
    troubles = Troubles(deployment, randomly)
    troubles.change(set_name="large")
    troubles.change(set_name="small")
    with deployment.instance():
        deployment.start()
    _say(f"first run up to date after {_settle(deployment, _FIRST_RUN)} s")
    end = time.monotonic() + seconds
    for trouble in cycle(ALL):
        if time.monotonic() >= end:
            break
        _say(trouble.__name__)
        trouble(troubles)
        if not deployment.is_alive():
            return [Finding("the daemon lives", "", (f"the daemon ended: {deployment.root / 'daemon.log'}",))]
    settled = _settle(deployment, _SETTLE)
    _say(f"up to date {settled} s after the last trouble")
    time.sleep(_POLL * 8)  # alerts follow failures within a tick
    return list(take_account(deployment, troubles.changes, settled))


def _settle(deployment: Deployment, longest: float) -> float | None:
    """Wait until nothing is out of date; return the seconds, None if that does not come in time."""
    begun = time.monotonic()
    while time.monotonic() < begun + longest:
        status = deployment.notmnist("status")
        if status.returncode == 0 and _UP_TO_DATE in status.stdout:
            return round(time.monotonic() - begun)
        time.sleep(_POLL)
    return None


def _say(text: str) -> None:
    _console.print(f"{time.strftime('%H:%M:%S')} {text.replace('_', ' ')}", markup=False, highlight=False)


if __name__ == "__main__":
    typer.run(main)
