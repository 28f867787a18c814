"""Ports of servers that tests start as processes.

Belongs here: finding one. Each server's own module starts and stops it.
"""

import socket


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
