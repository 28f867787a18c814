"""Runs cases in a process of their own, which is killed when a case exceeds its time limit."""

import faulthandler
import multiprocessing
import os
import random
import re
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from faults.cases import CaseError, Kind, Outcome, Result, RunCase

_PREPARATION: Final = 1800.0
"""Seconds that the preparation of a kind may take, on a busy machine too."""
_GRACE: Final = 5.0
_PREPARED: Final = -1
_MOST_MEMORY: Final = 4 << 30
"""Bytes at which a case ends with MemoryError, before the machine is out of memory."""
_KIB: Final = 1 if sys.platform == "darwin" else 1024
_STATUS: Final = Path("/proc/self/status")


def run_cases(kind: Kind, seed: int, numbers: Iterable[int], folder: Path) -> Iterator[Result]:
    """Run cases of a kind, one after the other; a worker that hung or crashed is replaced.

    Args:
        kind: of the cases.
        seed: of the random numbers of all cases.
        numbers: of the cases to run.
        folder: an existing folder for the files of the cases.
    """
    worker: _Worker | None = None
    try:
        for number in numbers:
            worker = worker or _Worker(kind, seed, folder)
            result = worker.run(number)
            if not worker.is_alive:
                worker.end()
                worker = None
            yield result
    finally:
        if worker is not None:
            worker.end()


class _Worker:
    """A process that runs the cases whose numbers it receives, and the processes that it starts."""

    def __init__(self, kind: Kind, seed: int, folder: Path) -> None:
        self.is_alive = True
        self._kind = kind
        self._folder = folder
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(kind, seed, folder, other), daemon=False)
        self._process.start()
        other.close()
        try:
            prepared = self._receive(_PREPARATION)
        except BaseException:
            self.end()
            raise
        if prepared is None or prepared.outcome is not Outcome.SURVIVED:
            self.end()
            raise RuntimeError(f"the cases of {kind.name} cannot be prepared:\n{prepared and prepared.message}")

    def run(self, number: int) -> Result:
        """Return the result of a case."""
        begun = time.monotonic()
        self._connection.send(number)
        result = self._receive(self._kind.seconds + _GRACE)
        if result is not None:
            return result
        self.is_alive = False
        seconds = time.monotonic() - begun
        if self._process.is_alive():
            stacks = _stacks(self._kind, self._folder).read_text()
            return Result(number, Outcome.HUNG, seconds, f"no end within {self._kind.seconds:g} s:\n{stacks}")
        self._process.join()
        return Result(
            number, Outcome.FOREIGN, seconds, f"the process ended with {self._process.exitcode}: {self._output}"
        )

    @property
    def _output(self) -> str:
        return _output(self._kind, self._folder).read_text(errors="replace")[-4000:]

    def end(self) -> None:
        """Kill the process and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid or 0, signal.SIGKILL)
        self._process.join()
        self._connection.close()

    def _receive(self, seconds: float) -> Result | None:
        """Return the next result; None if the time is over or the process ended."""
        try:
            received: Result | None = self._connection.recv() if self._connection.poll(seconds) else None
        except EOFError:
            self._process.join(_GRACE)
            return None
        return received


def _stacks(kind: Kind, folder: Path) -> Path:
    """Return the file of the stacks of a case that hangs."""
    return folder / f"{kind.name}-stacks.txt"


def _output(kind: Kind, folder: Path) -> Path:
    """Return the file of what the cases print."""
    return folder / f"{kind.name}-output.txt"


def _serve(kind: Kind, seed: int, folder: Path, connection: Connection) -> None:
    os.setpgrp()
    with _stacks(kind, folder).open("w") as stacks, _output(kind, folder).open("a") as output:
        # Warnings of the package and errors of the server, whose clients go away, are part of many cases.
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        try:
            run_case = kind.prepare(folder)
        except Exception:
            connection.send(Result(_PREPARED, Outcome.FOREIGN, 0, traceback.format_exc()))
            return
        if kind.memory is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, resource.RLIM_INFINITY))
        connection.send(Result(_PREPARED, Outcome.SURVIVED, 0))
        with suppress(EOFError):
            while True:
                number = connection.recv()
                stacks.truncate(0)
                faulthandler.dump_traceback_later(kind.seconds, file=stacks)
                connection.send(_result(kind, run_case, seed, number))
                faulthandler.cancel_dump_traceback_later()


def _result(kind: Kind, run_case: RunCase, seed: int, number: int) -> Result:
    begun, peak = time.monotonic(), _peak()
    outcome, message = Outcome.SURVIVED, ""
    try:
        run_case(number, random.Random(f"{kind.name}/{seed}/{number}"))  # noqa: S311
    except CaseError as error:
        outcome, message = error.outcome, str(error)
    except MemoryError:
        outcome, message = Outcome.MEMORY, traceback.format_exc()
    except Exception:
        outcome, message = Outcome.FOREIGN, traceback.format_exc()
    seconds = time.monotonic() - begun
    grown = _peak() - peak
    if outcome is Outcome.SURVIVED and seconds > kind.seconds:
        outcome, message = Outcome.HUNG, f"it took {seconds:.0f} s, the limit is {kind.seconds:g} s"
    if outcome is Outcome.SURVIVED and kind.memory is not None and grown > kind.memory:
        outcome, message = Outcome.MEMORY, f"the peak rose by {grown >> 20} MiB, the limit is {kind.memory >> 20} MiB"
    return Result(number, outcome, seconds, message)


def _peak() -> int:
    """Return the largest number of bytes in memory that this process had so far."""
    if _STATUS.exists():  # elsewhere the number may be that of the parent process
        return int(re.findall(r"VmHWM:\s+(\d+)", _STATUS.read_text())[0]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
