"""Asks Dagster's webserver for unsynced assets; one server per environment, for all tests."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import httpx

from notmnist_assets.settings.model import project_home
from notmnist_assets_tests.servers import free_port, wait_until_it_answers
from notmnist_assets_tests.workspace import Workspace

_QUERY = "{assetNodes {assetKey {path} staleStatus staleCauses {category}}}"
_START_SECONDS = 240


def unsynced(workspace: Workspace) -> dict[str, set[str]]:
    """Return the assets that "Materialize unsynced" would materialize, each with the categories of its causes."""
    assert os.environ["DAGSTER_HOME"] == str(workspace.home)
    settings = {name: value for name, value in os.environ.items() if name.startswith(("NOTMNIST_", "DAGSTER_HOME"))}
    answer = httpx.post(f"{_webserver(tuple(sorted(settings.items())))}/graphql", json={"query": _QUERY}, timeout=120)
    return {
        "/".join(node["assetKey"]["path"]): {cause["category"] for cause in node["staleCauses"]}
        for node in answer.json()["data"]["assetNodes"]
        if node["staleStatus"] in ("STALE", "MISSING")
    }


@cache
def _webserver(settings: tuple[tuple[str, str], ...]) -> str:
    """Start a webserver with these variables, until this process ends, and return its address."""
    port = free_port()
    log = Path(tempfile.mkdtemp(prefix="notmnist-webserver-")) / "log"
    command = [str(Path(sys.executable).with_name("dagster-webserver")), "--port", str(port), "--read-only"]
    with log.open("wb") as written:
        process = subprocess.Popen(
            [*command, "--module-name", "notmnist_assets.definitions"],
            cwd=project_home(),
            env={**os.environ, **dict(settings)},
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    atexit.register(_stop, process, log.parent)
    url = f"http://127.0.0.1:{port}"
    wait_until_it_answers(process, f"{url}/server_info", log, _START_SECONDS, pause=0.2)
    return url


def _stop(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)
