"""Runs `dg dev` (webserver, daemon and code server) on a free port and stops it with all its child processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from notmnist_assets.settings.model import project_home
from notmnist_assets_tests.instance import write_instance
from notmnist_assets_tests.servers import free_port, wait_until_it_answers

START_SECONDS = 120
STOP_SECONDS = 20

# Runs are taken from the queue without the usual pause of five seconds.
EAGER_QUEUE = """\
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 1
"""


@dataclass(frozen=True)
class DevServer:
    """The URL of a running `dg dev` and its log file."""

    url: str
    log: Path


@contextmanager
def dev_server(home: Path) -> Iterator[DevServer]:
    """Run `dg dev` in the project's folder, with the environment of this process.

    Args:
        home: existing folder of Dagster's history; `dagster.yaml` in it is replaced.

    Raises:
        RuntimeError: the server did not answer in time; the message ends with its log.
    """
    write_instance(home, EAGER_QUEUE)
    port = free_port()
    server = DevServer(f"http://127.0.0.1:{port}", home / "dg-dev.log")
    command = [str(Path(sys.executable).with_name("dg")), "dev", "--host", "127.0.0.1", "--port", str(port)]
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=project_home(),
            env={**os.environ, "DAGSTER_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_it_answers(process, f"{server.url}/server_info", server.log, START_SECONDS, pause=0.2)
        yield server
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Interrupt the server as Ctrl-C does, then kill the remaining processes of its group."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
