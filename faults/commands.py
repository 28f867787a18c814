"""Runs `notmnist` in child processes on tiny archives, and compares what is stored with an undisturbed run.

A child is a fork of a process that has imported the package, so that a random moment falls into the work and not into
the imports, and another user needs no access to the interpreter's files.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest.mock import patch

import dagster as dg

from faults.cases import CaseError, Outcome, require
from notmnist_assets.cli import app
from notmnist_assets.cli.verification import State, verify_values
from notmnist_assets.curation.core.scratch import PREFIX
from notmnist_assets.definitions import DECLARATIONS
from notmnist_assets.storage.store import ValueStore
from notmnist_assets_tests.archives import members, write_archive

RUNS: Final = "runs"
"""The folder of the place that all kinds of cases share, one after the other."""
FRESH: Final = "fresh"
"""The state with archives and nothing else."""
FINISHED: Final = "finished"
"""The state after an undisturbed run of everything."""
STARTED: Final = "started"
"""The state after an undisturbed run of `FEW`."""
FEW: Final = ("archives/small", "letters/small")
"""What a short run from nothing makes."""
PROFILE: Final = "custom"
SIZES: Final = {"NOTMNIST_TRAIN_SIZE": "40", "NOTMNIST_VALID_SIZE": "10", "NOTMNIST_TEST_SIZE": "20"}
_WITH_TIMINGS: Final = "baselines/metrics"
"""Differs from run to run: one of its columns has the seconds that fits took."""
_IN_PROGRESS: Final = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_POLL: Final = 0.01
_COMMAND_SECONDS: Final = 900.0


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, or the negative number of the signal that ended it, and all its output."""

    code: int
    output: str


class Command:
    """A running command."""

    def __init__(self, pid: int, output: Path) -> None:
        self.pid = pid
        self._output = output

    def wait(self, seconds: float = _COMMAND_SECONDS) -> Ended | None:
        """Return how the command ended; None if it is still running after `seconds`."""
        end = time.monotonic() + seconds
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return Ended(os.waitstatus_to_exitcode(status), self._output.read_text(errors="replace"))
            if time.monotonic() >= end:
                return None
            time.sleep(_POLL)

    def end(self) -> Ended:
        """Wait for the end; a command that does not end hangs."""
        ended = self.wait()
        if ended is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            raise CaseError(Outcome.HUNG, f"the command did not end within {_COMMAND_SECONDS:g} s")
        return ended


