"""The benchmark at a tiny size: both ways have equal results, and the tables are complete. No timing is tested."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmarks import assignment, duplicates, ours, report
from benchmarks.coverage import ACCURACIES, SIZES, coverage
from benchmarks.measure import Findings, Measurement
from benchmarks.place import Size
from tools.render import render_archives

pytestmark = pytest.mark.long

PROJECT = Path(__file__).resolve().parent.parent
FILES = 60


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives")
    size = Size.from_name(str(FILES))
    render_archives(folder, large_per_letter=size.large, small_per_letter=size.small, workers=1)
    return folder


@pytest.fixture(scope="module")
def results(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark")
    out = folder / "not" / "there" / "yet"
    options = ["--size", str(FILES), "--runs", "1", "--no-warm-up", "--archives", str(archives), "--out", str(out)]
    options += ["--work", str(folder / "work")]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seconds by step, assignment's part of it" in done.stdout
    return out


@pytest.mark.extended
def test_one_command_stores_every_stage_of_both_ways_and_a_plot(results: Path) -> None:
    runs = pd.read_csv(results / "runs.csv")
    assert set(runs.loc[runs["way"] == "ours", "stage"]) == set(ours.STAGES)
    assert set(runs.loc[runs["way"] == "assignment", "stage"]) == set(assignment.STAGES)
    assert (runs[["seconds", "cpu_seconds", "peak_mb"]] > 0).all(axis=None)
    assert (results / "benchmark.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.extended
def test_the_summary_has_ratios_first_and_one_row_per_stage(results: Path) -> None:
    table = pd.read_csv(results / "summary.csv")
    assert list(table["stage"]) == list(ours.STAGES)
    assert list(table.columns[3:6]) == ["times_faster", "times_less_cpu", "times_less_memory"]
    shared = table[table["stage"].isin(assignment.STAGES)]
    np.testing.assert_allclose(shared["times_faster"], shared["assignment_seconds"] / shared["ours_seconds"], rtol=1e-4)
    whole = table.set_index("stage")["assignment_seconds"]
    for stage in report.WHOLES:
        assert whole[stage] == pytest.approx(shared["assignment_seconds"].sum(), rel=1e-4)


def test_a_folder_without_archives_is_an_error_before_any_measurement(tmp_path: Path) -> None:
    options = ["--size", str(FILES), "--archives", str(tmp_path), "--out", str(tmp_path / "results")]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    message = " ".join(done.stderr.replace("│", " ").split())  # the box breaks lines, depending on the path
    assert "does not contain both archives" in message
    assert not (tmp_path / "results").exists()


@pytest.mark.extended
def test_the_steps_of_a_whole_run_add_up_to_its_time(results: Path) -> None:
    profile = pd.read_csv(results / "profile.csv")
    spent = pd.read_csv(results / "runs.csv").set_index("stage")["seconds"]
    assert set(profile["stage"]) == set(report.WHOLES)
    for stage, steps in profile.groupby("stage"):
        assert steps["seconds"].sum() == pytest.approx(spent[stage], rel=1e-3)
        assert steps["share"].sum() == pytest.approx(1, rel=1e-3)
    part = set(profile.loc[profile["stage"] == report.WHOLES[1], "step"])
    assert {"letters_large", "splits", "sanitized", "baselines"} <= part
    assert not part & {"overlap__near_pairs", "overlap__recall", "grouped"}


@pytest.mark.extended
def test_both_ways_have_equal_results(results: Path) -> None:
    runs = pd.read_csv(results / "runs.csv").pivot_table("same", "stage", "way", aggfunc="first")
    for stage in assignment.STAGES:
        found = {way: json.loads(str(runs.loc[stage, way])) for way in report.WAYS}
        assert found["ours"] == found["assignment"], stage
        assert found["ours"], stage


def test_the_growth_exponent_is_the_slope_over_sizes() -> None:
    def run(images: int, way: str, seconds: float) -> report.Run:
        return report.Run(
            str(images), images, way, "splits", 1, Measurement(seconds, 1.0, 10**6, Findings({"n": images}))
        )

    runs = [run(n, way, n**power) for n in (100, 400, 1600) for way, power in (("ours", 1.0), ("assignment", 2.0))]
    table = report.summary(report.runs_table(runs))
    np.testing.assert_allclose(table["ours_growth"], 1.0)
    np.testing.assert_allclose(table["assignment_growth"], 2.0)
    assert table["times_faster"].tolist() == pytest.approx([100, 400, 1600])


def test_different_results_are_reported() -> None:
    runs = [
        report.Run("60", 800, way, "splits", 1, Measurement(1.0, 1.0, 1, Findings({"rows": rows})))
        for way, rows in (("ours", 1), ("assignment", 2))
    ]
    assert not report.summary(report.runs_table(runs))["same"].iloc[0]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux can reset the peak")
def test_the_peak_is_that_of_the_stage_without_memory_freed_before() -> None:
    script = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from benchmarks.measure import Findings, run_stage\n"
        "def stage(place):\n"
        "    before = bytearray(300_000_000); del before\n"
        "    yield\n"
        "    during = bytearray(100_000_000)\n"
        "    yield\n"
        "    after = bytearray(400_000_000)\n"
        "    return Findings()\n"
        "print(run_stage(stage, None).peak_bytes)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 100_000_000 < int(done.stdout) < 300_000_000


@pytest.mark.parametrize("name", ["1/3", "half", "-5"])
def test_an_unknown_size_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="is not among"):
        Size.from_name(name)


def test_the_full_size_has_the_rows_of_the_assignment() -> None:
    splits = Size.from_name("full").splits
    assert splits == {"train": 200_000, "valid": 10_000, "test": 10_000}


def test_the_radius_of_little_data_and_ways_to_remove_near_repeats_are_printed_as_tables(archives: Path) -> None:
    radius = CliRunner().invoke(duplicates.app, ["radius", "--per-letter", "20", "--seed", "1", "--seed", "2"])
    assert radius.exit_code == 0, radius.output
    rows = [line.split(" | ") for line in radius.output.splitlines()[2:]]
    assert [(row[0], row[1], row[3]) for row in rows] == [("| 20", "1", "5"), ("| 20", "2", "5")]
    repeats = CliRunner().invoke(duplicates.app, ["repeats", "--archives", str(archives)])
    assert repeats.exit_code == 0, repeats.output
    kept = [line.split(" | ") for line in repeats.output.splitlines()[2:]]
    assert len(kept) == 12
    assert all(int(row[3]) <= int(row[2]) for row in kept)


@pytest.mark.parametrize("accuracies", ACCURACIES)
def test_the_bootstrap_keeps_its_level_for_groups_of_several_rows(accuracies: tuple[float, float]) -> None:
    found = coverage(list(SIZES)[1], accuracies, 400, draws=400)
    # 93 to 97 % with three standard errors of 400 simulations; the command makes more of them.
    assert 0.90 <= found["bootstrap"] <= 0.99
    assert found["wilson"] < 0.85, "Wilson's interval takes the rows for independent"
