"""The configuration files of the deployments name each other's variables, services and modules."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from compose_spec import PyCompose

from deploy.celery.cluster import HERE, WAITING, WEB_SERVER
from notmnist_assets.settings.deployment import PREFIX, STEPS
from notmnist_assets.settings.model import Settings

CONTAINER = HERE.parent / "container"
KUBERNETES = HERE.parent / "kubernetes"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def variables(config: Any) -> Iterator[str]:
    """Yield the environment variables that a configuration of Dagster reads."""
    if isinstance(config, Mapping):
        if set(config) == {"env"}:
            yield config["env"]
        for value in config.values():
            yield from variables(value)


def test_every_service_gets_the_variables_that_the_instance_reads() -> None:
    needed = set(variables(read(HERE / "dagster.yaml")))
    assert needed == {"DAGSTER_POSTGRES_URL", "DAGSTER_CELERY_BROKER", "DAGSTER_S3_BUCKET"}
    services = read(CONTAINER / "compose.yaml")["services"]
    ours = [service for service in services.values() if service["image"] == "notmnist_assets"]
    assert len(ours) == 4
    assert all(needed <= service["environment"].keys() for service in ours)


def test_the_instructions_for_several_machines_name_each_variable_file_and_address() -> None:
    text = (HERE.parent / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Run it on several machines")[2].partition("\n## ")[0]
    assert all(f"(celery/{name})" in section for name in ("dagster.yaml", "workspace.yaml"))
    commands = [line.split() for line in section.partition("```text")[2].partition("```")[0].splitlines()]
    programs = {command[0]: command for command in commands if command}
    assert programs.keys() == {"dagster", "dagster-daemon", "dagster-webserver", "celery"}
    for program in ("dagster", "dagster-webserver"):
        assert "--host" in programs[program], "on loopback otherwise"
    (location,) = read(HERE / "workspace.yaml")["load_from"]
    assert set(variables(location)) == {"DAGSTER_CODE_SERVER_HOST", "DAGSTER_CODE_SERVER_PORT"}


def test_the_compose_file_follows_the_specification_and_names_only_its_own_services_and_volumes() -> None:
    compose = read(CONTAINER / "compose.yaml")
    found = PyCompose.from_yaml(yaml.safe_dump(compose))
    assert set(found.service_names()) == compose["services"].keys()
    for service in compose["services"].values():
        assert set(service.get("depends_on", ())) <= compose["services"].keys()
        assert {volume.partition(":")[0] for volume in service.get("volumes", ())} <= compose["volumes"].keys()
    build = compose["services"]["worker"]["build"]
    assert (CONTAINER / build["context"] / build["dockerfile"]).is_file()


def test_the_image_copies_files_that_exist_and_its_user_can_write_where_runs_have_their_locks() -> None:
    lines = (CONTAINER / "Dockerfile").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith("COPY "):
            assert all((CONTAINER.parent.parent / name).exists() for name in line.split()[1:-1]), line
    owned = next(line for line in lines if "chown" in line).partition("chown")[2]
    home = next(line for line in lines if line.startswith("ENV ")).partition("DAGSTER_HOME=/app/")[2].split()[0]
    assert {home, "/opt/dagster"} <= set(owned.split()), "compose file, Helm chart"


def test_the_code_server_has_the_host_and_port_of_the_workspace() -> None:
    (location,) = read(CONTAINER / "workspace.yaml")["load_from"]
    server = location["grpc_server"]
    command = read(CONTAINER / "compose.yaml")["services"][server["host"]]["command"].split()
    assert command[-2:] == ["--port", str(server["port"])]


def test_every_deployment_waits_for_a_store_and_a_database_that_are_away_for_a_minute() -> None:
    values = read(KUBERNETES / "values.yaml")
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    on_kubernetes = {variable["name"]: variable["value"] for variable in deployment["env"]}
    services = read(CONTAINER / "compose.yaml")["services"]
    for name, value in WAITING.items():
        assert str(services["worker"]["environment"][name]) == on_kubernetes[name] == value
    option, seconds = WEB_SERVER
    assert services["webserver"]["command"].endswith(f"{option} {seconds}")
    assert values["dagsterWebserver"]["dbPoolRecycle"] == int(seconds)


def test_only_settings_that_exist_are_set() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {STEPS}
    compose = read(CONTAINER / "compose.yaml")["services"]["worker"]["environment"]
    (deployment,) = read(KUBERNETES / "values.yaml")["dagster-user-deployments"]["deployments"]
    names = [*compose, *(variable["name"] for variable in deployment["env"])]
    assert {name for name in names if name.startswith(PREFIX)} <= known
    assert find_spec(deployment["dagsterApiGrpcArgs"][-1]) is not None


def test_every_deployment_allows_one_run_at_a_time_and_monitors_runs() -> None:
    instance, values = read(HERE / "dagster.yaml"), read(KUBERNETES / "values.yaml")["dagsterDaemon"]
    assert instance["concurrency"]["runs"]["max_concurrent_runs"] == 1
    assert values["runCoordinator"]["config"]["queuedRunCoordinator"]["maxConcurrentRuns"] == 1
    assert instance["run_monitoring"]["enabled"]
    assert values["runMonitoring"]["enabled"]
