"""The same data versions and bytes from all executors, stores and numbers of shards."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import pytest

from deploy.celery.launch import launch, wait_for_end
from notmnist_assets_tests.deploy.conftest import Deployment
from notmnist_assets_tests.deploy.definitions import data, defs, processes_job
from notmnist_assets_tests.deploy.runs import config, failures, materialized, versions

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

FOLDER, S3 = "folder", "S3"
RunConfig = Mapping[str, Any]


def here(_: Deployment, run_config: RunConfig) -> dict[str, str]:
    with dg.instance_for_test() as instance:
        done = defs.resolve_job_def(data.name).execute_in_process(run_config=run_config, instance=instance)
        return materialized(instance, done.run_id)


def in_processes(_: Deployment, run_config: RunConfig) -> dict[str, str]:
    with dg.instance_for_test() as instance:
        done = dg.execute_job(dg.reconstructable(processes_job), instance, run_config=run_config)
        assert done.success, failures(instance, done.run_id)
        return materialized(instance, done.run_id)


def by_celery(deployment: Deployment, run_config: RunConfig) -> dict[str, str]:
    with dg.DagsterInstance.get() as instance:
        launch(deployment.cluster, data.name, run_config)
        run = wait_for_end(instance)
        assert run.is_success, failures(instance, run.run_id)
        return materialized(instance, run.run_id)


CASES: list[tuple[Callable[[Deployment, RunConfig], dict[str, str]], bool, str, int]] = [
    (here, False, FOLDER, 1),
    (here, False, FOLDER, 3),
    (here, True, FOLDER, 7),
    (in_processes, False, FOLDER, 3),
    (by_celery, False, S3, 1),
    (by_celery, True, S3, 3),
    (by_celery, True, S3, 7),
    (by_celery, True, FOLDER, 1),
]


def test_data_versions_and_bytes_are_the_same_everywhere(deployment: Deployment, lines: list[str]) -> None:
    lines.append(f"{'steps':14}{'work in them':14}{'store':8}{'shards':>6}  assets, files, as the first")
    expected: tuple[dict[str, str], dict[str, object]] | None = None
    for number, (execute, dask, store, shards) in enumerate(CASES):
        name = f"bytes-{number}"
        storage = f"s3://notmnist/{name}" if store == S3 else str(deployment.folder / name)
        made = execute(deployment, config(deployment, storage, shards, dask=dask))
        stored = versions(storage)
        assert made.keys() == stored.keys()
        # The files of an archive in shards are the shards.
        made = {key: version for key, version in made.items() if not key.startswith("archives/")}
        stored = {key: found for key, found in stored.items() if not key.startswith("archives/")}
        expected = expected or (made, stored)
        files = sum(len(found[1]) for found in stored.values() if isinstance(found, tuple))
        # Steps in processes of their own take seconds each, so that only some assets are materialized in this way.
        same = (made, stored) == tuple({key: one[key] for key in stored} for one in expected)
        work = "Dask" if dask else "threads"
        lines.append(
            f"{execute.__name__:14}{work:14}{store:8}{shards:6}  {len(stored)}, {files}, {'yes' if same else 'NO'}"
        )
        assert same
