"""Starts a run from a machine of the deployment, waits for it, and prints what they did as JSON."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
from dagster_graphql import DagsterGraphQLClient

from deploy.celery.launch import wait_for_end
from notmnist_assets.runs.process import HOST_TAG
from notmnist_assets_tests.deploy.definitions import FEW, defs, few
from notmnist_assets_tests.deploy.runs import failures, materialized, require_nothing_half, versions

SECONDS = 400
MAX_RUNTIME = 45
"""Seconds after which the daemon gives up a run."""
WEB_PORT = 3000


def launched() -> Any:
    """Put a run into the queue by the web server, which is on the machine of the code server, and return its id."""
    client = DagsterGraphQLClient(os.environ["DAGSTER_CODE_SERVER_HOST"], port_number=WEB_PORT)
    return client.submit_job_execution(few.name, tags={"dagster/max_runtime": str(MAX_RUNTIME)})


def begun() -> Any:
    """Wait until the newest run has materialized three assets and return the host of its process."""
    end = time.monotonic() + SECONDS
    with dg.DagsterInstance.get() as instance:
        while time.monotonic() < end:
            for run in instance.get_runs(limit=1):
                if len(materialized(instance, run.run_id)) >= 3:
                    return run.tags[HOST_TAG]
            time.sleep(0.2)
    raise TimeoutError("no run has begun")


def ended() -> Any:
    """Wait for the end of all runs, and return what they did and what is stored."""
    storage = os.environ["NOTMNIST_STORAGE"]
    with dg.DagsterInstance.get() as instance:
        wait_for_end(instance, SECONDS)
        runs = [
            {
                "host": run.tags[HOST_TAG],
                "succeeded": run.is_success,
                "failures": failures(instance, run.run_id),
                "assets": sorted(materialized(instance, run.run_id)),
            }
            for run in reversed(instance.get_runs())
        ]
    require_nothing_half(storage, FEW)
    return {"runs": runs, "versions": versions(storage)}


def undisturbed() -> Any:
    """Return the values of a run in this process, on a folder."""
    storage = f"{os.environ['DAGSTER_HOME']}/undisturbed"
    config = {"resources": {"settings": {"config": {"storage": storage}}}}
    assert defs.resolve_job_def(few.name).execute_in_process(config).success
    return versions(storage)


FUNCTIONS: Mapping[str, Callable[[], Any]] = {one.__name__: one for one in (launched, begun, ended, undisturbed)}

if __name__ == "__main__":
    sys.stdout.write(f"\n{json.dumps(FUNCTIONS[sys.argv[1]]())}\n")
