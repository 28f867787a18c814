"""Runs webserver and daemon as `make ui` does, on a free port, and stops them with all their child processes."""

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


@dataclass(frozen=True)
class DevServer:
    """The URL of a running UI, its log file and its main process."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]


@contextmanager
def dev_server(home: Path) -> Iterator[DevServer]:
    """Run `dagster dev` in the project's folder, with the environment of this process.

    Args:
        home: existing folder of Dagster's history; `dagster.yaml` in it is replaced.

    Raises:
        RuntimeError: the server did not answer in time; the message ends with its log.
    """
    write_instance(home)
    port = free_port()
    url, log_file = f"http://127.0.0.1:{port}", home / "ui.log"
    options = ["--use-legacy-code-server-behavior", "-w", "workspace.yaml", "--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "dagster", "dev", *options]
    with log_file.open("wb") as log:
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
        wait_until_it_answers(process, f"{url}/server_info", log_file, START_SECONDS, pause=0.2)
        yield DevServer(url, log_file, process)
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
