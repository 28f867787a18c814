"""Free ports, and waiting for server processes that tests start."""

import socket
import subprocess
import time
from pathlib import Path

import httpx


def free_port() -> int:
    """Return a free port of this machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until_it_answers(process: "subprocess.Popen[bytes]", url: str, log: Path, seconds: int, pause: float) -> None:
    """Request a page of a server until the request succeeds.

    Raises:
        RuntimeError: the server ended or did not answer in time; the message ends with its log.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(pause)
    raise RuntimeError(f"{url} did not answer within {seconds} s:\n{log.read_text()[-4000:]}")
