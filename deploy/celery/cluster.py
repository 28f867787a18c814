"""Starts and stops PostgreSQL, Redis, an S3 server, a code server, a Celery worker and the daemon on loopback."""

import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import boto3
import psycopg2
import redis

HERE: Final = Path(__file__).parent
BUCKET: Final = "notmnist"
START_SECONDS: Final = 180
STOP_SECONDS: Final = 20
_HOST: Final = "127.0.0.1"
_STATE: Final = "cluster.json"
_DATABASE_USER: Final = "postgres"


class ClusterError(RuntimeError):
    """A server cannot be started; the message names it and ends with its log."""


class NotInstalledError(ClusterError):
    """A program is not installed on this machine."""


@dataclass(frozen=True)
class Cluster:
    """The servers of one folder.

    Attributes:
        folder: contains their data, logs, process ids and environment.
        environment: the variables with which Dagster's commands use the cluster.
        pids: the process of each server, in the order of their start.
    """

    folder: Path
    environment: Mapping[str, str]
    pids: dict[str, int]

    def start_worker(self) -> None:
        """Start the Celery worker, which executes one run at a time."""
        command = [sys.executable, "-m", "celery", "-A", "dagster_celery.app", "worker"]
        command += ["--concurrency", "1", "--queues", "dagster", "--loglevel", "info", "--hostname", "worker@%h"]
        self._start("worker", command, path=HERE)
        self._wait("worker", lambda: " ready." in self.log("worker"))

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End the process group of a server, by force after `STOP_SECONDS`."""
        pid = self.pids.pop(name, None)
        self._save()
        if pid is not None:
            _end(pid, number)

    def log(self, name: str) -> str:
        """Return what a server has printed."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _start(self, name: str, command: Sequence[str], *, user: str | None = None, path: Path | None = None) -> None:
        environment = os.environ | self.environment
        if path is not None:
            environment["PYTHONPATH"] = os.pathsep.join([str(path), *filter(None, [environment.get("PYTHONPATH")])])
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - in its own session, a Ctrl-C in the terminal does not reach it
                command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, user=user,
                cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        self.pids[name] = process.pid
        self._save()

    def _wait(self, name: str, is_ready: Callable[[], bool]) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and _is_alive(self.pids[name]):
            with suppress(Exception):  # each client raises its own errors while its server is starting
                if is_ready():
                    return
            time.sleep(0.2)
        raise ClusterError(f"{name} was not ready within {START_SECONDS} s:\n{self.log(name)[-4000:]}")

    def _save(self) -> None:
        state = {"environment": dict(self.environment), "pids": self.pids}
        written = self.folder / f".{_STATE}"
        written.write_text(json.dumps(state, indent=1))
        written.chmod(0o600)
        written.replace(self.folder / _STATE)


