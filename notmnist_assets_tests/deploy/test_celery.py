"""The deployment on real servers: what fails on the way, and what is stored in the end."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping

import dagster as dg
import pytest
from distributed import Client

from deploy.celery.cluster import WORKERS
from deploy.celery.launch import launch, tasks_by_worker, wait_for_end
from notmnist_assets.automation import weekly_refresh
from notmnist_assets_tests.deploy.conftest import Deployment
from notmnist_assets_tests.deploy.definitions import DATA, FEW, defs, few
from notmnist_assets_tests.deploy.runs import config, failures, materialized, require_nothing_half, versions

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

MINUTE = 60
END_SECONDS = 420


Strike = Callable[[Deployment, str], None]


def hold_at(deployment: Deployment, method: str, storage: str, path: str) -> None:
    deployment.gate.hold_at(f"{method} {storage.removeprefix('s3:/')}/custom/{path}".encode())


def kill_dask_worker(deployment: Deployment, storage: str) -> None:
    """Kill a worker that is reading a shard."""
    deployment.cluster.end(busy_worker(deployment, storage), number=signal.SIGKILL)
    deployment.gate.open()


def restart_scheduler(deployment: Deployment, storage: str) -> None:
    """Kill the scheduler while its workers are reading shards, and start all as a service manager would."""
    busy_worker(deployment, storage)
    deployment.cluster.end("scheduler", number=signal.SIGKILL)
    deployment.gate.open()
    deployment.cluster.restart("scheduler")
    deployment.cluster.restart(*WORKERS)


def busy_worker(deployment: Deployment, storage: str) -> str:
    """Hold the requests for shards when a Dask worker waits for one, and return the name of the worker."""
    with Client(deployment.cluster.dask, set_as_default=False) as client:
        for _ in range(MINUTE):
            deployment.gate.wait_until_held()
            names = {info["id"]: worker for worker, info in client.scheduler_info()["workers"].items()}
            for name, worker in names.items():
                if client.processing()[worker]:
                    return str(name)
            hold_at(deployment, "GET", storage, "archives/")
            deployment.gate.open()
            time.sleep(0.1)
    raise AssertionError("no worker has read a shard")


def restart_postgres(deployment: Deployment, _: str) -> None:
    """Restart the database, which disconnects all."""
    deployment.cluster.restart("postgres")
    deployment.gate.open()


def lose_postgres(deployment: Deployment, _: str) -> None:
    """Let the run record events while the database is away for half a minute."""
    deployment.cluster.end("postgres")
    deployment.gate.open()
    time.sleep(MINUTE / 2)
    deployment.cluster.begin("postgres")


def hang_s3(deployment: Deployment, _: str) -> None:
    """Let the S3 server answer nothing for a minute and some seconds, longer than botocore waits."""
    time.sleep(MINUTE + 5)
    deployment.gate.open()


def lose_s3(deployment: Deployment, _: str) -> None:
    """Let the S3 server refuse connections for a minute."""
    deployment.gate.refuse()
    deployment.gate.open()
    time.sleep(MINUTE)
    deployment.gate.listen()


STRIKES: Mapping[str, tuple[str, str, Strike]] = {
    "Dask worker killed": ("GET", "archives/", kill_dask_worker),
    "Dask scheduler restarted": ("GET", "archives/", restart_scheduler),
    "PostgreSQL restarted": ("PUT", "letters/small/C/", restart_postgres),
    "PostgreSQL away for 30 s": ("PUT", "letters/small/C/", lose_postgres),
    "S3 hangs for 65 s": ("PUT", "letters/small/C/", hang_s3),
    "S3 refuses for 60 s": ("PUT", "letters/small/C/", lose_s3),
}


@pytest.fixture(scope="package")
def undisturbed(_deployment: Deployment) -> Mapping[str, object]:
    """Values of a run in this process, on a folder, with threads."""
    storage = str(_deployment.folder / "undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _deployment.cluster.environment.items():
            patch.setenv(name, value)
        job = defs.resolve_job_def(few.name)
        assert job.execute_in_process(config(_deployment, storage, 3, dask=False)).success
        return versions(storage)


def test_a_run_goes_through_queue_celery_dask_and_object_store(
    deployment: Deployment, undisturbed: Mapping[str, object], lines: list[str]
) -> None:
    storage = "s3://notmnist/undisturbed"
    with dg.DagsterInstance.get() as instance:
        account = Account("no fault", instance)
        before = tasks_by_worker(deployment.cluster)
        launch(deployment.cluster, few.name, config(deployment, storage, 3, dask=True))
        run = wait_for_end(instance)
        lines.extend(account.lines())
        assert run.is_success
    assert sum(tasks_by_worker(deployment.cluster).values()) > sum(before.values())
    assert versions(storage) == undisturbed
    assert list(undisturbed) == FEW
    require_nothing_half(storage, FEW)


@pytest.mark.cluster
@pytest.mark.parametrize("name", STRIKES)
def test_a_run_survives(name: str, deployment: Deployment, undisturbed: Mapping[str, object], lines: list[str]) -> None:
    method, path, strike = STRIKES[name]
    storage = f"s3://notmnist/{name.replace(' ', '-').lower()}"
    with dg.DagsterInstance.get() as instance:
        account = Account(name, instance)
        hold_at(deployment, method, storage, path)
        launch(deployment.cluster, few.name, config(deployment, storage, 3, dask=True))
        deployment.gate.wait_until_held()
        strike(deployment, storage)
        last = wait_for_end(instance, END_SECONDS)
        lines.extend(account.lines())
        assert last.is_success
        account.require_nothing_twice()
    assert versions(storage) == undisturbed
    require_nothing_half(storage, FEW)


@pytest.mark.cluster
def test_a_run_of_the_schedule_is_repeated_after_its_worker_was_killed(
    deployment: Deployment, lines: list[str]
) -> None:
    storage = deployment.cluster.environment["NOTMNIST_STORAGE"]
    with dg.DagsterInstance.get() as instance:
        account = Account("Celery worker killed", instance)
        hold_at(deployment, "PUT", storage, "letters/small/C/")
        deployment.switch.touch()
        deployment.gate.wait_until_held()
        deployment.switch.unlink()
        # A service manager would start another worker.
        deployment.cluster.restart("worker", number=signal.SIGKILL)
        deployment.gate.open()
        last = wait_for_end(instance, END_SECONDS)
        lines.extend(account.lines())
        assert last.is_success
        account.require_nothing_twice()
        killed = instance.get_run_by_id(last.parent_run_id or "")
        assert killed is not None
        assert killed.tags["dagster/schedule_name"] == weekly_refresh.name
    require_nothing_half(storage, [key for key in DATA if key.startswith(("archives/", "letters/"))])


class Account:
    """The runs from now on, their failures, and what they materialized."""

    def __init__(self, name: str, instance: dg.DagsterInstance) -> None:
        self._name = name
        self._instance = instance
        self._began = time.monotonic()
        self._before = {run.run_id for run in instance.get_runs()}

    def _runs(self) -> list[str]:
        return [run.run_id for run in reversed(self._instance.get_runs()) if run.run_id not in self._before]

    def _made(self) -> Counter[str]:
        return Counter(key for run_id in self._runs() for key in materialized(self._instance, run_id))

    def lines(self) -> list[str]:
        """Return a line of counts, and one for each failure."""
        seconds, made = time.monotonic() - self._began, self._made()
        counts = f"{len(self._runs())} runs, {made.total()} materializations of {len(made)} assets"
        return [f"{self._name:26}{seconds:4.0f} s, {counts}", *(f"    {reason}" for reason in self._failures())]

    def _failures(self) -> list[str]:
        return [reason for run_id in self._runs() for reason in failures(self._instance, run_id)]

    def require_nothing_twice(self) -> None:
        """Require sentences of what failed, and that only the step that was interrupted ran again."""
        assert not any("Traceback" in reason for reason in self._failures())
        again = {key for key, times in self._made().items() if times > 1}
        # The letters of an archive are one step.
        steps = {key.rpartition("/")[0] if key.startswith("letters/") else key for key in again}
        assert len(steps) <= 1, again
