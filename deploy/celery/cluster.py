"""The servers of the deployment on loopback: PostgreSQL, Redis, S3, Dask, Celery and Dagster's own processes."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import boto3
import psycopg2
import redis

from deploy.celery.servers import HOST, START_SECONDS, ClusterError, Server, Servers, accepts_connections, free_ports
from deploy.celery.servers import program as installed

HERE: Final = Path(__file__).parent
BUCKET: Final = "notmnist"
DEFINITIONS: Final = "notmnist_assets.definitions"
WORKERS: Final = ("dask-worker-1", "dask-worker-2")
WAITING: Final = {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "16"}
"""Variables that make runs repeat a request for about two minutes while the S3 server is away."""
WEB_SERVER: Final = ("--db-pool-recycle", "5")
"""Options of the web server: it uses connections to the database again for 5 seconds only, as a restart breaks them."""
_DATABASE_USER: Final = "postgres"
_BASES: Final = ("postgres", "redis", "s3", "scheduler")


class Cluster(Servers):
    """The servers of one folder; `environment` has the variables with which Dagster's commands use them."""

    @property
    def webserver(self) -> str:
        """Host and port of the UI."""
        return f"{HOST}:{self.ports['webserver']}"

    @property
    def dask(self) -> str:
        """Address of the Dask scheduler."""
        return f"tcp://{HOST}:{self.ports['scheduler']}"

    def restart(self, *names: str, number: signal.Signals | None = None) -> None:
        """End servers, if they are running, and start them again."""
        self.end(*names, number=number)
        self.begin(*names)

    def begin(self, *names: str) -> None:
        """Start servers and wait until they are ready."""
        self.start({name: self._servers()[name] for name in names})

    def end(self, *names: str, number: signal.Signals | None = None) -> None:
        """End servers, by their usual signal or another one."""
        servers = self._servers()
        for chosen in {number or servers[name].end for name in names}:
            self.stop([name for name in names if (number or servers[name].end) is chosen], chosen)

    def _servers(self) -> Mapping[str, Server]:
        home, ports, environment = self.folder / "home", self.ports, self.environment
        scripts = Path(sys.executable).parent
        dagster, dask = str(scripts / "dagster"), str(scripts / "dask")
        database = environment["DAGSTER_POSTGRES_URL"].replace("+psycopg2", "")
        postgres = ["-c", f"listen_addresses={HOST}", "-c", "unix_socket_directories=", "-p", str(ports["postgres"])]
        broker = environment["DAGSTER_CELERY_BROKER"]
        password = broker.partition("@")[0].rpartition(":")[2]
        redis_options = ["--port", str(ports["redis"]), "--bind", HOST, "--requirepass", password]
        code = ["--module-name", environment["DAGSTER_DEFINITIONS"], "--host", HOST, "--port", str(ports["code"])]
        celery = ["--concurrency", "1", "--queues", "dagster", "--loglevel", "info", "--hostname", "worker@%h"]
        workspace = ["-w", str(home / "workspace.yaml")]
        web_server = ["--host", HOST, "--port", str(ports["webserver"]), *WEB_SERVER]
        servers = {
            "postgres": Server(
                [installed("postgres"), "-D", str(self.folder / "postgres"), *postgres],
                lambda _: _accepts_clients(database),
                user=_database_user(),
                end=signal.SIGINT,  # after SIGTERM, it waits for its clients
            ),
            "redis": Server(
                [installed("redis-server"), *redis_options, "--dir", str(self.folder)],
                lambda _: redis.Redis.from_url(broker).ping(),
            ),
            "s3": Server(
                [sys.executable, "-m", "moto.server", "--host", HOST, "--port", str(ports["s3"])],
                lambda _: self._create_bucket(),
            ),
            "scheduler": Server(
                [dask, "scheduler", "--host", HOST, "--port", str(ports["scheduler"]), "--no-dashboard"],
                lambda printed: "Scheduler at" in printed and accepts_connections(ports["scheduler"]),
            ),
            "code": Server([dagster, "api", "grpc", *code], lambda _: accepts_connections(ports["code"])),
            "webserver": Server(
                [str(scripts / "dagster-webserver"), *workspace, *web_server],
                lambda _: accepts_connections(ports["webserver"]),
            ),
            "daemon": Server(
                [str(scripts / "dagster-daemon"), "run", *workspace],
                lambda printed: "Instance is configured" in printed,
            ),
            "worker": Server(
                [sys.executable, "-m", "celery", "-A", "dagster_celery.app", "worker", *celery],
                lambda printed: " ready." in printed,
                path=HERE,
            ),
        }
        for name in WORKERS:
            options = ["--host", HOST, "--nthreads", "1", "--name", name, "--no-nanny", "--no-dashboard"]
            command = [dask, "worker", self.dask, *options, "--local-directory", str(self.folder / name)]
            servers[name] = Server(command, lambda printed: "Registered to" in printed)
        return servers

    def _create_bucket(self) -> bool:
        environment = self.environment
        client = boto3.client(
            "s3",
            endpoint_url=f"http://{HOST}:{self.ports['s3']}",
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_DEFAULT_REGION"],
        )
        client.create_bucket(Bucket=BUCKET)
        return True


