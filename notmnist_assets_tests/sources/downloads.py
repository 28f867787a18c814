"""Archives for `FaultyServer`, and sources that download them."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
from tenacity import wait_none

from notmnist_assets.sources.http import HttpSource
from notmnist_assets_tests.sources.server import FaultyServer

NAME = "notMNIST_small.tar.gz"


def archive_bytes(seed: int = 0) -> bytes:
    """Return a gzip file of incompressible bytes, so that its size is known."""
    return gzip.compress(np.random.default_rng(seed).bytes(600_000), mtime=0)


def publish_checksum(server: FaultyServer, body: bytes) -> None:
    """Add the SHA-256 of `body` to the server, as that of the archive."""
    server.files["SHA256SUMS"] = f"{hashlib.sha256(body).hexdigest()}  {NAME}\n".encode()


def source(server: FaultyServer, cache: Path, *, published: bool = False) -> HttpSource:
    return HttpSource(server.url, cache, published=published, wait=wait_none())


def downloads(cache: Path) -> set[str]:
    return {path.name for path in (cache / "downloads").iterdir()}
