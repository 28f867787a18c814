"""What runs on the cluster are configured with, stored, materialized and failed with."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import fsspec

from faults.commands import stored_versions
from notmnist_assets.cli.verification import State, verify_values
from notmnist_assets.definitions import DECLARATIONS
from notmnist_assets.metadata.failures import failure_message
from notmnist_assets.storage.store import ValueStore
from notmnist_assets_tests.deploy.conftest import Deployment


def config(deployment: Deployment, storage: str, shards: int, *, dask: bool) -> dict[str, Any]:
    """Return what the launchpad contains for a run of its own."""
    settings = {"storage": storage, "archives": str(deployment.archives(shards))}
    if dask:
        settings["dask"] = deployment.cluster.dask
    return {"resources": {"settings": {"config": settings}}}


def versions(storage: str) -> dict[str, object]:
    """Return version and digests of each value; all of them are whole."""
    store = ValueStore(f"{storage}/custom")
    assert {found.state for found in verify_values(store, DECLARATIONS)} <= {State.INTACT, State.ABSENT}
    return stored_versions(store)


def objects(storage: str) -> list[str]:
    """Return the keys of all objects below a URL."""
    filesystem, base = fsspec.core.url_to_fs(storage, use_listings_cache=False)
    return [str(path).removeprefix(f"{base}/") for path in filesystem.find(base)]


def materialized(instance: dg.DagsterInstance, run_id: str) -> dict[str, str]:
    """Return the data version of each asset that a run materialized."""
    found = [
        entry.get_dagster_event().step_materialization_data.materialization
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    ]
    return {one.asset_key.to_user_string(): (one.tags or {})["dagster/data_version"] for one in found}


def failures(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Return what is said of each failed step and of a failed run."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.PIPELINE_FAILURE}
    found = [entry.get_dagster_event() for entry in instance.all_logs(run_id, of_type=kinds)]
    return [
        failure_message(event) if event.event_type is dg.DagsterEventType.STEP_FAILURE else str(event.message)
        for event in found
    ]


def require_nothing_half(storage: str, keys: Sequence[str]) -> None:
    """Require one version of each asset and no file besides."""
    left = objects(storage)
    folders = {key.rpartition("/")[0] for key in left if not key.endswith("/value.json")}
    assert sorted(folder.rpartition("/")[0] for folder in folders) == sorted(f"custom/{key}" for key in keys)
