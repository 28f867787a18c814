"""Starts and stops the cluster on loopback, or shows it at work: `python -m deploy.celery up|down|demo`."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import dagster as dg
import typer

from deploy.celery.cluster import Cluster, ClusterError, load, start, stop

RUN_SECONDS = 240

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
Folder = Annotated[Path, typer.Option(help="Folder with the data, logs and process ids of the servers.")]


@app.command()
def up(folder: Folder) -> None:
    """Start all servers and print the variables that Dagster's commands need."""
    cluster = start(folder)
    for name, value in cluster.environment.items():
        typer.echo(f"export {name}='{value}'")
    typer.echo(f"# then: dagster job launch -w {folder.absolute()}/home/workspace.yaml -j refresh", err=True)


@app.command()
def down(folder: Folder) -> None:
    """End all servers; their data and logs stay in the folder."""
    stop(load(folder))


@app.command()
def demo() -> None:
    """Start the cluster, materialize the sample through all of it, verify the stored values, and stop it."""
    began = time.monotonic()

    def report(text: str) -> None:
        typer.echo(f"{time.monotonic() - began:6.1f} s  {text}")

    with tempfile.TemporaryDirectory(prefix="notmnist-cluster-") as name:
        Path(name).chmod(0o755)
        cluster = start(Path(name) / "cluster")
        try:
            report(f"started {', '.join(cluster.pids)}")
            launch(cluster)
            report("the run waits in the queue, in PostgreSQL")
            if wait_for_end(cluster) != "SUCCESS":
                raise ClusterError(f"The run did not succeed:\n{cluster.log('worker')[-4000:]}")
            report("the worker has materialized all assets in S3")
            verified = command(cluster, "notmnist", "verify")
            report(verified.splitlines()[-1])
        finally:
            stop(cluster)
    report("stopped")


def launch(cluster: Cluster) -> None:
    """Put a run of the job `refresh` into the queue."""
    command(cluster, "dagster", "job", "launch", "-w", f"{cluster.folder}/home/workspace.yaml", "-j", "refresh")


def wait_for_end(cluster: Cluster, seconds: float = RUN_SECONDS) -> str:
    """Wait until no run is queued or under way and return the status of the newest one.

    Raises:
        ClusterError: it took longer than `seconds`.
    """
    os.environ.update(cluster.environment)  # dagster.yaml reads them
    end = time.monotonic() + seconds
    with dg.DagsterInstance.get() as instance:
        while time.monotonic() < end:
            runs = instance.get_runs(limit=10)
            if runs and all(run.is_finished for run in runs) and not _is_retried(instance, runs[0]):
                return runs[0].status.value
            time.sleep(1)
    raise ClusterError(f"No end of the run within {seconds:.0f} s:\n{cluster.log('worker')[-4000:]}")


def _is_retried(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Return whether the daemon has still to start a failed run again."""
    tags = (instance.get_run_by_id(run.run_id) or run).tags
    return run.status is dg.DagsterRunStatus.FAILURE and tags.get("dagster/will_retry") == "true"


def command(cluster: Cluster, *words: str) -> str:
    """Run a command in the environment of the cluster and return what it printed.

    Raises:
        ClusterError: it failed; the message contains what it printed.
    """
    program = words[0] if "/" in words[0] else str(Path(sys.executable).with_name(words[0]))
    done = subprocess.run(  # noqa: S603
        [program, *words[1:]], env=os.environ | cluster.environment, capture_output=True, text=True, timeout=RUN_SECONDS
    )
    if done.returncode:
        raise ClusterError(f"{' '.join(words)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def main() -> None:
    """Run a command; errors of servers are printed without a traceback."""
    try:
        app()
    except ClusterError as error:
        typer.echo(str(error), err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
