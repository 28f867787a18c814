"""Time limits for work that waits for other machines: for all of an exchange, however slowly its bytes come.

A limit on each read, which is all that HTTP clients offer, never ends an answer of one byte a second.
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
    """The connections of one exchange, which another thread can end."""

    def __init__(self) -> None:
        """Hold none yet."""
        self._found: list[Callable[[], socket.socket | None]] = []
        self.ended = False

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Note each connection that httpx opens: for its request extension `trace`."""
        opened = info.get("return_value")
        if event.endswith(("connect_tcp.complete", "start_tls.complete")) and opened is not None:
            self._note(lambda: opened.get_extra_info("socket"))

    def add(self, connection: _HasSocket) -> None:
        """Note a connection of `http.client`."""
        self._note(lambda: connection.sock)

    def end(self) -> None:
        """Shut all connections down; a read or write that waits on one of them fails at once."""
        self.ended = True
        for find in list(self._found):
            with suppress(OSError):
                if (found := find()) is not None:
                    found.shutdown(socket.SHUT_RDWR)

    def _note(self, find: Callable[[], socket.socket | None]) -> None:
        self._found.append(find)
        if self.ended:
            self.end()


def within(seconds: float, work: Callable[[Connections], T]) -> T:
    """Do `work` in a thread of its own and return its result.

    Args:
        seconds: the limit for everything `work` does, looking up names and hanging file systems included.
        work: gets the place to note its connections, which are shut down when the time is over.

    Raises:
        TimeoutError: the time is over. The thread is left behind: it ends when the operating system lets it.
    """
    connections = Connections()
    result: Future[T] = Future()

    def do() -> None:
        try:
            result.set_result(work(connections))
        except BaseException as error:
            # Raised where the result is read.
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
def watched(seconds: float, goes_on: Callable[[], bool]) -> Iterator[Connections]:
    """Shut the noted connections down as soon as `goes_on`, called each `seconds`, is false; then `ended` is true."""
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
