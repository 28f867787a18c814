"""The deployment on real servers: PostgreSQL, Redis, Celery and S3 on loopback."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import fsspec
import pytest

from deploy.celery.__main__ import launch, wait_for_end
from deploy.celery.cluster import Cluster, NotInstalledError, start, stop
from notmnist_assets_tests.test_graph_in_object_store import without_timings
from notmnist_assets_tests.workspace import Workspace

pytestmark = pytest.mark.cluster

START_SECONDS = 240
END_SECONDS = 420


@pytest.fixture
def cluster(finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A running cluster that works on the archives of the finished workspace."""
    # PostgreSQL runs as a user of its own, who cannot enter the folders of pytest.
    folder = Path(tempfile.mkdtemp(prefix="notmnist-cluster-"))
    folder.chmod(0o755)
    try:
        started = start(folder / "cluster")
    except NotInstalledError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    for name, value in started.environment.items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    yield started
    stop(started)
    shutil.rmtree(folder)


@pytest.mark.timeout(900)
def test_a_run_goes_through_queue_worker_and_object_store_although_its_worker_is_killed(
    finished: Workspace, cluster: Cluster
) -> None:
    on_disk = without_timings(finished.bytes_stored())
    launch(cluster)
    with dg.DagsterInstance.get() as instance:
        wait_until_something_is_stored(instance)
        cluster.stop("worker", signal.SIGKILL)
        cluster.start_worker()
        assert wait_for_end(cluster, END_SECONDS) == "SUCCESS"
        statuses = [run.status for run in instance.get_runs()]
    assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    filesystem, base = fsspec.core.url_to_fs(cluster.environment["NOTMNIST_STORAGE"], use_listings_cache=False)
    found = {path.removeprefix(f"{base}/"): data for path, data in filesystem.cat(filesystem.find(base)).items()}
    assert without_timings(found) == on_disk
    assert finished.notmnist("verify").code == 0


def wait_until_something_is_stored(instance: dg.DagsterInstance) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if instance.get_latest_materialization_event(dg.AssetKey(["letters", "large", "A"])):
            return
        time.sleep(0.1)
    raise AssertionError("the run did not start")
