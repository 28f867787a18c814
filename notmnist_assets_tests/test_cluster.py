"""Pieces of work on a Dask cluster: in order, errors as they are, and one sentence if the cluster fails."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from notmnist_assets import cluster
from notmnist_assets.cluster import connect
from notmnist_assets.curation.core.errors import CurationError


@contextmanager
def local_cluster(workers: int, *, processes: bool) -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=processes,
        protocol="tcp://",
        host="127.0.0.1",
        dashboard_address=None,
    ) as started:
        yield started


@pytest.fixture(scope="module")
def threads() -> Iterator[str]:
    with local_cluster(1, processes=False) as started:
        yield started.scheduler_address


@pytest.fixture(scope="module")
def processes() -> Iterator[str]:
    with local_cluster(2, processes=True) as started:
        yield started.scheduler_address


def slow_square(number: int) -> int:
    time.sleep(0.02 if number == 0 else 0)
    return number * number


def fail_at(number: int) -> int:
    if number == 1:
        raise CurationError("is damaged.", subject="piece 1", remedy="Replace it.")
    return number


def raise_timeout(_: int) -> None:
    raise TimeoutError("of the function")


def end_worker_once(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return marker.name


def end_worker(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_results_come_in_the_order_of_the_items(threads: str) -> None:
    with connect(threads) as run:
        assert list(run(slow_square, range(5))) == [0, 1, 4, 9, 16]


def test_errors_of_the_function_come_in_their_place(threads: str) -> None:
    with connect(threads) as run, closing(run(fail_at, [0, 1, 2])) as results:
        assert next(results) == 0
        with pytest.raises(CurationError, match=r"^piece 1: is damaged") as caught:
            next(results)
        assert caught.value.remedy == "Replace it."
    with connect(threads) as run, pytest.raises(TimeoutError, match="of the function"):
        list(run(raise_timeout, [0]))


def test_a_cluster_that_does_not_answer_is_an_error_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(CurationError, match=f"^NOTMNIST_DASK={address}: the Dask cluster: does not answer"):
            connect(address).__enter__()
        assert time.monotonic() - started < 15


def test_a_cluster_without_workers_is_an_error() -> None:
    with (
        local_cluster(0, processes=False) as started,
        pytest.raises(CurationError, match=r"has no worker\. Start workers: dask worker"),
        connect(started.scheduler_address),
    ):
        pass


def test_a_cluster_that_loses_all_workers_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(cluster, "_POLL_SECONDS", 0.1)
    with local_cluster(1, processes=False) as started, connect(started.scheduler_address) as run:
        started.scale(0)
        with pytest.raises(CurationError, match="has lost all workers"):
            list(run(time.sleep, [1]))


@pytest.mark.cluster
def test_the_pieces_of_a_killed_worker_are_computed_again(processes: str, tmp_path: Path) -> None:
    markers = [tmp_path / str(number) for number in range(2)]
    with connect(processes) as run:
        assert list(run(end_worker_once, markers)) == ["0", "1"]


@pytest.mark.cluster
def test_a_piece_that_kills_each_worker_is_an_error(processes: str) -> None:
    with connect(processes) as run, pytest.raises(CurationError, match="has lost each worker that had the task"):
        list(run(end_worker, [0]))


@pytest.mark.cluster
def test_a_scheduler_that_ends_is_an_error_and_another_computes_all(tmp_path: Path) -> None:
    def lose(run: Any, started: LocalCluster) -> None:
        with closing(run(time.sleep, [0, 30])) as results:
            next(results)
            started.close()
            next(results)

    with (
        local_cluster(1, processes=True) as started,
        pytest.raises(CurationError, match="has lost the tasks of this step"),
        connect(started.scheduler_address) as run,
    ):
        lose(run, started)
    with local_cluster(1, processes=True) as started, connect(started.scheduler_address) as run:
        assert list(run(slow_square, [3])) == [9]
