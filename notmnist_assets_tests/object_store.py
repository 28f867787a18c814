"""Runs moto's S3 server as a process on a free port."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fsspec
import httpx
import pytest

from notmnist_assets_tests.servers import free_port, wait_until_it_answers

START_SECONDS = 60
STOP_SECONDS = 10
BUCKET = "letters"


@dataclass(frozen=True)
class ObjectStore:
    """A running server with one empty bucket.

    Attributes:
        root: URL of the bucket.
        environment: variables that make s3fs use the server.
    """

    root: str
    environment: dict[str, str]

    def enter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make s3fs use this server, also if it has used another one before."""
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)


@contextmanager
def object_store(log: Path) -> Iterator[ObjectStore]:
    """Run the server, with its output in `log`.

    Raises:
        RuntimeError: the server did not answer in time; the message ends with its log.
    """
    url = f"http://127.0.0.1:{(port := free_port())}"
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            wait_until_it_answers(process, f"{url}/moto-api/", log, START_SECONDS, pause=0.1)
            httpx.put(f"{url}/{BUCKET}").raise_for_status()
            yield ObjectStore(f"s3://{BUCKET}", environment)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
