"""Time limits for whole exchanges with other machines, however slowly their bytes arrive.

HTTP clients only limit each read, so a server that sends a byte per second would never reach their limit.
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
    """The connections of one exchange, which another thread can close."""

    def __init__(self) -> None:
        """Start without connections."""
        self._found: list[Callable[[], socket.socket | None]] = []
        self.ended = False

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Register each connection that httpx opens: a function for its request extension `trace`."""
        opened = info.get("return_value")
        if event.endswith(("connect_tcp.complete", "start_tls.complete")) and opened is not None:
            self._note(lambda: opened.get_extra_info("socket"))

    def add(self, connection: _HasSocket) -> None:
        """Register a connection of `http.client`."""
        self._note(lambda: connection.sock)

    def end(self) -> None:
        """Shut down all connections; waiting reads and writes fail at once."""
        self.ended = True
        for find in list(self._found):
            with suppress(OSError):
                if (found := find()) is not None:
                    found.shutdown(socket.SHUT_RDWR)

    def _note(self, find: Callable[[], socket.socket | None]) -> None:
        self._found.append(find)
        if self.ended:
            self.end()


def run_within(seconds: float, work: Callable[[Connections], T]) -> T:
    """Run `work` in a thread and return its result.

    Args:
        seconds: limit for all of `work`, including name lookups and slow file systems.
        work: takes the object to register its connections with, which are shut down when the time is over.

    Raises:
        TimeoutError: the time is over. The thread ends when its last system call returns.
    """
    connections = Connections()
    result: Future[T] = Future()

    def do() -> None:
        try:
            result.set_result(work(connections))
        except BaseException as error:
            # Raised by `result.result()`.
            result.set_exception(error)

    threading.Thread(target=do, daemon=True).start()
    try:
        return result.result(seconds)
    except TimeoutError:
        if result.done():
            raise
        raise TimeoutError(f"no complete answer within {seconds:g} seconds") from None
    finally:
        connections.end()


@contextmanager
def watch_progress(seconds: float, goes_on: Callable[[], bool]) -> Iterator[Connections]:
    """Call `goes_on` every `seconds`; once it returns False, shut down the connections and set `ended`."""
    connections = Connections()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(seconds):
            if not goes_on():
                connections.end()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield connections
    finally:
        done.set()
