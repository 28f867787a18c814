"""Pieces of work on a Dask cluster: in order, errors as they are, and one sentence if the cluster fails."""

import hashlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import dask
import fsspec
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

from notmnist_assets import cluster
from notmnist_assets.cluster import ClusterResource, connect
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.npy import map_npy
from notmnist_assets.curation.core.prefetch import WorkMap
from notmnist_assets.curation.core.row_blocks import first_rows, read_rows, share_blocks, share_images
from notmnist_assets.curation.core.values import SOURCE_COLUMNS, Split
from notmnist_assets.curation.duplicates.hashes import hash_table
from notmnist_assets.curation.duplicates.near import near_pairs
from notmnist_assets.curation.duplicates.near.blocks import near_pairs_in_blocks
from notmnist_assets.curation.reading.letters import read_letters
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets_tests.curation.duplicates.near.tables import noisy_copies, triples
from notmnist_assets_tests.curation.reading.test_letters import read
from notmnist_assets_tests.curation.reading.test_shards import FILES, sharded
from notmnist_assets_tests.object_store import object_store
from notmnist_assets_tests.workspace import Workspace

ON_CLUSTER = (
    *("letters/small/A", "hashes", "overlap/near_pairs", "overlap/recall", "grouped"),
    *("labels/issues", "baselines", "report/gallery"),
)
"""Assets whose steps use a cluster, or their first parts."""


@contextmanager
def local_cluster(workers: int, *, processes: bool, threads: int = 1) -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=workers,
        threads_per_worker=threads,
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


@pytest.fixture
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


def end_first_worker(marker: Path) -> str:
    with suppress(FileExistsError):
        marker.touch(exist_ok=False)
        os.kill(os.getpid(), signal.SIGKILL)
    return marker.name


def write_piece(folder: Path, number: int) -> None:
    (folder / str(number)).write_bytes(b"pixels")


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


def test_a_worker_with_several_threads_is_an_error() -> None:
    with (
        local_cluster(1, processes=False, threads=2) as started,
        pytest.raises(CurationError, match=r"several threads.*--nthreads 1"),
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
    with connect(processes) as run:
        assert list(run(end_first_worker, [tmp_path / "marker"] * 4)) == ["marker"] * 4


@pytest.mark.cluster
def test_a_piece_that_kills_its_workers_is_an_error() -> None:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        local_cluster(1, processes=True) as started,
        connect(started.scheduler_address) as run,
        pytest.raises(CurationError, match="has lost each worker that had the task"),
    ):
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


@pytest.mark.cluster
def test_results_equal_those_of_this_process_although_a_worker_is_killed(processes: str, tmp_path: Path) -> None:
    archive = sharded(tmp_path, [FILES[number::4] for number in range(4)])
    images = noisy_copies(3000, seed=1).reshape(-1, 28, 28)
    np.save(tmp_path / "images.npy", images)
    sources = pd.DataFrame({name: ["x"] * len(images) for name in SOURCE_COLUMNS})
    split = Split(map_npy(tmp_path / "images.npy"), np.zeros(len(images), np.int32), sources)
    expected, _ = read(archive)
    with connect(processes) as run, Client(processes, set_as_default=False) as client:
        pieces = WorkMap(run, tmp_path)
        killed = next(iter(client.run(os.getpid).values()))
        threading.Timer(0.2, os.kill, [killed, signal.SIGKILL]).start()
        with read_letters(archive, "small", work_map=pieces) as reading:
            letters = dict(reading)
            assert {letter: fingerprint(found) for letter, found in letters.items()} == {
                letter: fingerprint(found) for letter, found in expected.items()
            }
        pd.testing.assert_frame_equal(hash_table(split, pieces), hash_table(split))
        found = near_pairs_in_blocks(len(images), lambda rows: images[rows], 12, pieces, size=300)
    assert triples(found) == triples(near_pairs(images, 12))


@pytest.mark.cluster
def test_pixels_go_through_an_object_store_which_is_empty_afterwards(
    threads: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = sharded(tmp_path, [FILES[number::2] for number in range(2)])
    images = noisy_copies(300, seed=1).reshape(-1, 28, 28)
    with object_store(tmp_path / "log") as store:
        store.enter(monkeypatch)
        resource = ClusterResource(settings=SettingsResource(storage=store.root, dask=threads))
        with resource.open() as pieces:
            assert pieces is not None
            with read_letters(archive, "small", work_map=pieces) as reading:
                letters = dict(reading)
                assert {letter: len(found) for letter, found in letters.items()} == {
                    letter: len(found) for letter, found in read(archive)[0].items()
                }
            found = near_pairs_in_blocks(len(images), lambda rows: images[rows], 12, pieces, size=100)
            parts = pieces.run(read_rows, share_blocks([images[:7], images[7:]], pieces))
            np.testing.assert_array_equal(np.concatenate([*parts]), images)
            (part,) = pieces.run(read_rows, [first_rows(share_images(images, pieces), 0)])
            assert len(part) == 0
        assert fsspec.filesystem("s3").find(store.root) == []
    assert triples(found) == triples(near_pairs(images, 12))


@pytest.mark.cluster
def test_the_next_run_deletes_what_killed_runs_left_in_an_object_store(threads: str, bucket: str) -> None:
    @dg.asset
    def pieces(cluster: ClusterResource) -> None:
        with cluster.open() as found:
            assert found is not None
            list(found.run(partial(write_piece, found.folder), range(2)))

    def run() -> str:
        resource = ClusterResource(settings=SettingsResource(storage=bucket, dask=threads))
        return dg.materialize([pieces], instance=instance, resources={"cluster": resource}).run_id

    filesystem, base = fsspec.core.url_to_fs(bucket, use_listings_cache=False)
    with dg.instance_for_test() as instance:
        ended, other = run(), uuid4().hex
        assert filesystem.find(base) == []
        for run_id in (ended, other):
            filesystem.pipe_file(f"{base}/sample/.scratch/{run_id}/x/0", b"pixels")
        run()
    assert filesystem.find(base) == [f"{base}/sample/.scratch/{other}/x/0"], "the folder of a run in another history"


@pytest.mark.cluster
def test_a_run_with_a_cluster_stores_the_same_bytes(
    processes: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored_files(workspace), data_versions(workspace)
    monkeypatch.setenv("NOTMNIST_DASK", processes)
    assert f"{processes} answers" in workspace.notmnist("doctor", "--quick").out
    ended = workspace.notmnist("run", *ON_CLUSTER)
    assert ended.code == 0, ended.err
    assert (stored_files(workspace), data_versions(workspace)) == before


def stored_files(workspace: Workspace) -> dict[str, str]:
    """Return the digests of all stored files but those with durations and what names them."""
    files = (path for path in (workspace.storage / "custom").rglob("*.*") if path.name != "value.json")
    timed = {"metrics", "reference"}
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if not timed & {*path.parts}}


def data_versions(workspace: Workspace) -> dict[str, str]:
    """Return the last data version of each asset that uses a cluster."""
    with workspace.instance() as instance:
        keys = [key for key in instance.all_asset_keys() if key.to_user_string().startswith(ON_CLUSTER)]
        records = [instance.fetch_materializations(key, limit=1).records[0] for key in keys]
    found = [record.asset_materialization for record in records if record.asset_materialization]
    return {one.asset_key.to_user_string(): (one.tags or {})["dagster/data_version"] for one in found}
