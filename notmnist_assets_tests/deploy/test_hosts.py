"""The deployment on several machines, by the commands of its instructions; one of the machines is lost."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.celery.cluster import BUCKET, HERE, WAITING, WEB_SERVER
from deploy.celery.servers import NotInstalledError, program
from faults.commands import SIZES
from notmnist_assets_tests.deploy import definitions, machine_runs
from notmnist_assets_tests.deploy.definitions import FEW
from notmnist_assets_tests.deploy.machines import Machine, machines, why_not

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(900)]

TMP: Final = "/tmp"  # noqa: S108, each machine has a folder of its own there
HOME: Final = f"{TMP}/dagster"
DATABASE: Final = f"{TMP}/postgres"
START_SECONDS: Final = 120
WORKER_MACHINES: Final = ("c", "d")


class Hosts:
    """Machine a has the stores, b Dagster's servers and the Dask scheduler, c and d have workers of Celery and Dask."""

    def __init__(self, found: Mapping[str, Machine], logs: Path) -> None:
        self.machines = found
        self._logs = logs
        a, b = found["a"].address, found["b"].address
        database = f"dagster:secret@{a}:5432/postgres"
        self._database = f"postgresql://{database}"
        self._variables = {
            **SIZES,
            **WAITING,
            "AWS_ACCESS_KEY_ID": "notmnist",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{a}:5000",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "DAGSTER_CELERY_BROKER": f"redis://:secret@{a}:6379/0",
            "DAGSTER_CODE_SERVER_HOST": b,
            "DAGSTER_CODE_SERVER_PORT": "4000",
            "DAGSTER_HOME": HOME,
            "DAGSTER_POSTGRES_URL": f"postgresql+psycopg2://{database}",
            "DAGSTER_S3_BUCKET": BUCKET,
            "NOTMNIST_ARCHIVES": f"{HOME}/archives-3",
            "NOTMNIST_DASK": f"tcp://{b}:8786",
            "NOTMNIST_PROFILE": "custom",
            "NOTMNIST_STORAGE": f"s3://{BUCKET}/values",
            "PYTHONPATH": os.pathsep.join([str(HERE.parent.parent), str(HERE)]),
            definitions.SWITCH: f"{HOME}/schedule-is-on",
        }

    def run(self, name: str, *words: str, variables: Mapping[str, str] | None = None) -> str:
        """Execute a command on a machine, with other variables if they are named."""
        variables = {**self._variables, **(variables or {})}
        return self.machines[name].run(*words, variables=variables, seconds=machine_runs.SECONDS + 60)

    def call(self, function: Callable[[], Any], name: str = "b", **variables: str) -> Any:
        """Return what a function of `machine_runs` returns on a machine."""
        words = (sys.executable, "-m", machine_runs.__name__, function.__name__)
        return json.loads(self.run(name, *words, variables=variables).splitlines()[-1])

    def start(self) -> None:
        """Start all servers, those that use others after them."""
        for name in self.machines:
            self.run(name, "mkdir", HOME)
            self.run(name, "cp", str(HERE / "dagster.yaml"), str(HERE / "workspace.yaml"), HOME)
            self.run(name, sys.executable, "-c", WRITE_ARCHIVES)
        scripts = Path(sys.executable).parent
        workspace = ("-w", f"{HOME}/workspace.yaml")
        self._start_stores(self.machines["a"])
        self._start("b", "scheduler", str(scripts / "dask"), "scheduler", "--port", "8786")
        code = ("-m", definitions.__name__, "--host", "0.0.0.0", "--port", "4000")  # noqa: S104
        self._start("b", "code", str(scripts / "dagster"), "api", "grpc", *code)
        self._wait_for("code", "Started Dagster code server")
        for name in WORKER_MACHINES:
            celery = ("--concurrency", "1", "--queues", "dagster", "--loglevel", "info")
            self._start(name, "worker", sys.executable, "-m", "celery", "-A", "dagster_celery.app", "worker", *celery)
            scheduler = self._variables["NOTMNIST_DASK"]
            self._start(name, "dask-worker", str(scripts / "dask"), "worker", scheduler, "--nthreads", "1")
        self._start("b", "daemon", str(scripts / "dagster-daemon"), "run", *workspace)
        self._wait_for("daemon", "Instance is configured")
        web_server = (*workspace, "--host", "0.0.0.0", "--port", str(machine_runs.WEB_PORT), *WEB_SERVER)  # noqa: S104
        self._start("b", "webserver", str(scripts / "dagster-webserver"), *web_server)
        self._wait_for("webserver", "Serving dagster-webserver")
        for name in WORKER_MACHINES:
            self._wait_for(f"worker-{name}", " ready.")
            self._wait_for(f"dask-worker-{name}", "Registered to")

    def _start_stores(self, a: Machine) -> None:
        as_postgres = ("runuser", "-u", "postgres", "--")
        password = f"{TMP}/password"
        a.run("install", "-d", "-o", "postgres", "-m", "700", DATABASE)
        a.run("sh", "-c", f"echo secret > {password}")
        initdb = ("-U", "dagster", "--auth=scram-sha-256", f"--pwfile={password}", "--no-sync")
        a.run(*as_postgres, program("initdb"), "-D", DATABASE, *initdb)
        a.run("sh", "-c", f"echo 'host all all 10.77.0.0/24 scram-sha-256' >> {DATABASE}/pg_hba.conf")
        options = ("-c", f"listen_addresses={a.address}", "-c", "unix_socket_directories=")
        self._start("a", "postgres", *as_postgres, program("postgres"), "-D", DATABASE, *options)
        redis = ("--bind", a.address, "--requirepass", "secret", "--dir", TMP)
        self._start("a", "redis", program("redis-server"), *redis)
        self._start("a", "s3", sys.executable, "-m", "moto.server", "--host", a.address, "--port", "5000")
        end = time.monotonic() + START_SECONDS
        ready = f"import boto3, psycopg2; psycopg2.connect('{self._database}'); {CREATE_BUCKET}"
        while True:
            with suppress(AssertionError):
                self.run("b", sys.executable, "-c", ready)
                return
            assert time.monotonic() < end, "database or object store do not answer"

    def _start(self, machine: str, server: str, *words: str) -> None:
        log = self._logs / (f"{server}-{machine}" if machine in WORKER_MACHINES else server)
        self.machines[machine].start(log, *words, variables=self._variables)

    def _wait_for(self, log: str, text: str) -> None:
        end = time.monotonic() + START_SECONDS
        while text not in (printed := (self._logs / log).read_text(errors="replace")):
            assert time.monotonic() < end, f"{log}:\n{printed[-4000:]}"
            time.sleep(0.2)


