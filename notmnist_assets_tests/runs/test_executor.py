"""The executor of runs by where their steps are executed; no cluster is needed."""

import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster_k8s import k8s_job_executor

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.definitions import build_definitions
from notmnist_assets.runs.executor import step_executor
from notmnist_assets.runs.lock import OneRun
from notmnist_assets.settings.deployment import STEPS, SettingsError
from notmnist_assets.settings.model import read_settings


def empty_job() -> dg.JobDefinition:
    """Return a job with one step that does nothing, each step in a Kubernetes job."""

    @dg.op
    def nothing() -> None: ...

    @dg.job(executor_def=step_executor("kubernetes"))
    def empty() -> None:
        nothing()

    return empty


def test_all_jobs_have_the_executor_of_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    here = build_definitions(read_settings())
    monkeypatch.setenv(STEPS, "kubernetes")
    there = build_definitions(read_settings())
    assert here.executor is dg.in_process_executor
    for name in ("refresh", "checks"):
        assert there.resolve_job_def(name).executor_def.name == k8s_job_executor.name
        assert here.resolve_job_def(name).executor_def.name == dg.in_process_executor.name


def test_the_launchpad_has_the_options_of_the_executor() -> None:
    limited = {"execution": {"config": {"max_concurrent": 4, "step_k8s_config": {"container_config": {}}}}}
    assert dg.validate_run_config(empty_job(), limited)
    with pytest.raises(dg.DagsterInvalidConfigError, match="max_concurent"):
        dg.validate_run_config(empty_job(), {"execution": {"config": {"max_concurent": 4}}})


def test_without_its_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dagster_k8s", None)
    with pytest.raises(SettingsError, match=r"NOTMNIST_STEPS=kubernetes needs .* pip install 'notmnist_assets\[kub"):
        step_executor("kubernetes")
    assert step_executor("process") is dg.in_process_executor


def test_a_run_that_is_not_started_in_the_cluster_says_what_to_do() -> None:
    with dg.instance_for_test() as instance, pytest.raises(CurationError) as caught:
        dg.execute_job(dg.reconstructable(empty_job), instance)
    assert caught.value.subject == "NOTMNIST_STEPS=kubernetes"
    assert "Start it in the UI of the cluster, or unset NOTMNIST_STEPS" in str(caught.value)


@pytest.mark.parametrize("place", ["process", "kubernetes"])
def test_a_step_in_a_job_of_its_own_locks_nothing_in_the_folder_of_the_history(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STEPS, place)

    @dg.asset(required_resource_keys={"one_run"})
    def empty() -> None: ...

    with dg.instance_for_test() as instance:
        done = dg.materialize([empty], instance=instance, resources={"one_run": OneRun()})
        run = instance.get_run_by_id(done.run_id)
        assert run is not None
        locks = {"run.lock", "running"} & {path.name for path in Path(instance.root_directory).iterdir()}
        assert bool(locks) == ("notmnist/process" in run.tags) == (place == "process")
