"""Kills `notmnist run` at random moments; the next run must give what an undisturbed one gives."""

import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Final

from faults.cases import Kind, Outcome, RunCase, require
from faults.commands import FEW, FINISHED, FRESH, RUNS, STARTED, Place

_SIGNALS: Final = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
_WHOLE_EVERY: Final = 20
_STAGES: Final = (
    ("letters/small",),
    ("splits", "hashes"),
    ("overlap",),
    ("sanitized",),
    ("grouped",),
    ("labels",),
    ("baselines",),
    ("exports",),
    ("report",),
)
_FIRST_GUESS: Final = 10.0


class _Kills:
    """Kills of whole runs, of first runs of a few assets, and of runs of one stage whose values are gone."""

    def __init__(self, folder: Path) -> None:
        self._place = Place(folder)
        self._seconds: dict[tuple[str, ...], float] = {}
        self._few = self._place.prepare(STARTED, *FEW)
        self._all = self._place.prepare(FINISHED)

    def __call__(self, number: int, randomly: random.Random) -> None:
        place = self._place
        assets: tuple[str, ...]
        if number % _WHOLE_EVERY == _WHOLE_EVERY - 1:
            assets, state, expected = (), FRESH, self._all
        elif randomly.random() < 0.5:
            assets, state, expected = FEW, FRESH, self._few
        else:
            assets, state, expected = randomly.choice(_STAGES), FINISHED, self._all
        place.restore(state)
        if state == FINISHED:
            for asset in assets:
                shutil.rmtree(next(place.storage.glob("*")) / asset)
        number_of_signal = randomly.choice(_SIGNALS)
        moment = randomly.random() * self._seconds.get(assets, _FIRST_GUESS)
        case = f"{number_of_signal.name} after {moment:.2f} s of notmnist run {' '.join(assets)}"
        command = place.start("run", *assets)
        ended = command.wait(moment)
        if ended is None:
            os.kill(command.pid, number_of_signal)
            ended = command.end()
            require("Traceback" not in ended.output, Outcome.FOREIGN, f"{case}:\n{ended.output}")
        place.require_whole_values()
        begun = time.monotonic()
        place.succeed(*assets)
        self._seconds[assets] = time.monotonic() - begun
        place.require_order(expected)


def _prepare(folder: Path) -> RunCase:
    return _Kills(folder / RUNS)


KILLS: Final = Kind("kills", "kills of notmnist run at random moments", 200, 1800, _prepare)
