"""The stages that run the graph with `notmnist run`: all assets, those of the assignment, and nothing to do."""

import json
import os
import shutil
import subprocess
import sys
from typing import Final

from benchmarks.measure import Findings, Steps
from benchmarks.place import Place

_PROGRAM: Final = "from notmnist_assets.cli.app import main; main()"
_ASSIGNMENT_ASSETS: Final = (
    "archives",
    "letters",
    "splits",
    "exports/pickle",
    "hashes",
    "overlap/report",
    "sanitized",
    "baselines/metrics",
)


def whole_graph(place: Place) -> Steps:
    """Run `notmnist run` on empty storage: start-up, all assets, checks and pictures."""
    home = place.work / "graph"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    yield
    _notmnist(place)
    yield
    return Findings({}, {"steps": _step_seconds(place)})


def assignment_graph(place: Place) -> Steps:
    """Run `notmnist run` for the assets with a counterpart in the assignment: no near search."""
    # Remove the values of the whole graph, because replacing files takes longer than writing new ones.
    for asset in _ASSIGNMENT_ASSETS:
        shutil.rmtree(place.work / "graph" / "values" / "custom" / asset)
    yield
    _notmnist(place, *_ASSIGNMENT_ASSETS)
    yield
    return Findings({}, {"steps": _step_seconds(place)})


def nothing_to_do(place: Place) -> Steps:
    """Run `notmnist run` again with unchanged inputs."""
    yield
    output = _notmnist(place)
    yield
    return Findings({}, {"last line": output.strip().splitlines()[-1] if output.strip() else ""})


def _environment(place: Place) -> dict[str, str]:
    settings = {
        "PROFILE": "custom",
        "ARCHIVES": str(place.archives),
        "STORAGE": str(place.work / "graph" / "values"),
        "SEED": str(place.seed),
        **{f"{name.upper()}_SIZE": str(rows) for name, rows in place.splits.items()},
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NOTMNIST_")}
    return inherited | {
        **{f"NOTMNIST_{name}": value for name, value in settings.items()},
        "DAGSTER_HOME": str(place.work / "graph"),
    }


def _notmnist(place: Place, *assets: str) -> str:
    command = [sys.executable, "-c", _PROGRAM, "run", *assets]
    # The paths in dagster.yaml are relative to the working directory.
    done = subprocess.run(  # noqa: S603 - the program of this project
        command, cwd=place.work / "graph", env=_environment(place), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"notmnist run failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _step_seconds(place: Place) -> dict[str, float]:
    """Return the seconds of each step of the last run, longest first."""
    script = (
        "import dagster as dg, json\n"
        "with dg.DagsterInstance.get() as instance:\n"
        "    stats = [s for run in instance.get_runs(limit=1) for s in instance.get_run_step_stats(run.run_id)]\n"
        "    print(json.dumps({s.step_key: s.end_time - s.start_time for s in stats if s.end_time and s.start_time}))\n"
    )
    done = subprocess.run(  # noqa: S603 - the script above
        [sys.executable, "-c", script],
        cwd=place.work / "graph",
        env=_environment(place),
        capture_output=True,
        text=True,
        check=True,
    )
    seconds: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return {step: round(spent, 3) for step, spent in sorted(seconds.items(), key=lambda item: -item[1])}
