"""One cluster for all tests of the deployment, with a gate before its S3 server, and the tables that they print."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import fsspec
import pytest

from deploy.celery.cluster import Cluster, start, stop
from deploy.celery.servers import HOST, NotInstalledError, free_ports
from faults.commands import SIZES
from notmnist_assets_tests.archives import members, write_archive, write_shards
from notmnist_assets_tests.deploy import definitions
from notmnist_assets_tests.deploy.gate import Gate, gate

SHARDS = (1, 3, 7)
LINES = pytest.StashKey[list[str]]()


@dataclass(frozen=True)
class Deployment:
    """The servers and what the tests use of them.

    Attributes:
        cluster: the servers.
        gate: what all clients of the S3 server go through.
        folder: of the archives, by number of shards; of this test's files otherwise.
        switch: the schedule is on while this file exists.
    """

    cluster: Cluster
    gate: Gate
    folder: Path
    switch: Path

    def archives(self, shards: int) -> Path:
        return self.folder / f"archives-{shards}"


def write_all_archives(folder: Path) -> None:
    """Write the same files as one archive, and as 3 and 7 shards: 12 and 8 for each letter."""
    large = members(12, seed=1)
    small = members(8, seed=2, repeats=list(large["A"].values())[:2])
    for shards in SHARDS:
        for set_name, letters in {"large": large, "small": small}.items():
            if shards == 1:
                write_archive(folder / "archives-1", set_name, letters)
            else:
                write_shards(folder / f"archives-{shards}", set_name, letters, shards)


@pytest.fixture(scope="package")
def _deployment() -> Iterator[Deployment]:
    # PostgreSQL runs as a user of its own, who cannot enter the folders of pytest.
    folder = Path(tempfile.mkdtemp(prefix="notmnist-cluster-"))
    folder.chmod(0o755)
    write_all_archives(folder)
    (port,) = free_ports(1)
    switch = folder / "schedule-is-on"
    variables = {
        **SIZES,
        "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
        "DAGSTER_DEFINITIONS": definitions.__name__,
        "NOTMNIST_ARCHIVES": str(folder / "archives-3"),
        "NOTMNIST_DASK": "",
        "NOTMNIST_PROFILE": "custom",
        definitions.SWITCH: str(switch),
    }
    try:
        with gate(port) as s3:
            cluster = start(folder / "cluster", variables)
            s3.target = cluster.ports["s3"]
            try:
                yield Deployment(cluster, s3, folder, switch)
            finally:
                stop(cluster)
    except NotInstalledError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def deployment(_deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """The running cluster; Dagster and s3fs use it in this process too."""
    for name, value in _deployment.cluster.environment.items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    return _deployment


@pytest.fixture(scope="session")
def lines(pytestconfig: pytest.Config) -> list[str]:
    """Lines that are printed after all tests."""
    return pytestconfig.stash.setdefault(LINES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(LINES, []):
        terminalreporter.write_line(line)
