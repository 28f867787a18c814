"""A webhook on this machine that records messages and returns configured status codes."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "T000-B000-only-for-us"  # noqa: S105, of this test alone


@dataclass
class Webhook:
    """Messages in order, and the status codes of the next answers; 200 when there are none left."""

    url: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    answers: deque[int] = field(default_factory=deque)
    drips: bool = False
    """Answer a byte every fifth of a second, without end."""
    gone: int = 0
    """Number of dripping answers whose connection was closed."""

    @contextmanager
    def listening(self) -> Iterator["Webhook"]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

            def _drip(self) -> None:
                try:
                    while True:
                        self.wfile.write(b"x")
                        threading.Event().wait(0.2)
                except OSError:
                    outer.gone += 1
                    self.close_connection = True

            def do_POST(self) -> None:
                outer.asked += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if outer.drips:
                    self._drip()
                    return
                status = outer.answers.popleft() if outer.answers else 200
                if status == 200:
                    assert self.headers["Content-Type"] == "application/json"
                    outer.messages.append(json.loads(body))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", outer.url)
                self.end_headers()

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}/services/{SECRET}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
