"""Tabulates the runs of a benchmark with medians, ratios and growth exponents, as CSV and in the terminal."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from benchmarks.measure import Measurement

WAYS: Final = ("ours", "assignment")
WHOLES: Final = ("whole graph", "assignment's part of it")
_OUTSIDE: Final = "start-up, planning, run set-up, tables"
_QUANTITIES: Final = ("seconds", "cpu_seconds", "peak_mb")
_MEGABYTE: Final = 1e6
_SMALLEST_SHARE: Final = 0.01


@dataclass(frozen=True)
class Run:
    """One measured stage.

    Attributes:
        size: name of the size.
        images: number of files in both archives.
        way: ours or assignment.
        stage: name of the stage.
        number: number of the repetition, from 1.
        measurement: its costs and results.
    """

    size: str
    images: int
    way: str
    stage: str
    number: int
    measurement: Measurement


def runs_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return one row per run, with the findings as JSON."""
    return pd.DataFrame(
        [
            {
                "size": run.size,
                "images": run.images,
                "stage": run.stage,
                "way": run.way,
                "run": run.number,
                "seconds": run.measurement.seconds,
                "cpu_seconds": run.measurement.cpu_seconds,
                "peak_mb": run.measurement.peak_bytes / _MEGABYTE,
                "same": json.dumps(run.measurement.findings.same, sort_keys=True),
                "notes": json.dumps(run.measurement.findings.notes),
            }
            for run in runs
        ]
    )


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the medians per size and stage, ratios first.

    Columns: `size`, `images`, `stage`; `times_faster`, `times_less_cpu`, `times_less_memory` (assignment over ours);
    `ours_seconds`, `ours_cpu_seconds`, `ours_peak_mb`, and the same of `assignment`; `same`: whether all runs of both
    ways have the same results, None if only one way has the stage; `ours_growth`, `assignment_growth`: exponent of the
    seconds as a power of the number of files, NaN with one size.

    For whole runs, the seconds of the assignment are the sum over its stages and its peak is their maximum. The whole
    graph computes more than the assignment; "assignment's part of it" computes the same results, with their checks and
    pictures.
    """
    order = list(dict.fromkeys(runs["stage"]))
    keys = ["images", "size", "stage", "way"]
    medians = runs.groupby(keys, sort=False)[list(_QUANTITIES)].median()
    table = medians.reset_index().pivot_table(list(_QUANTITIES), keys[:-1], "way", dropna=False, sort=False)
    table.columns = ["_".join(reversed(names)) for names in table.columns.to_flat_index()]
    table = table.reindex(columns=[f"{way}_{quantity}" for way in WAYS for quantity in _QUANTITIES])
    table = table.dropna(how="all")
    table = table.reset_index()
    table["same"] = [_agreement(runs, size, stage) for size, stage in zip(table["size"], table["stage"], strict=True)]
    table = pd.concat([_fill_whole_runs(images) for _, images in table.groupby("images")])
    place = {stage: number for number, stage in reversed(list(enumerate(order)))}
    table = table.sort_values(
        ["images", "stage"], key=lambda column: column.map(place) if column.name == "stage" else column
    )
    for ratio, quantity in zip(("times_faster", "times_less_cpu", "times_less_memory"), _QUANTITIES, strict=True):
        table[ratio] = table[f"assignment_{quantity}"] / table[f"ours_{quantity}"]
    for way in WAYS:
        table[f"{way}_growth"] = table["stage"].map(_exponents(table, f"{way}_seconds"))
    columns = ["size", "images", "stage", "times_faster", "times_less_cpu", "times_less_memory"]
    columns += [f"{way}_{quantity}" for way in WAYS for quantity in _QUANTITIES]
    return table[[*columns, "same", "ours_growth", "assignment_growth"]].reset_index(drop=True)


def _agreement(runs: pd.DataFrame, size: str, stage: str) -> bool | None:
    here = runs[(runs["size"] == size) & (runs["stage"] == stage)]
    return len(set(here["same"])) == 1 if len(set(here["way"])) == len(WAYS) else None


def _fill_whole_runs(images: pd.DataFrame) -> pd.DataFrame:
    """Set the assignment's costs of the stages that are whole runs to its totals."""
    images = images.copy()
    whole = images["stage"].isin(WHOLES)
    for quantity in _QUANTITIES:
        values = images[f"assignment_{quantity}"]
        images.loc[whole, f"assignment_{quantity}"] = values.max() if quantity == "peak_mb" else values.sum(min_count=1)
    return images


