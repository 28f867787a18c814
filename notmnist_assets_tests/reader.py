"""Runs the commands of the documents in one terminal session, in a folder with the project's files.

Tiny archives replace the originals, and commands that a test cannot run are replaced. An unknown command fails.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest

from notmnist_assets.definitions import defs
from notmnist_assets.settings.model import project_home
from notmnist_assets_tests.documents import Command, sources
from notmnist_assets_tests.sources.server import FaultyServer
from notmnist_assets_tests.specs import asset_specs
from notmnist_assets_tests.workspace import SIZES, Workspace, keys_of

ASSETS = keys_of([spec.key for spec in asset_specs(defs)])

# Each block runs in its own namespace, as in a fresh interpreter; the cells of a notebook share one.
_RUN_PYTHON = """
import json, sys
for cells in json.load(sys.stdin):
    namespace = {}
    for cell in cells:
        exec(compile(cell, cell, "exec"), namespace)
"""


class Reader:
    """A terminal session in `folder`, with the environment of a workspace whose assets are all materialized."""

    def __init__(self, folder: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self.folder = folder
        self._workspace = workspace
        self._monkeypatch = monkeypatch
        self._stack = stack
        for name in ("workspace.yaml", "examples", "notmnist_assets", "tools"):
            (folder / name).symlink_to(project_home() / name)
        monkeypatch.chdir(folder)

    def type(self, command: Command) -> None:
        """Run a command or its replacement; an unknown command fails the test."""
        with pytest.MonkeyPatch.context() as only_now:
            for name, value in self._variables(command.variables).items():
                only_now.setenv(name, value)
            match command.words:
                case ["export", *assignments]:
                    self._export(dict(word.split("=", 1) for word in assignments))
                case ["make", *_]:
                    # Other tests and CI run what the targets do: some are servers, one runs this test.
                    self._process(["make", "--dry-run", "-C", str(project_home()), *command.words[1:]], command)
                case ["uv", "run", "notmnist", "run", "--all"] | ["uv", "run", "dg", "launch", "--job", "refresh"]:
                    self._start_everything(command)
                case ["uv", "run", "notmnist", *arguments]:
                    if "NOTMNIST_PROFILE" in command.variables:
                        # Profiles differ only in how archives are fetched.
                        arguments = [*arguments, "archives"]
                    ended = self._workspace.notmnist(*arguments)
                    assert ended.code == 0, f"{command.text}: {ended.out}{ended.err}"
                case ["uv", "run", "dagster-daemon", *_]:
                    self._watch_daemon(command)
                case ["uv", "run", "python"]:
                    pass  # the Python blocks of the document are the input of this session and run separately
                case ["uv", "run", "python", "-m", "tools.render.sample"]:
                    pass  # it would replace files of the package; the tests of the tool render the same files
                case ["uv", "run", "python", "-m", "tools.render", *arguments]:
                    self._process([sys.executable, "-m", "tools.render", *arguments], command)
                case ["uv", "run", "python", "-m", "benchmarks.coverage", *_]:
                    # As many simulations as the document has take minutes.
                    self._process(
                        [sys.executable, "-m", "benchmarks.coverage", "--repeats", "2", "--draws", "20"], command
                    )
                case ["uv", "run", "python", "-m", "benchmarks.duplicates", *_]:
                    pass  # takes minutes; test_benchmarks.py runs it at a tiny size
                case ["uv", "run", "pytest", path]:
                    self._process([sys.executable, "-m", "pytest", "--collect-only", project_home() / path], command)
                case ["uv", "run", "python", "-m", "notmnist_assets_tests.test_snapshot" as module]:
                    # It would overwrite the file that another test compares.
                    assert find_spec(module), command.text
                case ["uv", "lock" | "build"]:
                    pass  # part of a release, which changes the project
                case ["uv", "run", "python", script]:
                    self._process([sys.executable, script], command)
                case ["uv", "run", "dagster", *arguments]:
                    self._process([_program("dagster"), *arguments], command)
                case ["uv", "run", "--with", "jupyterlab", "jupyter", "lab", notebook]:
                    self.run_python([sources(self.folder / notebook, "code")])
                case _:
                    pytest.fail(f"no test runs this command: {command.text}")

    def run_python(self, programs: Sequence[Sequence[str]]) -> None:
        """Run Python code, each program in its own namespace, without Jupyter, a screen and the user's caches."""
        command = [sys.executable, "-c", _RUN_PYTHON]
        environment = {**os.environ, "MPLBACKEND": "Agg", "HF_HOME": str(self.folder / "huggingface")}
        ended = subprocess.run(
            command, input=json.dumps(programs), capture_output=True, text=True, check=False, env=environment
        )
        assert ended.returncode == 0, ended.stderr

    def _variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the variables with tiny archives, on a server or in a folder, in place of the originals."""
        chosen = dict(variables)
        if chosen.get("NOTMNIST_PROFILE") == "full":
            chosen["NOTMNIST_PROFILE"] = "custom"
            if "NOTMNIST_ARCHIVES" in chosen:
                shutil.copytree(self._workspace.archives, self.folder / chosen["NOTMNIST_ARCHIVES"])
            else:
                server = FaultyServer()
                server.files = {path.name: path.read_bytes() for path in self._workspace.archives.iterdir()}
                self._stack.enter_context(server.running())
                chosen["NOTMNIST_ARCHIVES"] = server.url
        return chosen

    def _export(self, variables: Mapping[str, str]) -> None:
        for name, value in variables.items():
            if name == "PATH":
                assert value == "$PWD/.uv/bin:$PATH", "the Makefile installs uv there"
            else:
                self._monkeypatch.setenv(name, value)
        if "NOTMNIST_ARCHIVES" in variables:
            for name in SIZES:
                self._monkeypatch.delenv(name)

    def _process(self, words: Sequence[str | Path], command: Command) -> None:
        ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
        assert ended.returncode == 0, f"{command.text}: {ended.stdout}{ended.stderr}"

    def _start_everything(self, command: Command) -> None:
        """Start a run of all assets without archives, in a separate history; it ends at the first step.

        Other tests run the whole graph.
        """
        home = self.folder / "history"
        home.mkdir(exist_ok=True)
        with pytest.MonkeyPatch.context() as only_now:
            only_now.setenv("NOTMNIST_ARCHIVES", str(self.folder / "nowhere"))
            only_now.setenv("DAGSTER_HOME", str(home))
            if command.words[2] == "dg":
                words = [_program("dg"), *command.words[3:]]
                ended = subprocess.run(words, capture_output=True, cwd=project_home(), check=False, timeout=120)
                assert ended.returncode == 1
            else:
                assert self._workspace.notmnist(*command.words[3:]).code == 1
            with self._workspace.instance() as instance:
                (run,) = instance.get_runs(limit=1)
                entries = [entry.dagster_event for entry in instance.all_logs(run.run_id)]
        assert run.job_name == "refresh"
        assert run.asset_selection is None or keys_of(list(run.asset_selection)) == ASSETS
        failed = [event.step_key or "" for event in entries if event and event.is_step_failure]
        assert {step.split("__")[0] for step in failed} == {"archives"}

    def _watch_daemon(self, command: Command) -> None:
        """Run the daemon until it evaluates the sensor that a previous command switched on."""
        words = [_program("dagster-daemon"), *command.words[3:]]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as daemon:
            assert daemon.stdout is not None
            try:
                lines = []
                for line in daemon.stdout:
                    lines.append(line)
                    if "upstream_watch skipped: Both archives are" in line:
                        return
            finally:
                daemon.terminate()
        pytest.fail(f"{command.text} ended: {''.join(lines)}")


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
