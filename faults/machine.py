"""Runs `notmnist run` twice at once, on full and read-only disks, as another user, and with a clock that jumps.

What cannot run says why; once the trouble is over, the next run gives the values of an undisturbed one.
"""

import os
import random
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from faults.cases import CaseError, Kind, Outcome, RunCase, require
from faults.commands import FEW, FRESH, RUNS, STARTED, Ended, Place, require_sentence, unfinished_runs

_NOBODY: Final = 65534
_YEARS: Final = 10 * 365 * 86400
_FULL: Final = {"storage": ("32k", "96k", "128k"), "home": ("64k", "400k", "1m"), "tmp": ("4k", "16k")}
"""By folder, sizes of disks that become full at different moments of a run."""


class _Machine:
    """The cases, by number; each starts from nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place = Place(folder)
        self._expected = self._place.prepare(STARTED, *FEW)
        # Imports what creating a history needs: another user cannot read the files of the interpreter.
        new = folder / "imports"
        new.mkdir(exist_ok=True)
        unfinished_runs(new)

    def __call__(self, number: int, randomly: random.Random) -> None:
        self._place.restore(FRESH)
        _CASES[number](self, randomly)

    def two_runs(self, randomly: random.Random, *, one_history: bool) -> None:
        """Start two runs at about the same moment, which store into one folder."""
        place = self._place
        first = place.start("run", *FEW)
        time.sleep(randomly.choice((0, 0, 0.1, 1)) * randomly.random())
        other = {} if one_history else {"DAGSTER_HOME": str(place.root / "home-2")}
        second = place.start("run", *FEW, variables=other)
        endings = [first.end(), second.end()]
        for ended in endings:
            if ended.code:
                require_sentence(ended)
        require(any(ended.code == 0 for ended in endings), Outcome.LOST, f"no run succeeded: {endings}")
        self._recover()

    def full_disk(self, _randomly: random.Random, *, folder: str, size: str) -> None:
        """Run on a disk that becomes full, then on the same disk with free space."""
        with _small_disk(self._place.root / folder, size) as disk:
            self._fail(self._place.run(*FEW), "Free space")
            _command("mount", "-o", "remount,size=500m", str(disk))
            self._recover()

    def read_only(self, _randomly: random.Random, *, folder: str) -> None:
        """Run on a read-only disk."""
        with _small_disk(self._place.root / folder, "500m") as disk:
            _command("mount", "-o", "remount,ro", str(disk))
            self._fail(self._place.run(*FEW), "[Aa]llow")
            _command("mount", "-o", "remount,rw", str(disk))
            self._recover()

    def other_user(self, _randomly: random.Random, *, folder: str) -> None:
        """Run as a user who may write everywhere but in one folder, which another user made and used."""
        if os.getuid() != 0:
            raise CaseError(Outcome.SKIPPED, "only root can become another user")
        self._place.succeed(*FEW)
        for path in [self._place.root, *self._place.root.rglob("*")]:
            os.chown(path, _NOBODY, _NOBODY)
        forbidden = self._place.root / folder
        for path in [forbidden, *forbidden.rglob("*")]:
            os.chown(path, 0, 0)
            path.chmod(0o755 if path.is_dir() else 0o644)
        self._open_parents()
        ended = self._place.start("run", *FEW, before=_become_nobody).end()
        self._fail(ended, "[Aa]llow")
        self._place.require_whole_values()
        for path in [forbidden, *forbidden.rglob("*")]:
            os.chown(path, _NOBODY, _NOBODY)
        ended = self._place.start("run", *FEW, before=_become_nobody).end()
        require(ended.code == 0, Outcome.LOST, f"it does not run as another user: {ended}")
        self._place.require_order(self._expected)

    def clock(self, _randomly: random.Random, *, years: Mapping[str, int]) -> None:
        """Run under one clock after the other; each must see that a value is gone, and the last that nothing is."""
        place = self._place
        for number, (asset, offset) in enumerate(years.items()):
            if number:
                shutil.rmtree(next(place.storage.glob("*")) / asset)
            ended = place.start("run", *FEW, before=partial(_set_clock, offset * _YEARS)).end()
            require(ended.code == 0, Outcome.LOST, f"{10 * offset} years from now: {ended}")
            place.require_order(self._expected)
        self._recover()

    def _fail(self, ended: Ended, remedy: str) -> None:
        """Require a sentence with a fitting remedy of a run that failed; one that found another place succeeds."""
        if ended.code:
            require_sentence(ended)
            fits = re.search(remedy, ended.output)
            require(fits, Outcome.SILENT, f"the remedy {remedy!r} is missing: {ended.output}")

    def _recover(self) -> None:
        self._place.succeed(*FEW)
        self._place.require_order(self._expected)

    def _open_parents(self) -> None:
        """Let any user enter the folders above the place that are this program's own."""
        for folder in (self._folder, *self._folder.parents):
            if folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & stat.S_IXOTH:
                if not folder.name.startswith("notmnist-faults-"):
                    raise CaseError(Outcome.SKIPPED, f"{folder} is closed to other users")
                folder.chmod(0o755)


def _become_nobody() -> None:
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)
    os.environ["HOME"] = "/nonexistent"


def _set_clock(seconds: float) -> None:
    """Move the clock that this process reads by `time.time`."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + int(seconds * 1e9)


@contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk of its own on a folder; the case is skipped where that is not permitted."""
    try:
        _command("mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "notmnist-faults", str(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        raise CaseError(Outcome.SKIPPED, f"no disk can be mounted here: {error}") from error
    try:
        yield folder
    finally:
        _command("umount", "--lazy", str(folder))


def _command(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)  # noqa: S603


_Case = Callable[[_Machine, random.Random], None]
_CASES: Final[list[_Case]] = [
    *(partial(_Machine.two_runs, one_history=one_history) for one_history in (True, True, False, False)),
    *(partial(_Machine.full_disk, folder=folder, size=size) for folder, sizes in _FULL.items() for size in sizes),
    *(partial(_Machine.read_only, folder=folder) for folder in _FULL),
    *(partial(_Machine.other_user, folder=folder) for folder in _FULL),
    partial(_Machine.clock, years={"archives": 0, "letters/small/B": 1, "letters/small/C": -1}),
    partial(_Machine.clock, years={"archives": 1, "letters/small/A": -1, "letters/small": 0}),
]


def _prepare(folder: Path) -> RunCase:
    return _Machine(folder / RUNS)


MACHINE: Final = Kind(
    "machine", "two runs at once, full disks, other users, clocks", len(_CASES), 1800, _prepare, total=len(_CASES)
)