class Place:
    """Archives, storage, history and temporary files below one folder, which can be restored to a saved state."""

    def __init__(self, folder: Path) -> None:
        """Use a folder that other kinds of cases may have used, with the states that they saved."""
        self.root = folder / "current"
        self.archives = self.root / "archives"
        self.storage = self.root / "storage"
        self.home = self.root / "home"
        self.temporary = self.root / "tmp"
        self._folder = folder
        if not (folder / FRESH).exists():
            for needed in (self.archives, self.storage, self.home, self.temporary):
                needed.mkdir(parents=True)
            write_tiny_archives(self.archives)
            self._save(FRESH)

    def prepare(self, name: str, *assets: str) -> Mapping[str, object]:
        """Make some assets undisturbed, save that as a state, and return the versions of the values."""
        if (self._folder / name).exists():
            self.restore(name)
        else:
            self.restore(FRESH)
            self.succeed(*assets)
            self._save(name)
        return self.versions()

    def restore(self, name: str) -> None:
        """Replace everything by a saved state."""
        for path in self.root.iterdir():
            if path.is_mount():  # of a case that hung
                subprocess.run(["umount", "--lazy", path], check=True)  # noqa: S603, S607
        shutil.rmtree(self.root)
        shutil.copytree(self._folder / name, self.root)

    def _save(self, name: str) -> None:
        unfinished = self._folder / f"{name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(self.root, unfinished)
        unfinished.rename(self._folder / name)

    @property
    def store(self) -> ValueStore:
        """The stored values."""
        return ValueStore(str(self.storage / PROFILE))

    def variables(self) -> dict[str, str]:
        """Return the environment variables of commands in this place."""
        return {
            "NOTMNIST_PROFILE": PROFILE,
            "NOTMNIST_ARCHIVES": str(self.archives),
            "NOTMNIST_STORAGE": str(self.storage),
            "DAGSTER_HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            **SIZES,
        }

    def start(
        self, *arguments: str, variables: Mapping[str, str] | None = None, before: Callable[[], None] | None = None
    ) -> Command:
        """Start `notmnist` with arguments in a child process.

        Args:
            arguments: of the command.
            variables: environment variables that differ from those of the place.
            before: what the child does before the command.
        """
        handle, name = tempfile.mkstemp(prefix="output-", suffix=".txt", dir=self._folder)
        output = Path(name)
        pid = os.fork()
        if pid:
            os.close(handle)
            return Command(pid, output)
        code = 1
        try:
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            os.environ.update({**self.variables(), **(variables or {})})
            tempfile.tempdir = None
            if before is not None:
                before()
            sys.argv = ["notmnist", *arguments]
            app.main()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def run(self, *assets: str) -> Ended:
        """Run `notmnist run` to its end."""
        return self.start("run", *assets).end()

    def succeed(self, *assets: str) -> None:
        """Run `notmnist run`, which must succeed."""
        ended = self.run(*assets)
        require(ended.code == 0, Outcome.LOST, f"notmnist run {' '.join(assets)} ended with {ended}")

    def versions(self) -> dict[str, object]:
        """Return version and file digests of each stored value, by asset key; damaged values are lost."""
        return stored_versions(self.store)

    def require_whole_values(self) -> None:
        """Require that each value is complete and unchanged, or absent."""
        for verification in verify_values(self.store, DECLARATIONS):
            whole = verification.state in (State.INTACT, State.ABSENT)
            require(whole, Outcome.LOST, f"{verification.asset} is {verification.state}: {verification.detail}")

    def require_order(self, expected: Mapping[str, object]) -> None:
        """Require the values of an undisturbed run, no run in progress, and no scratch folder of a dead process."""
        self.require_whole_values()
        found = self.versions()
        different = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
        require(not different, Outcome.LOST, f"not as after an undisturbed run: {different}")
        running = unfinished_runs(self.home)
        require(not running, Outcome.LOST, f"runs that never end: {running}")
        scratch = [path.name for path in self.temporary.iterdir() if path.name.startswith(PREFIX)]
        scratch += [str(path) for path in self.storage.rglob(".writing-*")]
        require(not scratch, Outcome.LOST, f"scratch folders of dead processes: {scratch}")


def require_sentence(ended: Ended) -> None:
    """Require that a command failed, and said why without a traceback."""
    require(ended.code != 0, Outcome.SILENT, f"it succeeded: {ended.output}")
    require("Traceback" not in ended.output, Outcome.FOREIGN, ended.output)
    require(ended.code > 0, Outcome.FOREIGN, f"it was ended by signal {-ended.code}: {ended.output}")
    require(ended.output.strip(), Outcome.SILENT, f"exit code {ended.code} without a message")


def unfinished_runs(home: Path) -> list[str]:
    """Return the ids of the runs in a history that are recorded as in progress."""
    with patch.dict(os.environ, DAGSTER_HOME=str(home)), dg.DagsterInstance.get() as instance:
        return [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=_IN_PROGRESS))]


def stored_versions(store: ValueStore) -> dict[str, object]:
    """Return version and file digests of each stored value, by asset key."""
    found: dict[str, object] = {}
    for key, declaration in DECLARATIONS.items():
        stored = store.find(declaration.path)
        if stored is not None:
            found[key] = key if key == _WITH_TIMINGS else (stored.version, dict(stored.digests))
    return found


def write_tiny_archives(folder: Path) -> None:
    """Write both archives, with 8 and 4 files for each letter, of which the small A shares two with the large one."""
    large = members(8, seed=1)
    write_archive(folder, "large", large)
    write_archive(folder, "small", members(4, seed=2, repeats=list(large["A"].values())[:2]))
