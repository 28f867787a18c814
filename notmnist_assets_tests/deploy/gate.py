"""A port that forwards to a server, and can hold its requests or refuse its clients for a while."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from deploy.celery.servers import HOST

WAIT_SECONDS = 240


class Gate:
    """Forwards connections while it is open.

    Attributes:
        port: the clients' port.
        target: the server's port.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.target = 0
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._open.set()
        self._awaited = b""
        self._held = threading.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def hold_at(self, request: bytes) -> None:
        """Hold all requests from the first one on that contains these bytes."""
        self._held.clear()
        self._awaited = request

    def wait_until_held(self) -> None:
        """Wait for that request."""
        assert self._held.wait(WAIT_SECONDS), f"no request had {self._awaited!r}"

    def hold(self) -> None:
        """Hold all requests: the server seems to hang."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def open(self) -> None:
        """Forward what was held and what comes."""
        self._loop.call_soon_threadsafe(self._open.set)

    def refuse(self) -> None:
        """Close all connections and refuse others, until `listen`."""
        self._run(self._close())

    def listen(self) -> None:
        """Accept connections."""
        self._run(self._listen())

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(WAIT_SECONDS)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connect, HOST, self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            to_reader, to_writer = await asyncio.open_connection(HOST, self.target)
            self._writers |= {writer, to_writer}
            await asyncio.gather(
                self._forward(reader, to_writer, self._pass), self._forward(to_reader, writer, lambda _: None)
            )

    def _pass(self, data: bytes) -> None:
        if self._awaited and self._awaited in data:
            self._awaited = b""
            self._open.clear()
            self._held.set()

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, see: Callable[[bytes], None]
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                see(data)
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        self._writers.discard(writer)
        writer.close()


@contextmanager
def gate(port: int) -> Iterator[Gate]:
    """Run a gate, which is open; its target has still to be set."""
    found = Gate(port)
    found._thread.start()
    found.listen()
    try:
        yield found
    finally:
        found.refuse()
        found._loop.call_soon_threadsafe(found._loop.stop)
