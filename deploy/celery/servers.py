"""Starts and stops processes that answer on ports of loopback, and remembers them in a folder."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 180
STOP_SECONDS: Final = 20
_STATE: Final = "cluster.json"


class ClusterError(RuntimeError):
    """A server cannot be started; the message names it and ends with its log."""


class NotInstalledError(ClusterError):
    """A program is not installed on this machine."""


@dataclass(frozen=True)
class Server:
    """How to start a server.

    Attributes:
        command: program and arguments.
        is_ready: whether it works, given what it has printed since its start; errors count as no.
        user: name of the user that runs it; the user of this process by default.
        path: folder of modules that it imports.
        end: signal that ends it.
    """

    command: Sequence[str]
    is_ready: Callable[[str], object]
    user: str | None = None
    path: Path | None = None
    end: signal.Signals = signal.SIGTERM


class Servers:
    """Processes of one folder.

    Attributes:
        folder: contains their data, logs, process ids and environment.
        environment: variables of each process.
        ports: by name of the server.
        pids: the process of each server, in the order of their start.
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str], ports: Mapping[str, int], pids: Mapping[str, int]
    ) -> None:
        self.folder = folder
        self.environment = environment
        self.ports = ports
        self.pids = dict(pids)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the servers that were started in a folder.

        Raises:
            ClusterError: none were started there.
        """
        try:
            state = json.loads((folder.absolute() / _STATE).read_text())
        except FileNotFoundError:
            raise ClusterError(f"No cluster was started in {folder}.") from None
        return cls(folder.absolute(), **state)

    def start(self, servers: Mapping[str, Server]) -> None:
        """Start servers at once and wait until all of them are ready.

        Raises:
            ClusterError: one was not ready in time.
        """
        logs = {name: self.folder / f"{name}.log" for name in servers}
        before = {name: log.stat().st_size if log.exists() else 0 for name, log in logs.items()}
        for name, server in servers.items():
            self._start(name, server)
        end = time.monotonic() + START_SECONDS
        for name, server in servers.items():
            while not self._is_ready(name, server, before[name]):
                if time.monotonic() > end or not is_alive(self.pids[name]):
                    raise ClusterError(f"{name} was not ready within {START_SECONDS} s:\n{self.log(name)[-4000:]}")
                time.sleep(0.1)

    def _start(self, name: str, server: Server) -> None:
        environment = os.environ | self.environment
        if server.path is not None:
            environment["PYTHONPATH"] = os.pathsep.join(
                [str(server.path), *filter(None, [environment.get("PYTHONPATH")])]
            )
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - in its own session, a Ctrl-C in the terminal does not reach it
                server.command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, user=server.user,
                cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        self.pids[name] = process.pid
        self._save()

    def _is_ready(self, name: str, server: Server, before: int) -> bool:
        with suppress(Exception):  # each client raises its own errors while its server is starting
            printed = (self.folder / f"{name}.log").read_bytes()[before:].decode(errors="replace")
            return bool(server.is_ready(printed))
        return False

    def stop(self, names: Iterable[str], number: signal.Signals = signal.SIGTERM) -> None:
        """Signal the process groups of servers, wait for their end, and kill those left after `STOP_SECONDS`."""
        pids = [self.pids.pop(name) for name in names if name in self.pids]
        self._save()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        end = time.monotonic() + STOP_SECONDS
        for pid in pids:
            while time.monotonic() < end and is_alive(pid):
                time.sleep(0.05)
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def log(self, name: str) -> str:
        """Return what a server has printed."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _save(self) -> None:
        state = {"environment": dict(self.environment), "ports": dict(self.ports), "pids": self.pids}
        written = self.folder / f".{_STATE}"
        written.write_text(json.dumps(state, indent=1))
        written.chmod(0o600)
        written.replace(self.folder / _STATE)


def program(name: str) -> str:
    """Return the path of a program; Debian keeps those of PostgreSQL outside PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = shutil.which(name) or next(map(str, debian), None)
    if found is None:
        raise NotInstalledError(f"{name} is not installed. Debian: apt-get install postgresql redis-server")
    return found


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nothing listens on."""
    listeners = [socket.socket() for _ in range(count)]
    try:
        for listener in listeners:
            listener.bind((HOST, 0))
        return [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


def accepts_connections(port: int) -> bool:
    """Return whether a server answers on a port."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def is_alive(pid: int) -> bool:
    """Return whether a process is running; a child that has ended is reaped."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
