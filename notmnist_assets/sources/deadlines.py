"""Limits the total time of requests to other machines.

HTTP clients limit the time of each read only, so a server that sends a byte per second never reaches their limit.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class _HasSocket(Protocol):
    sock: socket.socket | None


class Connections:
    """The connections of one request, which another thread can close."""

    def __init__(self) -> None:
        """Start without connections."""
        self._sockets: list[Callable[[], socket.socket | None]] = []
        self.ended = False

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Register each connection that httpx opens: a function for its request extension `trace`."""
        opened = info.get("return_value")
        if event.endswith(("connect_tcp.complete", "start_tls.complete")) and opened is not None:
            self._register(lambda: opened.get_extra_info("socket"))

    def add(self, connection: _HasSocket) -> None:
        """Register a connection of `http.client`."""
        self._register(lambda: connection.sock)

    def end(self) -> None:
        """Shut down all connections; waiting reads and writes fail at once."""
        self.ended = True
        for find_socket in list(self._sockets):
            with suppress(OSError):
                if (found := find_socket()) is not None:
                    found.shutdown(socket.SHUT_RDWR)

    def _register(self, find_socket: Callable[[], socket.socket | None]) -> None:
        self._sockets.append(find_socket)
        if self.ended:
            self.end()


def run_within(seconds: float, work: Callable[[Connections], T]) -> T:
    """Run `work` in a thread and return its result.

    Args:
        seconds: limit for all of `work`, including name lookups and slow file systems.
        work: registers its connections with its argument; they are shut down at the end of the time limit.

    Raises:
        TimeoutError: the time limit is reached. The thread ends when its last system call returns.
    """
    connections = Connections()
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work(connections))
        except BaseException as error:
            # Raised by `result.result()`.
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return result.result(seconds)
    except TimeoutError:
        if result.done():
            raise
        raise TimeoutError(f"no complete answer within {seconds:g} seconds") from None
    finally:
        connections.end()


@contextmanager
def watch_progress(seconds: float, is_progressing: Callable[[], bool]) -> Iterator[Connections]:
    """Call `is_progressing` every `seconds`; if it returns False, shut down the connections and set `ended`."""
    connections = Connections()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(seconds):
            if not is_progressing():
                connections.end()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield connections
    finally:
        done.set()