@contextmanager
def running(folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """Run the cluster; see `start`."""
    cluster = start(folder, variables)
    try:
        yield cluster
    finally:
        stop(cluster)


def start(folder: Path, variables: Mapping[str, str] | None = None) -> Cluster:
    """Start all servers in a new or empty folder, which must be readable by all users up to its root.

    Args:
        folder: for their data and logs.
        variables: environment variables of all servers, such as settings; they replace those of the cluster.

    Raises:
        ClusterError: the folder is not empty, a program is not installed, or a server did not start in time.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ClusterError(f"{folder} is not empty: stop the cluster there, and name another folder.")
    named = (*_BASES, "code", "webserver")
    ports = dict(zip(named, free_ports(len(named)), strict=True))
    password = secrets.token_urlsafe(16)
    database = f"{_DATABASE_USER}:{password}@{HOST}:{ports['postgres']}/postgres"
    environment = {
        "DAGSTER_HOME": str(folder / "home"),
        "DAGSTER_DEFINITIONS": DEFINITIONS,
        "DAGSTER_POSTGRES_URL": f"postgresql+psycopg2://{database}",
        "DAGSTER_CELERY_BROKER": f"redis://:{password}@{HOST}:{ports['redis']}/0",
        "DAGSTER_CODE_SERVER_HOST": HOST,
        "DAGSTER_CODE_SERVER_PORT": str(ports["code"]),
        "DAGSTER_S3_BUCKET": BUCKET,
        "AWS_ENDPOINT_URL": f"http://{HOST}:{ports['s3']}",
        "AWS_ACCESS_KEY_ID": "notmnist",
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(16),
        "AWS_DEFAULT_REGION": "us-east-1",
        **WAITING,
        "NOTMNIST_STORAGE": f"s3://{BUCKET}/values",
        "NOTMNIST_DASK": f"tcp://{HOST}:{ports['scheduler']}",
        **(variables or {}),
    }
    cluster = Cluster(folder, environment, ports, {})
    try:
        _create_files(cluster, password)
        cluster.begin(*_BASES)
        cluster.begin("code", "worker", *WORKERS)
        cluster.begin("daemon")  # creates the tables of the history
        cluster.begin("webserver")
    except BaseException:
        stop(cluster)
        raise
    return cluster


def stop(cluster: Cluster) -> None:
    """End all servers: those that use others before them."""
    cluster.end(*(name for name in cluster.pids if name not in _BASES))
    cluster.end(*cluster.pids)


def _create_files(cluster: Cluster, password: str) -> None:
    """Create Dagster's configuration and the database."""
    home = cluster.folder / "home"
    home.mkdir()
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(HERE / name, home)
    data, user = cluster.folder / "postgres", _database_user()
    data.mkdir(mode=0o700)
    secret = cluster.folder / "postgres.password"
    secret.write_text(password)
    secret.chmod(0o600)
    if user is not None:
        shutil.chown(data, user)
        shutil.chown(secret, user)
    initdb = [installed("initdb"), "-D", str(data), "-U", _DATABASE_USER, "--auth=scram-sha-256", "--no-sync"]
    created = subprocess.run(  # noqa: S603
        [*initdb, f"--pwfile={secret}"], user=user, cwd=data, capture_output=True, text=True, timeout=START_SECONDS
    )
    if created.returncode:
        raise ClusterError(f"initdb failed:\n{created.stderr}")


def _accepts_clients(url: str) -> bool:
    psycopg2.connect(url).close()
    return True


def _database_user() -> str | None:
    """Return the user that runs PostgreSQL, which refuses to run as root."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam(_DATABASE_USER).pw_name
    except KeyError:
        raise ClusterError("PostgreSQL does not run as root, and there is no user postgres.") from None
