"""Where the steps of a run are executed: all in the process of the run, or each in a Kubernetes job."""

from typing import Final

import dagster as dg

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.settings.deployment import STEPS, Place, SettingsError

_HERE: Final = f"unset {STEPS} to execute steps in the process of the run"


def step_executor(place: Place) -> dg.ExecutorDefinition:
    """Return the executor of all jobs.

    Args:
        place: `process`, because the work inside a step is parallel and starting a process costs more than most steps
            do; or `kubernetes`, where each step has the memory and processors of a pod of its own.

    Raises:
        SettingsError: the package for Kubernetes is not installed.
    """
    return dg.in_process_executor if place == "process" else _kubernetes_executor()


def _kubernetes_executor() -> dg.ExecutorDefinition:
    """Return the executor of dagster-k8s, with an error in runs that do not have its run launcher."""
    try:
        from dagster_k8s import K8sRunLauncher, k8s_job_executor
    except ImportError:
        raise SettingsError(
            f"{STEPS}=kubernetes needs the package dagster-k8s: pip install 'notmnist_assets[kubernetes]', or {_HERE}"
        ) from None

    def create(context: dg.InitExecutorContext) -> dg.Executor:
        if not isinstance(context.instance.run_launcher, K8sRunLauncher):
            raise CurationError(
                "this run was not started by K8sRunLauncher, whose image and settings the jobs of steps have.",
                subject=f"{STEPS}=kubernetes",
                remedy=f"Start it in the UI of the cluster, or {_HERE}.",
            )
        return k8s_job_executor.executor_creation_fn(context)  # type: ignore[misc]  # None only in declarations

    return dg.ExecutorDefinition(
        name=k8s_job_executor.name,
        config_schema=k8s_job_executor.config_schema.as_field(),
        requirements=dg.multiple_process_executor_requirements(),
        executor_creation_fn=create,
        description=k8s_job_executor.description,
    )
