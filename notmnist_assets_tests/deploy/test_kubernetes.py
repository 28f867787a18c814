"""The Kubernetes job of a run, built by Dagster's launcher from the values of the Helm chart; no cluster is needed."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster_aws.s3 import S3ComputeLogManager
from dagster_k8s import K8sRunLauncher, construct_dagster_k8s_job, k8s_job_executor
from dagster_k8s.container_context import K8sContainerContext

from notmnist_assets.definitions import defs
from notmnist_assets_tests.deploy.test_configuration import KUBERNETES, read

KUBECONFIG = """
clusters: [{name: none, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: none, user: {}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
current-context: none
"""
LARGE = {"container_config": {"resources": {"limits": {"memory": "16Gi"}}}}


def snake_case(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return keys as the chart writes them to `dagster.yaml`."""
    return {re.sub("([A-Z])", r"_\1", key).lower(): value for key, value in values.items()}


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterInstance:
    """An instance with the run launcher and the compute logs of the values, and what the chart adds to them."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    values = read(KUBERNETES / "values.yaml")
    launcher = values["runLauncher"]["config"]["k8sRunLauncher"]
    of_chart = {
        "load_incluster_config": False,
        "kubeconfig_file": str(tmp_path / "kubeconfig"),
        "service_account_name": "dagster",
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": "dagster-postgresql-secret",
        "dagster_home": {"env": "DAGSTER_HOME"},
    }
    logs = snake_case(values["computeLogManager"]["config"]["s3ComputeLogManager"])
    config = {
        "run_launcher": {
            "module": "dagster_k8s",
            "class": values["runLauncher"]["type"],
            "config": {**of_chart, **snake_case(launcher)},
        },
        "compute_logs": {
            "module": "dagster_aws.s3.compute_log_manager",
            "class": values["computeLogManager"]["type"],
            "config": logs,
        },
    }
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return dg.DagsterInstance.get()


def job_of(instance: dg.DagsterInstance, tags: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the Kubernetes job of a run of `refresh`, as the launcher creates it."""
    (deployment,) = read(KUBERNETES / "values.yaml")["dagster-user-deployments"]["deployments"]
    launcher = instance.run_launcher
    assert isinstance(launcher, K8sRunLauncher)
    job = defs.resolve_job_def("refresh")
    run = instance.create_run_for_job(
        job, tags={**job.run_tags, **{name: json.dumps(tag) for name, tag in tags.items()}}
    )
    assert deployment["includeConfigInLaunchedRuns"]["enabled"]
    of_deployment = K8sContainerContext.create_from_config(
        {
            "k8s": {
                "image_pull_policy": deployment["image"]["pullPolicy"],
                "env_secrets": [secret["name"] for secret in deployment["envSecrets"]],
                "env_vars": [f"{variable['name']}={variable['value']}" for variable in deployment["env"]],
            }
        }
    )
    context = launcher.get_container_context_for_run(run).merge(of_deployment)
    image = "{repository}:{tag}".format(**deployment["image"])
    built = construct_dagster_k8s_job(
        context.get_k8s_job_config(image, launcher),
        ["dagster", "api", "execute_run"],
        "dagster-run",
        user_defined_k8s_config=context.run_k8s_config,
    )
    job_spec: Mapping[str, Any] = built.to_dict()
    return job_spec


def container(job: Mapping[str, Any]) -> Mapping[str, Any]:
    (found,) = job["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def test_a_run_is_a_job_with_the_image_settings_and_secrets_of_the_values(instance: dg.DagsterInstance) -> None:
    run = container(job_of(instance, {}))
    assert run["image"] == "notmnist_assets:0.1.0"
    variables = {variable["name"]: variable["value"] for variable in run["env"] if variable["value"]}
    assert variables["NOTMNIST_STORAGE"] == "s3://notmnist/values"
    assert variables["NOTMNIST_PROFILE"] == "full"
    assert [source["secret_ref"]["name"] for source in run["env_from"]] == ["notmnist"]
    assert run["resources"]["limits"] == {"memory": "4Gi"}
    assert run["resources"]["requests"] == {"cpu": "500m", "memory": "2Gi"}


def test_tags_of_a_run_change_its_job(instance: dg.DagsterInstance) -> None:
    job = job_of(instance, {"dagster-k8s/config": LARGE})
    assert container(job)["resources"]["limits"] == {"memory": "16Gi"}
    assert container(job)["image"] == "notmnist_assets:0.1.0"


def test_the_graph_runs_step_by_step_with_the_executor_of_kubernetes() -> None:
    executor = k8s_job_executor.configured({"max_concurrent": 4, "step_k8s_config": LARGE})
    job = dg.define_asset_job("steps", executor_def=executor)
    found = dg.Definitions(
        defs.assets, defs.schedules, defs.sensors, [job], defs.resources, asset_checks=defs.asset_checks
    ).resolve_job_def("steps")
    assert found.executor_def.name == k8s_job_executor.name


def test_compute_logs_are_in_the_bucket_of_the_values(instance: dg.DagsterInstance) -> None:
    manager = instance.compute_log_manager
    assert isinstance(manager, S3ComputeLogManager)
    bucket = read(KUBERNETES / "values.yaml")["dagster-user-deployments"]["deployments"][0]["env"][0]["value"]
    assert bucket.startswith("s3://notmnist/")


def test_web_server_daemon_and_runs_have_the_keys_of_the_bucket() -> None:
    values = read(KUBERNETES / "values.yaml")
    pods = [values["dagsterWebserver"], values["dagsterDaemon"], *values["dagster-user-deployments"]["deployments"]]
    assert all(pod["envSecrets"] == [{"name": "notmnist"}] for pod in pods)
