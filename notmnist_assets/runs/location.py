"""Assigns runs that the terminal started to the code location of the UI, whose timeline and job pages show only those.

A run that the UI starts has an origin: the job, its repository and its code location. `dg.execute_job` records none.
`dagster run migrate-repository` replaces the origin of runs in the same way.
"""

import json
from typing import Any, Final

import dagster as dg

LOCATION: Final = "notmnist_assets"
"""Name of the code location in `workspace.yaml`, and for `dg`."""
MODULE: Final = "notmnist_assets.definitions"
_REPOSITORY: Final = "__repository__"
"""Dagster's name of the repository of a module with one `Definitions` object."""
_LABEL_TAG: Final = ".dagster/repository"


def assign_to_location(instance: dg.DagsterInstance, run_id: str) -> None:
    """Record job and code location as the origin of a run that has none."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.remote_job_origin is not None:
        return
    instance.add_run_tags(run_id, {_LABEL_TAG: f"{_REPOSITORY}@{LOCATION}"})
    tagged = instance.get_run_by_id(run_id)
    if tagged is not None:
        instance.run_storage.replace_job_origin(tagged, _origin(run.job_name))


def _origin(job_name: str) -> Any:
    """Return the origin of a run of a job, from the form in which Dagster stores it."""
    target = {
        "__class__": "LoadableTargetOrigin",
        "executable_path": None,
        "python_file": None,
        "module_name": MODULE,
        "working_directory": None,
        "attribute": None,
        "package_name": None,
    }
    location = {
        "__class__": "ManagedGrpcPythonEnvRepositoryLocationOrigin",
        "loadable_target_origin": target,
        "location_name": LOCATION,
    }
    repository = {
        "__class__": "ExternalRepositoryOrigin",
        "repository_location_origin": location,
        "repository_name": _REPOSITORY,
    }
    origin = {
        "__class__": "ExternalPipelineOrigin",
        "external_repository_origin": repository,
        "pipeline_name": job_name,
    }
    return dg.deserialize_value(json.dumps(origin))
