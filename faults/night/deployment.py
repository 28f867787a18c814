"""The deployment of the night: a daemon with its code server, the server of the archives, and a webhook."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unittest.mock import patch

import dagster as dg

from faults.commands import PROFILE, SIZES
from notmnist_assets.runs.instance import open_instance
from notmnist_assets.runs.process import PROCESS_TAG
from notmnist_assets.settings.model import project_home
from notmnist_assets.sources.base import archive_name
from notmnist_assets.sources.checksums import CHECKSUMS
from notmnist_assets_tests.archives import Members, write_archive
from notmnist_assets_tests.automation.webhook import Webhook
from notmnist_assets_tests.sources.server import FaultyServer

_BIN: Final = Path(sys.executable).parent
_CODE_SERVER: Final = b"grpc"
STARTED: Final = [dg.DagsterRunStatus.STARTED]


@dataclass
class Deployment:
    """A daemon on an instance of its own, and the servers that it talks to.

    Attributes:
        root: folder of everything.
        server: of the archives.
        webhook: receives the alerts.
        outages: begin and reason of each kill of the daemon or its code server, in seconds since 1970.
        killed_runs: time at which the process of a run was killed, by run id.
    """

    root: Path
    server: FaultyServer
    webhook: Webhook
    outages: list[tuple[float, str]] = field(default_factory=list)
    killed_runs: dict[str, float] = field(default_factory=dict)
    _daemon: "subprocess.Popen[bytes] | None" = None

    @property
    def home(self) -> Path:
        """The folder of the history."""
        return self.root / "home"

    @property
    def storage(self) -> Path:
        """The folder of stored values."""
        return self.root / "storage"

    def variables(self) -> dict[str, str]:
        """Return the environment of the daemon."""
        (self.root / "tmp").mkdir(exist_ok=True)
        return {
            **os.environ,
            **SIZES,
            "NOTMNIST_PROFILE": PROFILE,
            "NOTMNIST_ARCHIVES": self.server.url,
            "NOTMNIST_STORAGE": str(self.storage),
            "NOTMNIST_FAILURE_WEBHOOK": self.webhook.url,
            "DAGSTER_HOME": str(self.home),
            "TMPDIR": str(self.root / "tmp"),
        }

    def serve(self, set_name: str, letters: Members, *, checksums: bool = True) -> None:
        """Replace an archive on the server, and SHA256SUMS unless that is to come later."""
        path = write_archive(self.root / "packed", set_name, letters)
        self.server.files[archive_name(set_name)] = path.read_bytes()
        if checksums:
            self.serve_checksums()

    def serve_checksums(self) -> None:
        """Replace SHA256SUMS by that of the archives on the server."""
        archives = {name: body for name, body in self.server.files.items() if name != CHECKSUMS}
        lines = [f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in sorted(archives.items())]
        self.server.files[CHECKSUMS] = "".join(lines).encode()

    def start(self) -> None:
        """Start the daemon, which starts its code server."""
        command = ["dagster-daemon", "run", "-m", "faults.night.definitions", "-d", str(project_home())]
        with (self.root / "daemon.log").open("ab") as log:
            self._daemon = subprocess.Popen(  # noqa: S603
                [str(_BIN / command[0]), *command[1:]],
                cwd=project_home(),
                env=self.variables(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def is_alive(self) -> bool:
        """Whether the daemon runs."""
        return self._daemon is not None and self._daemon.poll() is None

    def kill_daemon(self) -> None:
        """Kill the daemon alone."""
        if self._daemon is not None:
            self._note("the daemon")
            self._daemon.kill()
            self._daemon.wait()

    def kill_code_server(self) -> bool:
        """Kill the code server alone; return whether there was one."""
        servers = [pid for pid in self._children() if _CODE_SERVER in _command_line(pid)]
        if servers:
            self._note("the code server")
        for pid in servers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(servers)

    def kill_run(self, number: int = signal.SIGKILL) -> bool:
        """Send a signal to the process of a run in progress; return whether there was one."""
        with self.instance() as instance:
            for run in instance.get_runs(dg.RunsFilter(statuses=STARTED)):
                if PROCESS_TAG in run.tags and run.run_id not in self.killed_runs:
                    self.killed_runs[run.run_id] = time.time()
                    with suppress(ProcessLookupError):
                        os.kill(int(run.tags[PROCESS_TAG]), number)
                    return True
        return False

    def end(self) -> None:
        """Kill the daemon and all processes that it started, runs too."""
        if self._daemon is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._daemon.pid, signal.SIGKILL)
            self._daemon.wait()

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Open the history."""
        with patch.dict(os.environ, DAGSTER_HOME=str(self.home)), open_instance() as instance:
            yield instance

    def notmnist(
        self, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run `notmnist` with these arguments."""
        return subprocess.run(  # noqa: S603
            [str(_BIN / "notmnist"), *arguments],
            env={**self.variables(), **(variables or {})},
            capture_output=True,
            text=True,
            check=False,
        )

    def _note(self, reason: str) -> None:
        self.outages.append((time.time(), reason))

    def _children(self) -> list[int]:
        """Return the processes that the daemon started (Linux)."""
        if self._daemon is None:
            return []
        pid = self._daemon.pid
        found = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
        return [int(child) for children in found for child in children]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
