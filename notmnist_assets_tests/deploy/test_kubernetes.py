"""The Kubernetes jobs of runs and steps, made by Dagster's launcher and executor from the values of the Helm chart.

No cluster is needed: the API server is that of `kubernetes_api`.
"""

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import dagster as dg
import pytest
import yaml
from dagster_aws.s3 import S3ComputeLogManager
from dagster_k8s import K8sRunLauncher, construct_dagster_k8s_job
from dagster_k8s.container_context import K8sContainerContext

from deploy.celery.launch import wait_for_end
from faults.commands import SIZES
from notmnist_assets.runs.executor import step_executor
from notmnist_assets_tests.deploy import definitions
from notmnist_assets_tests.deploy.conftest import write_all_archives
from notmnist_assets_tests.deploy.kubernetes_api import Job, KubernetesAPI, kubernetes_api
from notmnist_assets_tests.deploy.runs import failures, versions
from notmnist_assets_tests.deploy.test_configuration import KUBERNETES, read

VALUES: Final = read(KUBERNETES / "values.yaml")
(DEPLOYMENT,) = VALUES["dagster-user-deployments"]["deployments"]
VARIABLES: Final[Mapping[str, str]] = {variable["name"]: variable["value"] for variable in DEPLOYMENT["env"]}
IMAGE: Final = "{repository}:{tag}".format(**DEPLOYMENT["image"])
LAUNCHER: Final = VALUES["runLauncher"]["config"]["k8sRunLauncher"]
LIMITS: Final = {"memory": "16Gi"}
LARGE: Final = {"container_config": {"resources": {"limits": LIMITS}}}
TAG: Final = "dagster-k8s/config"
SECRETS: Final = {
    "notmnist": {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"},
    "dagster-postgresql-secret": {"postgresql-password": "password"},
}
SECONDS: Final = 240
STEPS: Final = {"archives__large", "archives__small", "letters_large", "letters_small", "letters__files", "splits"}


def write_instance(home: Path, **more: Any) -> None:
    """Write `dagster.yaml` with the launcher of the values, with what the chart adds to it, and with more."""
    logs = VALUES["computeLogManager"]
    launcher = {
        "load_incluster_config": False,
        "kubeconfig_file": str(home / "kubeconfig"),
        "service_account_name": "dagster",
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": "dagster-postgresql-secret",
        "dagster_home": str(home),
        "job_namespace": "default",
        "resources": LAUNCHER["resources"],
    }
    config = {
        "run_launcher": {"module": "dagster_k8s", "class": VALUES["runLauncher"]["type"], "config": launcher},
        "compute_logs": {
            "module": "dagster_aws.s3.compute_log_manager",
            "class": logs["type"],
            "config": logs["config"]["s3ComputeLogManager"],
        },
        "telemetry": VALUES["telemetry"],
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(config | more))


def container_context(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return what the chart gives to the code server for the jobs of runs and steps."""
    return {
        "k8s": {
            "env": [{"name": name, "value": value} for name, value in variables.items()],
            "env_secrets": [secret["name"] for secret in DEPLOYMENT["envSecrets"]],
            "image_pull_policy": DEPLOYMENT["image"]["pullPolicy"],
            "service_account_name": "dagster-user-deployments",
        }
    }


def variables_of(container: Mapping[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container["env"] if variable.get("value")}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[KubernetesAPI]:
    """An API that records jobs and refuses them."""
    write_instance(tmp_path)
    with kubernetes_api(tmp_path, execute=False) as server:
        yield server


@pytest.fixture
def instance(api: KubernetesAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance with the run launcher and the compute logs of the values."""
    monkeypatch.setenv("DAGSTER_HOME", str(api.folder))
    with dg.DagsterInstance.get() as opened:
        yield opened


@dg.op
def small() -> None: ...


@dg.op(tags={TAG: LARGE})
def large() -> None: ...


@dg.job(executor_def=step_executor("kubernetes"))
def small_job() -> None:
    small()


@dg.job(executor_def=step_executor("kubernetes"))
def large_job() -> None:
    large()


def job_of_run(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the Kubernetes job of a run, as the launcher creates it."""
    launcher = instance.run_launcher
    assert isinstance(launcher, K8sRunLauncher)
    assert DEPLOYMENT["includeConfigInLaunchedRuns"]["enabled"]
    run = instance.create_run_for_job(small_job, tags=tags)
    of_deployment = K8sContainerContext.create_from_config(container_context(VARIABLES))
    context = launcher.get_container_context_for_run(run).merge(of_deployment)
    config = context.get_k8s_job_config(IMAGE, launcher)
    command = ["dagster", "api", "execute_run"]
    built = construct_dagster_k8s_job(config, command, "dagster-run", user_defined_k8s_config=context.run_k8s_config)
    (container,) = built.to_dict()["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def test_a_run_is_a_job_with_the_image_settings_and_secrets_of_the_values(instance: dg.DagsterInstance) -> None:
    container = job_of_run(instance, {})
    assert container["image"] == IMAGE == "notmnist_assets:0.1.0"
    assert variables_of(container).items() >= VARIABLES.items()
    assert [source["secret_ref"]["name"] for source in container["env_from"]] == ["notmnist"]
    assert container["resources"].items() >= LAUNCHER["resources"].items()


def test_a_tag_of_a_run_changes_its_job(instance: dg.DagsterInstance) -> None:
    resources = job_of_run(instance, {TAG: json.dumps(LARGE)})["resources"]
    assert resources["limits"] == LIMITS
    assert resources["requests"] == LAUNCHER["resources"]["requests"]


@pytest.mark.parametrize(
    ("job", "limits"), [(small_job, LAUNCHER["resources"]["limits"]), (large_job, LIMITS)], ids=["values", "tag"]
)
def test_a_step_is_a_job_with_the_resources_of_the_values_or_of_its_tag(
    job: dg.JobDefinition, limits: Mapping[str, str], instance: dg.DagsterInstance, api: KubernetesAPI
) -> None:
    variables = [f"{name}={value}" for name, value in VARIABLES.items()]
    config = {"execution": {"config": {"job_image": IMAGE, "env_vars": variables}}}
    assert not dg.execute_job(dg.reconstructable(job), instance, run_config=config, raise_on_error=False).success
    (posted,) = api.jobs.values()
    assert posted.container["args"] == ["dagster", "api", "execute_step"]
    assert posted.container["image"] == IMAGE
    assert variables_of(posted.container).items() >= VARIABLES.items()
    assert posted.container["resources"] == {**LAUNCHER["resources"], "limits": limits}


def test_compute_logs_are_in_the_bucket_of_the_values(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.compute_log_manager, S3ComputeLogManager)
    bucket = VALUES["computeLogManager"]["config"]["s3ComputeLogManager"]["bucket"]
    assert VARIABLES["NOTMNIST_STORAGE"].startswith(f"s3://{bucket}/")


def test_web_server_daemon_and_runs_have_the_keys_of_the_bucket() -> None:
    pods = [VALUES["dagsterWebserver"], VALUES["dagsterDaemon"], DEPLOYMENT]
    assert all(pod["envSecrets"] == [{"name": "notmnist"}] for pod in pods)


@contextmanager
def daemon(home: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Run Dagster's daemon."""
    command = [program("dagster-daemon"), "run", "-m", definitions.__name__]
    with (home / "daemon.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.5)


def of_steps(api: KubernetesAPI) -> dict[str, list[Job]]:
    """Return the jobs of each step, by the name of the step."""
    found: dict[str, list[Job]] = defaultdict(list)
    for job in list(api.jobs.values()):
        if step := job.labels.get("dagster/op"):
            found[step].append(job)
    return found


@pytest.mark.cluster
@pytest.mark.timeout(2 * SECONDS)
def test_a_run_whose_job_is_lost_goes_on_in_another_and_a_step_whose_job_is_lost_is_repeated_alone(
    tmp_path: Path, lines: list[str]
) -> None:
    write_all_archives(tmp_path)
    monitoring, retries = (VALUES["dagsterDaemon"][name] for name in ("runMonitoring", "runRetries"))
    write_instance(
        tmp_path,
        compute_logs={"module": "dagster.core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"},
        run_monitoring={
            "enabled": monitoring["enabled"],
            "max_resume_run_attempts": monitoring["maxResumeRunAttempts"],
            "poll_interval_seconds": 2,
        },
        run_retries={"enabled": retries["enabled"], "max_retries": retries["maxRetries"]},
    )
    settings = {"profile": "custom", "archives": str(tmp_path / "archives-3"), "storage": str(tmp_path / "pods")}
    variables = {**VARIABLES, **SIZES, **{f"NOTMNIST_{name.upper()}": value for name, value in settings.items()}}
    environment = {
        **os.environ,
        **variables,
        "DAGSTER_HOME": str(tmp_path),
        "DAGSTER_CURRENT_IMAGE": IMAGE,
        "DAGSTER_CLI_API_GRPC_CONTAINER_CONTEXT": json.dumps(container_context(variables)),
    }
    launch = [program("dagster"), "job", "launch", "-m", definitions.__name__, "-j", definitions.pods.name]
    tags = json.dumps({TAG: json.dumps(LARGE)})
    config = json.dumps({"execution": {"config": {"per_step_k8s_config": {"splits": LARGE}}}})
    started = time.monotonic()
    with kubernetes_api(tmp_path, execute=True, secrets=SECRETS) as api:
        # This also creates the history, which the daemon must not do at the same time.
        subprocess.run([*launch, "--tags", tags, "--config-json", config], env=environment, check=True)
        with daemon(tmp_path, environment), dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            wait_until(lambda: len(of_steps(api)) > 1)
            next(iter(api.jobs.values())).kill()
            wait_until(lambda: "letters_small" in of_steps(api))
            of_steps(api)["letters_small"][0].kill()
            run = wait_for_end(instance, SECONDS)
            assert run.is_success, failures(instance, run.run_id)
            runs = instance.get_runs_count()
    steps = of_steps(api)
    assert {name: len(jobs) for name, jobs in steps.items()} == {**dict.fromkeys(STEPS, 1), "letters_small": 2}
    of_runs = [job for job in api.jobs.values() if "dagster/op" not in job.labels]
    assert (runs, len(of_runs)) == (2, 3)
    for job in api.jobs.values():
        assert job.container["image"] == IMAGE
        assert variables_of(job.container).items() >= variables.items()
        assert job.container["envFrom"] == [{"secretRef": {"name": "notmnist"}}]
        changed = job in [*of_runs, *steps["splits"]]
        limits = LIMITS if changed else LAUNCHER["resources"]["limits"]
        assert job.container["resources"] == {**LAUNCHER["resources"], "limits": limits}
    assert not {"run.lock", "running"} & {path.name for path in tmp_path.iterdir()}
    here = {
        **settings,
        "storage": str(tmp_path / "here"),
        **{name[9:].lower(): int(size) for name, size in SIZES.items()},
    }
    run_config = {"resources": {"settings": {"config": here}}}
    assert definitions.defs.resolve_job_def(definitions.pods.name).execute_in_process(run_config=run_config).success
    assert versions(str(tmp_path / "pods")) == versions(str(tmp_path / "here"))
    lines.append(
        f"Kubernetes jobs as processes, two of them killed: {runs} runs, {len(of_runs)} jobs of runs,"
        f" {sum(map(len, steps.values()))} of {len(steps)} steps, {time.monotonic() - started:.0f} s, same bytes"
    )
