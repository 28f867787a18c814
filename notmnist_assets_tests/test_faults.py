"""The fault injection of `make faults`: a few cases of each kind survive, and a case that does not is reported."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from faults.__main__ import main
from faults.cases import Kind, Outcome
from faults.kinds import KINDS
from faults.worker import run_cases
from notmnist_assets.settings.model import project_home
from notmnist_assets_tests.bad_cases import prepare_bad_cases

pytestmark = pytest.mark.long

SEED = 1
FEW = {"archives": 60, "stored": 16, "http": 10, "machine": 1, "kills": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all kinds, which share an undisturbed run."""
    return tmp_path_factory.mktemp("faults")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", KINDS)
def test_a_few_cases_of_each_kind_survive(folder: Path, name: str) -> None:
    kind = KINDS[name]
    results = list(run_cases(kind, SEED, kind.numbers(FEW[name], SEED), folder))
    assert len(results) == FEW[name]
    assert [result for result in results if result.outcome.is_failure] == []


def test_cases_that_do_not_survive_are_reported_and_the_next_ones_still_run(tmp_path: Path) -> None:
    kind = Kind("bad", "bad cases", 8, 3, prepare_bad_cases, memory=100 << 20)
    results = list(run_cases(kind, SEED, kind.numbers(8, SEED), tmp_path))
    assert [result.number for result in results] == list(range(8))
    assert [result.outcome for result in results] == [
        Outcome.SURVIVED,
        Outcome.LOST,
        Outcome.FOREIGN,
        Outcome.FOREIGN,
        Outcome.HUNG,
        Outcome.MEMORY,
        Outcome.SKIPPED,
        Outcome.SURVIVED,
    ]
    messages = [result.message for result in results]
    assert messages[1] == "it is gone"
    assert "LookupError: from the depths" in messages[2]
    assert "the process ended with 7" in messages[3]
    assert "bad_cases.py" in messages[4], "the stacks say where it hung"


def test_a_case_is_the_same_whenever_it_is_repeated() -> None:
    http = KINDS["http"]
    assert http.numbers(5, 3) == http.numbers(5, 3) != http.numbers(5, 4)
    assert KINDS["archives"].numbers(3, 3) == [0, 1, 2]


def test_the_command_prints_a_table_and_leaves_no_files(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "faults", "--kind", "archives", "--archives", "5", "--work", str(tmp_path)]
    done = subprocess.run(command, cwd=project_home(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = [line.replace("│", " ").split() for line in done.stdout.splitlines() if "archives" in line]
    assert row[:5] == ["archives", "5", "5", "0", "0"]
    assert list(tmp_path.iterdir()) == []


def test_the_daemon_of_the_night_has_the_assets_schedule_and_sensors_of_the_package() -> None:
    # In a process of its own, because the module shortens pauses of the package.
    code = """
from faults.night.definitions import defs
from notmnist_assets.definitions import defs as real
for one in (defs, real):
    print(len(one.assets), len(one.asset_checks), [item.name for item in (*one.schedules, *one.sensors)])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=project_home(), capture_output=True, text=True, check=True)
    night, package = done.stdout.splitlines()
    assert night == package
    assert "upstream_watch" in night


def test_a_case_needs_its_kind_and_seed() -> None:
    with pytest.raises(typer.BadParameter, match="--kind and --seed"):
        main(case=3)
