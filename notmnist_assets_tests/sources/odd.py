"""Responses of bad servers, for `FaultyServer.odd`: slow, endless, encoded, or a web page."""

import itertools
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler

Odd = Callable[[BaseHTTPRequestHandler], None]
PAGE = b"<!DOCTYPE html>\n<html><body>Welcome</body></html>\n"
_BETWEEN = 0.02
"""Seconds between two bytes of a slow response."""


def whole(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Odd:
    """Answer with this body, status and headers."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    return send


def drip_head(handler: BaseHTTPRequestHandler) -> None:
    """Send headers without end, byte by byte."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(handler)


def drip_body(handler: BaseHTTPRequestHandler) -> None:
    """Send a body of unknown size, byte by byte."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    _drip(handler)


def drip_chunk(handler: BaseHTTPRequestHandler) -> None:
    """Send the extension of the first chunk without end, byte by byte."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=")
    _drip(handler)


def endless(start: bytes) -> Odd:
    """Send `start` and then zeros without end, without pauses."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + start)
        zeros = bytes(1 << 16)
        while True:
            handler.wfile.write(zeros)

    return send


def after(times: int, first: Odd, then: Odd) -> Odd:
    """Answer `times` requests with `first`, later ones with `then`."""
    count = itertools.count()
    return lambda handler: (first if next(count) < times else then)(handler)


def _drip(handler: BaseHTTPRequestHandler) -> None:
    while True:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        threading.Event().wait(_BETWEEN)
