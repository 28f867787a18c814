"""The troubles of the night: each changes archives or disturbs the source, the runs or the daemon, for a while."""

import itertools
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from faults.night.deployment import Deployment
from notmnist_assets.sources.base import archive_name
from notmnist_assets.sources.checksums import CHECKSUMS
from notmnist_assets_tests.archives import members
from notmnist_assets_tests.sources import odd
from notmnist_assets_tests.sources.server import Fault

_PER_LETTER: Final = {"large": 8, "small": 4}
_RUN_SECONDS: Final = 90.0
"""Time in which a change should have started a run."""

Trouble = Callable[["Troubles"], None]


class Troubles:
    """Changes archives and disturbs a deployment; all is well again when a trouble returns.

    Attributes:
        changes: number of archives that were put in place, good or bad.
    """

    def __init__(self, deployment: Deployment, randomly: random.Random) -> None:
        self.changes = 0
        self._deployment = deployment
        self._random = randomly
        self._seeds = itertools.count(100)

    def change(self, *, checksums: bool = True, set_name: str | None = None) -> None:
        """Put another good archive in place."""
        chosen = set_name or self._random.choice(list(_PER_LETTER))
        letters = members(_PER_LETTER[chosen], seed=next(self._seeds))
        self._deployment.serve(chosen, letters, checksums=checksums)
        self.changes += 1

    def change_once(self) -> None:
        """Change an archive, and nothing else."""
        self.change()
        self._pass(20, 60)

    def change_twice(self) -> None:
        """Change both archives, the second while the first is being fetched or read."""
        self.change(set_name="large")
        self._pass(1, 25)
        self.change(set_name="small")
        self._pass(20, 40)

    def late_checksums(self) -> None:
        """Change an archive, and SHA256SUMS only later."""
        self.change(checksums=False)
        self._pass(15, 60)
        self._deployment.serve_checksums()
        self._pass(10, 30)

    def bad_archive(self) -> None:
        """Put an archive in place that lacks a letter, then a good one."""
        letters = members(4, seed=next(self._seeds))
        del letters["J"]
        self._deployment.serve("small", letters)
        self.changes += 1
        self._pass(30, 80)
        self.change(set_name="small")
        self._pass(10, 30)

    def unreadable_files(self) -> None:
        """Put an archive in place in which no file of a letter can be decoded, then a good one."""
        letters = members(8, seed=next(self._seeds))
        letters["C"] = dict.fromkeys(letters["C"], b"no picture")
        self._deployment.serve("large", letters)
        self.changes += 1
        self._pass(30, 80)
        self.change(set_name="large")
        self._pass(10, 30)

    def errors(self) -> None:
        """Answer with errors, during a change."""
        with self._odd({name: odd.whole(b"", 500) for name in self._names()}):
            self._pass(5, 20)
            self.change()
            self._pass(15, 45)

    def resets(self) -> None:
        """Close the connections of downloads early, several times."""
        self._deployment.server.faults.extend([Fault(cut_after=self._random.randrange(3000)) for _ in range(4)])
        self.change()
        self._pass(30, 60)
        self._deployment.server.faults.clear()

    def drips(self) -> None:
        """Send what is asked for byte by byte, during a change."""
        with self._odd(dict.fromkeys(self._names(), self._random.choice((odd.drip_body, odd.drip_head)))):
            self.change()
            self._pass(50, 100)

    def dripping_checksums(self) -> None:
        """Send SHA256SUMS byte by byte, during a change."""
        with self._odd({CHECKSUMS: odd.drip_body}):
            self.change()
            self._pass(40, 80)

    def web_pages(self) -> None:
        """Answer with a web page instead of archives, as a captive portal does, during a change."""
        with self._odd({name: odd.whole(odd.PAGE) for name in self._names()}):
            self.change()
            self._pass(20, 50)

    def killed_run(self) -> None:
        """Kill the process of a run at a random moment."""
        self._kill_run(signal.SIGKILL)

    def terminated_run(self) -> None:
        """Hang up on the process of a run at a random moment."""
        self._kill_run(self._random.choice((signal.SIGTERM, signal.SIGHUP)))

    def killed_code_server(self) -> None:
        """Kill the code server alone, perhaps while it executes a run."""
        self.change()
        self._pass(0, 40)
        self._deployment.kill_code_server()
        self._pass(30, 60)

    def killed_daemon(self) -> None:
        """Kill the daemon, and start it again later."""
        self.change()
        self._pass(0, 40)
        self._deployment.kill_daemon()
        self._pass(2, 20)
        self._deployment.start()
        self._pass(30, 60)

    def _kill_run(self, number: int) -> None:
        self.change()
        end = time.monotonic() + _RUN_SECONDS
        self._pass(0, 15)
        while not self._deployment.kill_run(number) and time.monotonic() < end:
            self._pass(0, 2)
        self._pass(20, 50)

    def _pass(self, least: float, most: float) -> None:
        time.sleep(self._random.uniform(least, most))

    @staticmethod
    def _names() -> list[str]:
        return [CHECKSUMS, *map(archive_name, _PER_LETTER)]

    @contextmanager
    def _odd(self, answers: dict[str, odd.Odd]) -> Iterator[None]:
        self._deployment.server.odd.update(answers)
        try:
            yield
        finally:
            self._deployment.server.odd.clear()


ALL: Final[tuple[Trouble, ...]] = (
    Troubles.change_once,
    Troubles.killed_run,
    Troubles.bad_archive,
    Troubles.killed_code_server,
    Troubles.drips,
    Troubles.late_checksums,
    Troubles.killed_daemon,
    Troubles.errors,
    Troubles.terminated_run,
    Troubles.resets,
    Troubles.unreadable_files,
    Troubles.dripping_checksums,
    Troubles.change_twice,
    Troubles.web_pages,
)
"""All troubles; the first ones are of different kinds, so that a short night has some of each."""