def start(folder: Path) -> Cluster:
    """Start all servers in a new or empty folder, which must be readable by all users up to its root.

    Raises:
        ClusterError: the folder is not empty, a program is not installed, or a server did not start in time.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ClusterError(f"{folder} is not empty: stop the cluster there, and name another folder.")
    database_port, redis_port, s3_port, code_port = _free_ports(4)
    password, s3_secret = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    redis_url = f"redis://:{password}@{_HOST}:{redis_port}/0"
    environment = {
        "DAGSTER_HOME": str(folder / "home"),
        "DAGSTER_POSTGRES_URL": f"postgresql+psycopg2://{_DATABASE_USER}:{password}@{_HOST}:{database_port}/postgres",
        "DAGSTER_CELERY_BROKER": redis_url,
        "DAGSTER_CODE_SERVER_PORT": str(code_port),
        "DAGSTER_S3_BUCKET": BUCKET,
        "AWS_ENDPOINT_URL": f"http://{_HOST}:{s3_port}",
        "AWS_ACCESS_KEY_ID": "notmnist",
        "AWS_SECRET_ACCESS_KEY": s3_secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "NOTMNIST_STORAGE": f"s3://{BUCKET}/values",
    }
    cluster = Cluster(folder, environment, {})
    try:
        _start_servers(cluster, database_port, redis_port, s3_port, code_port, password)
    except BaseException:
        stop(cluster)
        raise
    return cluster


def load(folder: Path) -> Cluster:
    """Return the cluster that was started in a folder.

    Raises:
        ClusterError: none was started there.
    """
    try:
        state = json.loads((folder.absolute() / _STATE).read_text())
    except FileNotFoundError:
        raise ClusterError(f"No cluster was started in {folder}.") from None
    return Cluster(folder.absolute(), state["environment"], state["pids"])


def stop(cluster: Cluster) -> None:
    """End all servers, the last started first."""
    for name in reversed(list(cluster.pids)):
        # PostgreSQL waits for its clients after SIGTERM; SIGINT disconnects them.
        cluster.stop(name, signal.SIGINT if name == "postgres" else signal.SIGTERM)


def _start_servers(
    cluster: Cluster, database_port: int, redis_port: int, s3_port: int, code_port: int, password: str
) -> None:
    folder, environment = cluster.folder, cluster.environment
    home = folder / "home"
    home.mkdir()
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(HERE / name, home)

    data, user = folder / "postgres", _database_user()
    data.mkdir(mode=0o700)
    secret = folder / "postgres.password"
    secret.write_text(password)
    secret.chmod(0o600)
    if user is not None:
        shutil.chown(data, user)
        shutil.chown(secret, user)
    initdb = [_program("initdb"), "-D", str(data), "-U", _DATABASE_USER, "--auth=scram-sha-256", f"--pwfile={secret}"]
    created = subprocess.run(  # noqa: S603
        initdb, user=user, cwd=data, capture_output=True, text=True, timeout=START_SECONDS
    )
    if created.returncode:
        raise ClusterError(f"initdb failed:\n{created.stderr}")
    options = ["-c", f"listen_addresses={_HOST}", "-c", "unix_socket_directories=", "-p", str(database_port)]
    cluster._start("postgres", [_program("postgres"), "-D", str(data), *options], user=user)
    url = environment["DAGSTER_POSTGRES_URL"].replace("+psycopg2", "")
    cluster._wait("postgres", lambda: _accepts_clients(url))

    options = ["--port", str(redis_port), "--bind", _HOST, "--requirepass", password, "--dir", str(folder)]
    cluster._start("redis", [_program("redis-server"), *options])
    cluster._wait("redis", lambda: bool(redis.Redis.from_url(environment["DAGSTER_CELERY_BROKER"]).ping()))

    cluster._start("s3", [sys.executable, "-m", "moto.server", "--host", _HOST, "--port", str(s3_port)])
    s3 = boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_DEFAULT_REGION"],
    )
    cluster._wait("s3", lambda: bool(s3.create_bucket(Bucket=BUCKET)))

    code = ["api", "grpc", "--module-name", "notmnist_assets.definitions", "--host", _HOST, "--port", str(code_port)]
    cluster._start("code", [sys.executable, "-m", "dagster", *code])
    cluster._wait("code", lambda: _accepts_connections(code_port))
    cluster.start_worker()
    workspace = ["-w", str(home / "workspace.yaml")]
    cluster._start("daemon", [str(Path(sys.executable).with_name("dagster-daemon")), "run", *workspace])


def _database_user() -> str | None:
    """Return the user that runs PostgreSQL, which refuses to run as root."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam(_DATABASE_USER).pw_name
    except KeyError:
        raise ClusterError("PostgreSQL does not run as root, and there is no user postgres.") from None


def _program(name: str) -> str:
    """Return the path of a program; Debian keeps those of PostgreSQL outside PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = shutil.which(name) or next(map(str, debian), None)
    if found is None:
        raise NotInstalledError(f"{name} is not installed. Debian: apt-get install postgresql redis-server")
    return found


def _free_ports(count: int) -> list[int]:
    listeners = [socket.socket() for _ in range(count)]
    try:
        for listener in listeners:
            listener.bind((_HOST, 0))
        return [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


def _accepts_connections(port: int) -> bool:
    with socket.create_connection((_HOST, port), timeout=1):
        return True


def _accepts_clients(url: str) -> bool:
    psycopg2.connect(url).close()
    return True


def _is_alive(pid: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _end(pid: int, number: signal.Signals) -> None:
    """Signal a process and wait for its end, then kill what is left of its group."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        end = time.monotonic() + STOP_SECONDS
        while time.monotonic() < end and _is_alive(pid):
            time.sleep(0.1)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
