"""Starts and stops the cluster on loopback, or shows it at work: `python -m deploy.celery up|down|demo`."""

import io
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from deploy.celery.cluster import Cluster, start, stop
from deploy.celery.launch import command, instance_of, launch, stage_seconds, tasks_by_worker, wait_for_end
from deploy.celery.servers import ClusterError, is_alive
from notmnist_assets.settings.deployment import PREFIX
from notmnist_assets.settings.model import PROFILE_DEFAULTS
from notmnist_assets.sources.sample import SampleSource

SHARDS: Final = 3
"""Files into which the demo splits each archive of the sample."""

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
Folder = Annotated[Path, typer.Option(help="Folder with the data, logs and process ids of the servers.")]


@app.command()
def up(folder: Folder) -> None:
    """Start all servers and print the variables that Dagster's commands need."""
    cluster = start(folder)
    for name, value in cluster.environment.items():
        typer.echo(f"export {name}='{value}'")
    typer.echo(f"# the UI: http://{cluster.webserver}", err=True)


@app.command()
def down(folder: Folder) -> None:
    """End all servers; their data and logs stay in the folder."""
    stop(Cluster.load(folder))


@app.command()
def demo() -> None:
    """Start the cluster, materialize the sample in shards through all of it, verify the values, and stop it."""
    began = time.monotonic()

    def report(text: str) -> None:
        typer.echo(f"{time.monotonic() - began:6.1f} s  {text}")

    with tempfile.TemporaryDirectory(prefix="notmnist-cluster-") as name:
        Path(name).chmod(0o755)
        settings = {f"{PREFIX}{key.upper()}": str(value) for key, value in PROFILE_DEFAULTS["sample"].items()}
        archives = Path(name) / "archives"
        _write_shards(archives)
        settings |= {"NOTMNIST_PROFILE": "custom", "NOTMNIST_ARCHIVES": str(archives)}
        cluster = start(Path(name) / "cluster", settings)
        pids = dict(cluster.pids)
        try:
            report(f"started {', '.join(f'{server} ({pid})' for server, pid in pids.items())}")
            launch(cluster)
            report("launched a run by the web server; it waits in the queue, in PostgreSQL")
            with instance_of(cluster) as instance:
                run = wait_for_end(instance)
                if not run.is_success:
                    raise ClusterError(f"The run did not succeed:\n{cluster.log('worker')[-4000:]}")
                report(f"the Celery worker has stored all assets in S3, in process {run.tags['notmnist/process']}")
                for stage, seconds in stage_seconds(instance, run.run_id).items():
                    typer.echo(f"          {stage:10}{seconds:6.1f} s")
            tasks = ", ".join(f"{worker} {count}" for worker, count in sorted(tasks_by_worker(cluster).items()))
            report(f"tasks of each Dask worker, pieces of the work inside steps: {tasks}")
            states = [line.split()[0] for line in command(cluster, "notmnist", "verify").splitlines()]
            report(f"notmnist verify: {', '.join(f'{states.count(state)} {state}' for state in sorted(set(states)))}")
        finally:
            stop(cluster)
    left = [server for server, pid in pids.items() if is_alive(pid)]
    if left or Path(name).exists():
        raise ClusterError(f"Not stopped: {', '.join(left) or name}.")
    report(f"all {len(pids)} servers have ended and their folder is deleted")


def _write_shards(folder: Path) -> None:
    """Write the archives of the sample as shards, each with every third file."""
    folder.mkdir()
    for set_name in ("large", "small"):
        with tarfile.open(SampleSource().fetch(set_name).uri) as whole:
            files = [(member, _content(whole, member)) for member in whole if member.isfile()]
        for number in range(SHARDS):
            path = folder / f"notMNIST_{set_name}-{number:05}-of-{SHARDS:05}.tar.gz"
            with tarfile.open(path, "w:gz", compresslevel=1, format=tarfile.GNU_FORMAT) as shard:
                for member, content in files[number::SHARDS]:
                    shard.addfile(member, io.BytesIO(content))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return b"" if file is None else file.read()


def main() -> None:
    """Run a command; errors of servers are printed without a traceback."""
    try:
        app()
    except ClusterError as error:
        typer.echo(str(error), err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
