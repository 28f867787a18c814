"""A case, its outcome, and the kinds of cases."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

RunCase = Callable[[int, random.Random], None]
"""Runs the case of a number; the random numbers are the same whenever the case is repeated. Raises CaseError."""


class Outcome(StrEnum):
    """How a case ended."""

    SURVIVED = "survived"
    SKIPPED = "skipped"
    LOST = "lost"
    """A value is missing, damaged, or not that of an undisturbed run."""
    SILENT = "silent"
    """Something failed without a message, or wrong content was accepted."""
    FOREIGN = "foreign"
    """An exception other than CurationError, a traceback, or a crash of the process."""
    HUNG = "hung"
    """The time limit was exceeded."""
    MEMORY = "memory"
    """The memory limit was exceeded."""

    @property
    def is_failure(self) -> bool:
        """Whether the case shows a defect."""
        return self not in (Outcome.SURVIVED, Outcome.SKIPPED)


class CaseError(Exception):
    """A case that did not survive, or could not be tried here."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


@dataclass(frozen=True)
class Result:
    """The outcome of one case.

    Attributes:
        number: of the case.
        outcome: how it ended.
        seconds: how long it took.
        message: what went wrong; empty if it survived.
    """

    number: int
    outcome: Outcome
    seconds: float
    message: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of cases.

    Attributes:
        name: of the kind and of its option.
        purpose: the help text of the option.
        count: number of cases by default.
        seconds: time limit of one case.
        prepare: returns the function that runs a case, given the folder of all kinds; runs once in each worker process.
        total: number of different cases; None if each number is another case.
        memory: bytes by which a case may raise the memory peak of its process; None for no limit.
    """

    name: str
    purpose: str
    count: int
    seconds: float
    prepare: Callable[[Path], RunCase]
    total: int | None = None
    memory: int | None = None

    def numbers(self, count: int, seed: int) -> list[int]:
        """Return the numbers of `count` cases: a sample of a limited kind, the first ones of the others."""
        if self.total is None:
            return list(range(count))
        return random.Random(seed).sample(range(self.total), min(count, self.total))  # noqa: S311


def require(condition: object, outcome: Outcome, message: str) -> None:
    """Raise a CaseError unless the condition is true."""
    if not condition:
        raise CaseError(outcome, message)
