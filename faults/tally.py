"""Counts how the cases of a kind end, which several workers run at once."""

import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from faults.cases import Kind, Outcome, Result
from faults.worker import run_cases

_MOST_LINES: Final = 40


class Tally:
    """The cases of a kind that are left, and the outcomes of the others.

    Attributes:
        stopped: set it to run no further cases.
    """

    def __init__(self, kind: Kind, seed: int, numbers: Sequence[int], console: Console) -> None:
        """Prepare to run the cases with these numbers; each one that does not survive is printed."""
        self.stopped = False
        self._kind = kind
        self._seed = seed
        self._total = len(numbers)
        self._left = deque(numbers)
        self._console = console
        self._outcomes: Counter[Outcome] = Counter()
        self._seconds = 0.0
        self._lock = threading.Lock()

    @property
    def failed(self) -> int:
        """Number of cases that did not survive."""
        return sum(count for outcome, count in self._outcomes.items() if outcome.is_failure)

    def run(self, folder: Path) -> None:
        """Run the cases that are left in a worker of their own; another thread may run some of them at the same time.

        Args:
            folder: an existing folder, which no other worker uses at the same time.
        """
        for result in run_cases(self._kind, self._seed, self._numbers(), folder):
            with self._lock:
                self._outcomes[result.outcome] += 1
                self._seconds += result.seconds
            if result.outcome is not Outcome.SURVIVED:
                self._print(result)

    def progress(self) -> str:
        """Return the number of cases so far."""
        return f"{self._kind.name} {self._outcomes.total()} of {self._total}"

    def row(self) -> list[str]:
        """Return name, numbers of cases by outcome, and the seconds of all cases."""
        found = self._outcomes
        cells = [found.total(), found[Outcome.SURVIVED], found[Outcome.SKIPPED], self.failed]
        return [self._kind.name, *map(str, cells), f"{self._seconds:.0f}"]

    def _numbers(self) -> Iterator[int]:
        while not self.stopped:
            try:
                yield self._left.popleft()
            except IndexError:
                return

    def _print(self, result: Result) -> None:
        again = f"python -m faults --kind {self._kind.name} --seed {self._seed} --case {result.number}"
        message = "\n".join(_excerpt(result.message.splitlines()))
        text = f"{result.outcome}: {again}\n{message}"
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def _excerpt(lines: list[str]) -> list[str]:
    """Return the first line, which describes the case, the lines from the first traceback on, and the last lines."""
    first = next((number for number, line in enumerate(lines) if line.startswith("Traceback")), len(lines))
    kept = {0, *range(first - 2, first + _MOST_LINES), *range(len(lines) - _MOST_LINES, len(lines))}
    return [line for number, line in enumerate(lines) if number in kept]
