"""Automation goes on by itself when a code server is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from notmnist_assets.settings.model import project_home
from notmnist_assets_tests.archives import write_archives
from notmnist_assets_tests.browser.dev_server import dev_server
from notmnist_assets_tests.workspace import Workspace

SECONDS = 150
"""The daemon starts another code server once a minute, and loading the definitions takes longer on a busy machine."""


def code_servers(pid: int) -> list[int]:
    """Return the processes below this one that serve the definitions."""
    below = [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]
    servers = [child for child in below if b"grpc" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")]
    return servers + [server for child in below if child not in servers for server in code_servers(child)]


@pytest.mark.extended
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds processes in /proc")
def test_the_queue_moves_by_itself_after_code_servers_of_the_ui_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    write_archives(workspace.archives)
    workspace.enter(monkeypatch)
    with dev_server(workspace.home) as ui, workspace.instance() as instance:
        while len(killed := code_servers(ui.process.pid)) < 2:
            time.sleep(0.2)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        launch = [sys.executable, "-m", "dagster", "job", "launch", "-w", "workspace.yaml", "-j", "checks"]
        subprocess.run(launch, cwd=project_home(), check=True, capture_output=True)
        deadline = time.monotonic() + SECONDS
        while instance.get_run_records(limit=1)[0].start_time is None:
            assert time.monotonic() < deadline, ui.log.read_text()[-4000:]
            time.sleep(0.5)
        assert not set(killed) & set(code_servers(ui.process.pid))
