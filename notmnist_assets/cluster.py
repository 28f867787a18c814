"""Runs independent pieces of a step's work on a Dask cluster, whose address is the setting `dask`."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import dagster as dg
from upath import UPath

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.prefetch import Item, OrderedMap, Result, WorkMap
from notmnist_assets.curation.core.scratch import scratch_folder
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.deployment import PREFIX
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.sources.deadlines import run_within

_CONNECT_SECONDS: Final = 15
_POLL_SECONDS: Final = 5
_PATIENCE_SECONDS: Final = 60
"""How long a cluster may have no worker; one that restarts takes a few seconds."""
_SCRATCH: Final = ".scratch"
_START_AGAIN: Final = "Look at the cluster's logs, then start the run again."


class ClusterResource(dg.ConfigurableResource[Any]):
    """The cluster of the setting `dask`."""

    settings: dg.ResourceDependency[SettingsResource]

    @contextmanager
    def open(self) -> Iterator[WorkMap | None]:
        """Connect to the cluster, with a folder in the storage for its workers; None if the setting is unset.

        Raises:
            dagster.Failure: the cluster does not answer.
        """
        config = self.settings.read()
        if config.dask is None:
            yield None
            return
        with as_dagster_failure(), connect(config.dask) as run, _shared_folder(config.storage_root) as folder:
            yield WorkMap(run, folder)


@contextmanager
def _shared_folder(root: str) -> Iterator[Path]:
    """Provide an empty folder in the storage, and delete it afterwards; first delete those of killed runs."""
    if "://" not in root:
        Path(root).mkdir(parents=True, exist_ok=True)
        with scratch_folder(Path(root), prefix=f"{_SCRATCH}-") as folder:
            yield folder
        return
    scratch = UPath(root, use_listings_cache=False) / _SCRATCH
    remote = scratch / _delete_abandoned(scratch) / uuid4().hex
    try:
        yield remote  # type: ignore[misc]  # the interface of Path
    finally:
        if remote.exists():
            remote.rmdir(recursive=True)


def _delete_abandoned(scratch: UPath) -> str:
    """Delete the folders of runs that have ended, and return the name of the folder of this run."""
    try:
        context = dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:  # outside a run
        return uuid4().hex
    for folder in scratch.iterdir() if scratch.exists() else ():
        run = context.instance.get_run_by_id(folder.name)
        if run is not None and run.is_finished:
            folder.rmdir(recursive=True)
    return context.run_id


@contextmanager
def connect(address: str) -> Iterator[OrderedMap]:
    """Connect to a Dask scheduler and provide an ordered map over its workers.

    Each item is one task, which another worker repeats if its worker is lost.

    Args:
        address: address of the scheduler, such as tcp://host:8786.

    Raises:
        CurationError: the scheduler does not answer, it has no worker, or one with several threads; in the map also:
            workers or the scheduler were lost.
    """
    try:
        from distributed import Client
    except ImportError:
        raise _error(address, "needs the package distributed.", "pip install 'notmnist_assets[cluster]'") from None
    try:
        # Its own timeout does not limit the wait for the answer of another kind of server.
        client = run_within(_CONNECT_SECONDS, lambda _: Client(address, timeout=_CONNECT_SECONDS, set_as_default=False))
    except (OSError, ValueError) as error:
        remedy = f"Start a scheduler there (dask scheduler), or unset {PREFIX}DASK to use this machine."
        raise _error(address, f"does not answer ({type(error).__name__}).", remedy) from error
    with client:
        threads = client.nthreads().values()
        if not threads:
            raise _error(address, "has no worker.", f"Start workers: dask worker {address} --nthreads 1")
        if max(threads) > 1:  # a piece limits the threads of BLAS for its whole process
            problem = "has a worker with several threads, which would change the last digits of sums."
            raise _error(address, problem, f"Start it again: dask worker {address} --nthreads 1")
        yield partial(_ordered, client, address)


def _ordered(
    client: Any, address: str, function: Callable[[Item], Result], items: Iterable[Item]
) -> Generator[Result, None, None]:
    futures = client.map(function, list(items), pure=False)[::-1]
    try:
        while futures:
            yield _result(client, address, futures[-1])
            futures.pop()  # the cluster forgets the result
    finally:
        client.cancel(futures)


def _result(client: Any, address: str, future: Any) -> Any:
    """Wait for the result of a task, as long as the cluster has workers."""
    from distributed import CancelledError, KilledWorker

    idle = 0
    try:
        while not future.done():
            with suppress(TimeoutError):
                future.exception(timeout=_POLL_SECONDS)
                break
            idle = 0 if client.nthreads() else idle + _POLL_SECONDS
            if idle >= _PATIENCE_SECONDS:
                raise _error(address, "has lost all workers.", _START_AGAIN)
        return future.result()
    except KilledWorker as error:
        raise _error(address, f"has lost each worker that had the task {error.task}.", _START_AGAIN) from error
    except (CancelledError, OSError) as error:
        if isinstance(error, OSError) and future.status == "error":
            raise  # of the function
        raise _error(
            address, "has lost the tasks of this step: its scheduler ended or cannot be reached.", _START_AGAIN
        ) from error


def _error(address: str, problem: str, remedy: str) -> CurationError:
    return CurationError(problem, subject=f"{PREFIX}DASK={address}: the Dask cluster", remedy=remedy)
