"""Measures time, CPU time and peak memory of one stage in a process of its own, on Linux and macOS.

A stage is a generator that yields twice: when its input is ready, and when its work is done. The time between the two
is measured; the code after the second yield prepares later stages. Imports before the first yield are not measured,
but those of a program that the stage starts as a process are.
"""

import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.place import Place

_STATUS: Final = Path("/proc/self/status")
_RESET: Final = Path("/proc/self/clear_refs")
_RESET_PEAK: Final = "5"
_PROJECT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Findings:
    """Results of a stage.

    Attributes:
        same: JSON values that must be equal in both ways.
        notes: further JSON values.
    """

    same: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


Steps = Generator[None, None, Findings]
Stage = Callable[[Place], Steps]


@dataclass(frozen=True)
class Measurement:
    """One run of one stage: wall seconds, CPU seconds (user and system, child processes too), peak resident bytes."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    findings: Findings


class StageFailedError(RuntimeError):
    """A stage failed; the message contains its output."""


def measure(module: str, function: str, place: Place) -> Measurement:
    """Run `module.function` as a stage in a fresh process.

    Raises:
        StageFailedError: the stage failed.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        answer = Path(folder) / "answer.json"
        arguments = [module, function, json.dumps(place.as_json()), str(answer)]
        paths = os.pathsep.join([str(_PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(  # noqa: S603 - a module of this package
            [sys.executable, "-m", "benchmarks.measure", *arguments],
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StageFailedError(f"{module}.{function} failed:\n{done.stdout}{done.stderr}")
        found = json.loads(answer.read_text(encoding="utf-8"))
    return Measurement(**{**found, "findings": Findings(**found["findings"])})


def run_stage(stage: Stage, place: Place) -> Measurement:
    """Run a stage in this process."""
    steps = stage(place)
    next(steps)
    _reset_peak()
    cpu, start = _cpu_seconds(), time.perf_counter()
    next(steps)
    seconds, cpu = time.perf_counter() - start, _cpu_seconds() - cpu
    peak = _peak_bytes()
    try:
        next(steps)
    except StopIteration as end:
        return Measurement(seconds, cpu, peak, end.value)
    raise ValueError(f"{stage} yields more than twice")


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _reset_peak() -> None:
    """Reset the peak to the current resident size on Linux; no effect elsewhere."""
    if _RESET.exists():
        _RESET.write_text(_RESET_PEAK, encoding="ascii")


def _peak_bytes() -> int:
    """Return the larger of the peak resident sizes of this process and of its largest child."""
    unit = 1 if sys.platform == "darwin" else 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    # ru_maxrss includes the peak of the parent process before exec; VmHWM does not.
    if _STATUS.exists():
        lines = _STATUS.read_text(encoding="ascii").splitlines()
        own = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    else:
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return max(own, children)


def _main(module: str, function: str, place: str, answer: str) -> None:
    stage: Stage = getattr(importlib.import_module(module), function)
    found = run_stage(stage, Place.from_json(json.loads(place)))
    Path(answer).write_text(json.dumps(asdict(found)), encoding="utf-8")


if __name__ == "__main__":
    _main(*sys.argv[1:])
