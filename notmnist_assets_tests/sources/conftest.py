"""A server with one archive, for the tests of downloads."""

from collections.abc import Iterator

import pytest

from notmnist_assets_tests.sources.downloads import NAME, archive_bytes
from notmnist_assets_tests.sources.server import FaultyServer


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer().running() as server:
        server.files[NAME] = archive_bytes()
        yield server