CREATE_BUCKET: Final = f"boto3.client('s3').create_bucket(Bucket='{BUCKET}')"
WRITE_ARCHIVES: Final = (
    "from pathlib import Path; from notmnist_assets_tests.deploy.conftest import write_all_archives;"
    f" write_all_archives(Path('{HOME}'))"
)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    if reason := why_not():
        pytest.skip(reason)
    try:
        program("initdb")
        program("redis-server")
    except NotInstalledError as error:
        pytest.skip(str(error))
    with tempfile.TemporaryDirectory(prefix="notmnist-hosts-") as logs, machines(["a", "b", "c", "d"]) as found:
        yield Hosts(found, Path(logs))


def test_a_run_is_repeated_on_another_machine_after_its_own_was_lost(hosts: Hosts, lines: list[str]) -> None:
    hosts.start()
    hosts.call(machine_runs.launched, "d")
    lost = hosts.call(machine_runs.begun)
    hosts.machines[lost].unplug()
    began = time.monotonic()
    undisturbed = hosts.call(machine_runs.undisturbed, NOTMNIST_DASK="")
    found = hosts.call(machine_runs.ended)
    first, *_, last = found["runs"]
    lines.append(f"machine {lost} lost: another run ended on {last['host']} after {time.monotonic() - began:.0f} s")
    lines.extend(f"    {reason}" for run in found["runs"] for reason in run["failures"])
    assert (first["host"], first["succeeded"]) == (lost, False)
    assert first["failures"] == [f"Exceeded maximum runtime of {machine_runs.MAX_RUNTIME} seconds."]
    assert last["succeeded"]
    assert last["host"] in set(WORKER_MACHINES) - {lost}
    assert {asset for run in found["runs"] for asset in run["assets"]} == set(FEW)
    assert found["versions"] == undisturbed
