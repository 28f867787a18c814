"""An HTTP server on this machine with configurable faults.

It serves files with ranges, ETags and conditional requests, and records its requests.
"""

import base64
import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    status: int
    sent: int


@dataclass(frozen=True)
class Fault:
    """The fault in the answer to one request."""

    status: int | None = None
    """Answer with this status and nothing else."""
    cut_after: int | None = None
    """Close the connection after this many bytes of the body."""
    pause: float = 0.0
    """Seconds between the halves of the body."""
    part_from: int | None = None
    """Answer 206 with the bytes from this one on, regardless of the requested range."""


class FaultyServer:
    """Serves `files` by name; takes one fault of `faults` for each request of an archive."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.etags = True
        self.etag_prefix = ""
        self.ranges = True
        self.heads = True
        self.credentials: str | None = None
        """`user:password`; if set, requests without them are answered with 401."""
        self.silent: set[str] = set()
        """Files whose requests are never answered."""
        self.odd: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        """Files whose requests are answered by a function of the test."""
        self.faults: deque[Fault] = deque()
        self.after_each: Callable[[], None] = lambda: None
        self.requests: list[Request] = []
        self.stopped = threading.Event()
        self.port = 0
        self.url = ""

    def etag(self, body: bytes) -> str:
        """Return the ETag of a file's content."""
        return f'"{self.etag_prefix}{hashlib.sha256(body).hexdigest()[:12]}"'

    def of(self, name: str) -> list[Request]:
        """Return the requests of one file, in order."""
        return [request for request in self.requests if request.path == f"/books/{name}"]

    @contextmanager
    def running(self, port: int = 0) -> Iterator["FaultyServer"]:
        """Serve on `port`; 0 stands for a free one."""
        server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        self.port = server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/books"
        try:
            yield self
        finally:
            self.stopped.set()
            server.shutdown()
            server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

            def do_HEAD(self) -> None:
                if outer.heads:
                    self.do_GET()
                else:
                    self._answer(501, b"", {}, Fault())

            def do_GET(self) -> None:
                name = self.path.rsplit("/", 1)[-1]
                if name in outer.silent:
                    outer.stopped.wait()
                    self.close_connection = True
                    return
                if name in outer.odd:
                    outer.requests.append(Request(self.command, self.path, dict(self.headers), 0, 0))
                    with suppress(OSError):  # the client may have gone away
                        outer.odd[name](self)
                    self.close_connection = True
                    return
                if not self._is_allowed():
                    self._answer(401, b"", {}, Fault())
                    return
                archive = name.endswith(".gz")
                fault = outer.faults.popleft() if outer.faults and archive else Fault()
                body = outer.files.get(name)
                if fault.part_from is not None and body is not None:
                    start = fault.part_from
                    described = {
                        "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}",
                        "ETag": outer.etag(body),
                    }
                    self._answer(206, body[start:], described, fault)
                elif fault.status is not None or body is None:
                    self._answer(fault.status or 404, b"", {}, fault)
                else:
                    self._serve(body, fault)
                if archive:
                    outer.after_each()

            def _is_allowed(self) -> bool:
                if outer.credentials is None:
                    return True
                encoded = base64.b64encode(outer.credentials.encode()).decode()
                return self.headers.get("Authorization") == f"Basic {encoded}"

            def _serve(self, body: bytes, fault: Fault) -> None:
                etag = outer.etag(body)
                headers = {"ETag": etag} if outer.etags else {}
                requested = self.headers.get("Range")
                if outer.etags and self.headers.get("If-None-Match") == etag:
                    self._answer(304, b"", headers, fault)
                elif requested and outer.ranges and self.headers.get("If-Range", etag) == etag:
                    start, last = (int(end) if end else len(body) - 1 for end in requested[len("bytes=") :].split("-"))
                    if start >= len(body):
                        self._answer(416, b"", {"Content-Range": f"bytes */{len(body)}"}, fault)
                        return
                    headers["Content-Range"] = f"bytes {start}-{last}/{len(body)}"
                    self._answer(206, body[start : last + 1], headers, fault)
                else:
                    self._answer(200, body, headers, fault)

            def _answer(self, status: int, body: bytes, headers: dict[str, str], fault: Fault) -> None:
                sent = body if fault.cut_after is None else body[: fault.cut_after]
                sent = b"" if self.command == "HEAD" else sent
                outer.requests.append(Request(self.command, self.path, dict(self.headers), status, len(sent)))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                half = len(sent) // 2
                with suppress(BrokenPipeError):  # the client may have gone away in the pause
                    self.wfile.write(sent[:half])
                    if fault.pause:
                        self.wfile.flush()
                        threading.Event().wait(fault.pause)
                    self.wfile.write(sent[half:])
                self.close_connection = fault.cut_after is not None

        return Handler