def profile(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the time of each step of whole runs: `size`, `stage`, `step`, `seconds` (median), `share`; longest first.

    The time outside the steps is an additional step: start-up, planning, setting up the run and printing.
    """
    records = []
    for run in runs[runs["stage"].isin(WHOLES)].to_dict("records"):
        steps = json.loads(run["notes"])["steps"]
        steps[_OUTSIDE] = run["seconds"] - sum(steps.values())
        records += [(run["size"], run["stage"], step, seconds) for step, seconds in steps.items()]
    table = pd.DataFrame(records, columns=["size", "stage", "step", "seconds"])
    table = table.groupby(["size", "stage", "step"], as_index=False, sort=False).median()
    table["share"] = table["seconds"] / table.groupby(["size", "stage"])["seconds"].transform("sum")
    return table.sort_values(["size", "stage", "seconds"], ascending=[True, True, False], ignore_index=True)


def _exponents(table: pd.DataFrame, column: str) -> dict[str, float]:
    """Return by stage the slope of log seconds over log images."""
    exponents = {}
    for stage, rows in table.dropna(subset=[column]).groupby("stage"):
        if len(set(rows["images"])) > 1:
            exponents[str(stage)] = float(np.polyfit(np.log(rows["images"]), np.log(rows[column]), 1)[0])
    return exponents


def show(table: pd.DataFrame, console: Console) -> None:
    """Print a summary, one table per size."""
    for size, rows in table.groupby("size", sort=False):
        printed = Table(
            box=SIMPLE,
            title=f"size {size}: {rows['images'].iloc[0]:,} files; assignment / ours, then ours, then assignment",
        )
        for heading in (
            "stage",
            "time x",
            "CPU x",
            "memory x",
            "s",
            "CPU s",
            "MB",
            "s",
            "CPU s",
            "MB",
            "same",
            "growth",
            "growth",
        ):
            printed.add_column(heading, justify="left" if heading == "stage" else "right", no_wrap=True)
        for row in rows.to_dict("records"):
            ratios = [_number(row[name], 1) for name in ("times_faster", "times_less_cpu", "times_less_memory")]
            costs = [
                _number(row[f"{way}_{quantity}"], 0 if quantity == "peak_mb" else 2)
                for way in WAYS
                for quantity in _QUANTITIES
            ]
            same = {True: "yes", False: "NO"}.get(row["same"], "")
            growth = [_number(row[f"{way}_growth"], 2) for way in WAYS]
            printed.add_row(row["stage"], *ratios, *costs, same, *growth)
        console.print(printed)


def show_profile(table: pd.DataFrame, console: Console) -> None:
    """Print the steps of whole runs that take at least 1 % of the time."""
    for (size, stage), rows in table.groupby(["size", "stage"], sort=False):
        printed = Table(box=SIMPLE, title=f"size {size}: seconds by step, {stage}")
        for heading in ("step", "s", "%"):
            printed.add_column(heading, justify="left" if heading == "step" else "right")
        for row in rows[rows["share"] >= _SMALLEST_SHARE].to_dict("records"):
            printed.add_row(row["step"], _number(row["seconds"], 2), _number(100 * row["share"], 0))
        console.print(printed)


def show_peers(table: pd.DataFrame, console: Console, title: str) -> None:
    """Print the costs and results of each duplicate search."""
    printed = Table(*table.columns, title=title)
    for row in table.to_dict("records"):
        printed.add_row(*(_number(value, 3) if isinstance(value, float) else str(value) for value in row.values()))
    console.print(printed)


def store(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """Write tables as CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")


def _number(value: Any, digits: int) -> str:
    return "" if value is None or np.isnan(value) else f"{value:,.{digits}f}"
